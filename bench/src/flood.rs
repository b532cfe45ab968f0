//! Does a flood of forged tokens slow callers with good ones (docs/security.md, DS-04)? Every forged token is another one,
//! names the provider's key and ends in a signature of the right length: the gateway has to verify it.
//!
//! Callers with good tokens call now and then, with the flood and without it by turns: what else the machine does meets both.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use claims::Algorithm;
use serde_json::json;

use crate::{
    backend::Backend,
    clients::{Client, Met, crowd},
    goals::{Goal, Kind, millis},
    page::Section,
    process::pause,
    progress::progress,
    site::{Plan, Site},
    tokens::{Provider, request},
};

/// Forged tokens in a second, all attackers together.
const RATE: u64 = 10_000;
const ATTACKERS: u64 = 8;
/// Callers with good tokens, and how long each rests between two calls.
const CALLERS: usize = 4;
const REST: Duration = Duration::from_millis(2);
/// How often callers are watched with the flood and without it, and for how long each time.
const ROUNDS: usize = 30;
const ROUND: Duration = Duration::from_millis(500);
/// The flood is on, or off, for so long before callers are watched.
const BEFORE: Duration = Duration::from_millis(50);

/// A flood that is turned on and off.
#[derive(Debug, Default)]
struct Flood {
    is_on: AtomicBool,
    is_over: AtomicBool,
    refused: AtomicU64,
}

/// Measures.
///
/// # Errors
///
/// When the gateway does not start, a good token is refused or a forged one is not.
pub(crate) fn measure(folder: &Path, backend: &Backend) -> Result<Section> {
    progress("a flood of forged tokens");
    let provider = Provider::new(Algorithm::Rs256)?;
    let staff =
        json!({ "name": "staff", "inline": { "users": [{ "user": "alice", "attributes": { "email": "a@b" } }] } });
    let plan = Plan {
        backend: backend.address,
        provider: &provider,
        issuer: None,
        stores: vec![staff],
        apis: &[("orders", "staff")],
        more: json!({}),
        files: Vec::new(),
    };
    let site = plan.start(folder)?;
    let token = provider.token("alice")?;
    let flood = Flood::default();
    let (site, token, shared) = (&site, &*token, &flood);
    let (quiet, flooded) = thread::scope(|scope| {
        let attackers: Vec<_> =
            (0..ATTACKERS).map(|number| scope.spawn(move || shared.attack(site, token, number))).collect();
        let watched = watch(site, &request("orders", token), shared);
        shared.is_over.store(true, Ordering::Relaxed);
        for attacker in attackers {
            match attacker.join() {
                Ok(attacked) => attacked?,
                Err(_) => bail!("an attacker panicked"),
            }
        }
        watched
    })?;
    Ok(section(&quiet, &flooded, flood.refused.into_inner()))
}

impl Flood {
    /// Sends its share of the forged tokens while the flood is on.
    fn attack(&self, site: &Site, token: &str, number: u64) -> Result<()> {
        let (signed, signature) = token.rsplit_once('.').context("the provider's token is no JWT")?;
        let every = Duration::from_secs(ATTACKERS) / u32::try_from(RATE)?;
        let mut client: Client = site.client()?;
        let mut due = Instant::now();
        let mut sent = number;
        while !self.is_over.load(Ordering::Relaxed) {
            if !self.is_on.load(Ordering::Relaxed) {
                pause(Duration::from_millis(1));
                due = Instant::now();
                continue;
            }
            // The number stands where the signature began: no two are the same, and none is right.
            let rest = signature.get(16..).context("the provider's signature is short")?;
            let status = client.ask(&request("orders", &format!("{signed}.{sent:016}{rest}")))?.status;
            if status != 401 {
                bail!("a forged token was answered with {status}");
            }
            self.refused.fetch_add(1, Ordering::Relaxed);
            sent += ATTACKERS;
            due += every;
            if let Some(early) = due.checked_duration_since(Instant::now()) {
                pause(early);
            }
        }
        Ok(())
    }
}

/// Returns what callers with good tokens met without the flood, and with it.
fn watch(site: &Site, good: &[u8], flood: &Flood) -> Result<(Met, Met)> {
    let round = |is_on| {
        flood.is_on.store(is_on, Ordering::Relaxed);
        pause(BEFORE);
        crowd(site.address, CALLERS, ROUND, |_| {
            pause(REST);
            Some(good.to_vec())
        })
    };
    round(false)?;
    let (mut quiet, mut flooded) = (Met::default(), Met::default());
    for _ in 0..ROUNDS {
        quiet.add(round(false)?);
        flooded.add(round(true)?);
    }
    for met in [&quiet, &flooded] {
        if met.with_status(200) != met.times.len() as u64 {
            bail!("good tokens were answered with {:?}", met.statuses);
        }
    }
    Ok((quiet, flooded))
}

fn section(quiet: &Met, flooded: &Met, refused: u64) -> Section {
    let [p50, p99, p50_flooded, p99_flooded] =
        [quiet.within(0.5), quiet.within(0.99), flooded.within(0.5), flooded.within(0.99)];
    let ratio = p99_flooded.as_secs_f64() / p99.as_secs_f64();
    let rate = refused as f64 / (flooded.elapsed.as_secs_f64() + BEFORE.as_secs_f64() * ROUNDS as f64);
    let [p50, p99, p50_flooded, p99_flooded] = [p50, p99, p50_flooded, p99_flooded].map(millis);
    let text = format!(
        "## A flood of forged tokens\n\n\
         | forged tokens in a second | good ones without the flood: p50 | p99 | with it: p50 | p99 | p99 ratio |\n\
         |---:|---:|---:|---:|---:|---:|\n\
         | {rate:.0} | {p50} | {p99} | {p50_flooded} | {p99_flooded} | {ratio:.2} × |\n\n\
         {CALLERS} callers with a known token, each at rest for {} ms between two calls, with the flood and without it by turns, \
         {ROUNDS} times {} ms each. {ATTACKERS} attackers send forged RS256 tokens, each of them another one, {RATE} in a \
         second if they can; each is verified and refused with 401. One worker; attackers, callers and backend run on the \
         same machine.\n",
        REST.as_millis(),
        ROUND.as_millis(),
    );
    let goal = Goal {
        text: "p99 beside 10 000 forged tokens in a second ≤ 2 × without".to_owned(),
        measured: format!("{ratio:.2} × at {rate:.0}"),
        is_met: ratio <= 2.0 && rate >= 0.95 * RATE as f64,
        kind: Kind::Timed,
    };
    Section { goals: vec![goal], text }
}
