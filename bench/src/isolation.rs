//! Does one slow store slow an API that does not use it? Two equal gateways, of which one also serves such an API.
//!
//! The fast API is called on the one and on the other by turns, many times: what else the machine does meets both. The slow
//! API is called by many clients all the time, each time by a user whom its gateway has not met.

use std::{
    fmt::Write,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use anyhow::{Result, bail};
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
    slow::SlowService,
    tokens::{Provider, request, user},
};

/// Clients of the slow API.
const WAITING: u64 = 128;
/// Clients of the fast one.
const CLIENTS: usize = 4;
/// How often each gateway is called, and for how long each time.
const ROUNDS: usize = 60;
const ROUND: Duration = Duration::from_millis(200);
/// How long the slow store takes.
const DELAYS: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(10)];

/// What callers of the fast API met.
#[derive(Clone, Debug)]
pub(crate) struct Isolation {
    delay: Duration,
    alone: Met,
    beside: Met,
}

impl Isolation {
    fn ratio(&self) -> f64 {
        self.beside.within(0.99).as_secs_f64() / self.alone.within(0.99).as_secs_f64()
    }
}

/// Measures.
///
/// # Errors
///
/// When a gateway does not start, or a call of the fast API is not answered with 200.
pub(crate) fn measure(folder: &Path, backend: &Backend) -> Result<Section> {
    let measured: Result<Vec<Isolation>> = DELAYS
        .into_iter()
        .map(|delay| {
            progress(&format!("a store that takes {} ms beside another API", delay.as_millis()));
            one(delay, &folder.join(delay.as_millis().to_string()), backend)
        })
        .collect();
    Ok(section(&measured?))
}

fn one(delay: Duration, folder: &Path, backend: &Backend) -> Result<Isolation> {
    let provider = Provider::new(Algorithm::Es256)?;
    let service = SlowService::start(delay)?;
    let start = |name: &str| {
        let staff =
            json!({ "name": "staff", "inline": { "users": [{ "user": "alice", "attributes": { "email": "a@b" } }] } });
        let plan = Plan {
            backend: backend.address,
            provider: &provider,
            issuer: None,
            stores: vec![staff, service.store("slow", &json!({}))],
            apis: &[("fast", "staff"), ("slow", "slow")],
            more: json!({}),
            files: Vec::new(),
        };
        plan.start(&folder.join(name))
    };
    let (alone, beside) = (start("alone")?, start("beside")?);
    let fast = request("fast", &provider.token("alice")?);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for client in 0..WAITING {
            let (is_over, provider, beside) = (&is_over, &provider, &beside);
            scope.spawn(move || wait_for_slow(client, (beside, provider), is_over));
        }
        let measured = by_turns(delay, &fast, &alone, &beside);
        is_over.store(true, Ordering::Relaxed);
        measured
    })
}

/// Calls the slow API, each time as somebody else, until it is over.
fn wait_for_slow(first: u64, (site, provider): (&Site, &Provider), is_over: &AtomicBool) {
    let calls = || -> Result<()> {
        let mut client: Client = site.client()?;
        let mut number = first;
        while !is_over.load(Ordering::Relaxed) {
            let status = client.ask(&request("slow", &provider.token(&user(number))?))?.status;
            if status != 200 {
                bail!("the slow API answered {status}");
            }
            number += WAITING;
        }
        Ok(())
    };
    if let Err(error) = calls() {
        progress(&format!("a client of the slow API ended: {error:#}"));
    }
}

fn by_turns(delay: Duration, fast: &[u8], alone: &Site, beside: &Site) -> Result<Isolation> {
    let round = |site: &Site, time| crowd(site.address, CLIENTS, time, |_| Some(fast.to_vec()));
    for site in [alone, beside] {
        round(site, ROUND)?;
    }
    // Everybody waits for the slow store by now.
    pause(Duration::from_millis(500));
    let mut isolation = Isolation { delay, alone: Met::default(), beside: Met::default() };
    for _ in 0..ROUNDS {
        isolation.alone.add(round(alone, ROUND)?);
        isolation.beside.add(round(beside, ROUND)?);
    }
    for met in [&isolation.alone, &isolation.beside] {
        if met.with_status(200) != met.times.len() as u64 {
            bail!("the fast API answered {:?}", met.statuses);
        }
    }
    Ok(isolation)
}

fn section(measured: &[Isolation]) -> Section {
    let mut text = "## A slow store beside another API\n\n\
         | each answer of the slow store takes | fast API alone: p50 | p99 | beside it: p50 | p99 | p99 ratio |\n\
         |---|---:|---:|---:|---:|---:|\n"
        .to_owned();
    let mut goals = Vec::new();
    for isolation in measured {
        let Isolation { delay, alone, beside } = isolation;
        let [p50, p99, p50_beside, p99_beside] =
            [alone.within(0.5), alone.within(0.99), beside.within(0.5), beside.within(0.99)].map(millis);
        let (delay, ratio) = (delay.as_millis(), isolation.ratio());
        let _ = writeln!(text, "| {delay} ms | {p50} | {p99} | {p50_beside} | {p99_beside} | {ratio:.2} × |");
        goals.push(Goal {
            text: format!("p99 beside a store of {delay} ms ≤ 1.2 × alone"),
            measured: format!("{ratio:.2} ×"),
            is_met: ratio <= 1.2,
            kind: Kind::Timed,
        });
    }
    let _ = write!(
        text,
        "\nTwo equal gateways of one worker each. On one of them {WAITING} clients call another API all the time, each time as a \
         user who has to be looked up in the slow store, an HTTP service. The fast API (known tokens) is called by {CLIENTS} \
         clients on the one and on the other by turns, {ROUNDS} times {} ms each.\n",
        ROUND.as_millis(),
    );
    Section { goals, text }
}
