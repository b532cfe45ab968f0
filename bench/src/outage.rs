//! What callers meet while their directory is killed, and how soon they are served when it is back.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use claims::Algorithm;
use serde_json::json;

use crate::{
    backend::Backend,
    clients::{Client, Met},
    goals::{Goal, Kind, millis},
    page::Section,
    process::pause,
    progress::progress,
    servers::StoreServer,
    site::Plan,
    tokens::{Provider, request, user},
};

const PEOPLE: u64 = 5_000;
/// Failures after which the store is left alone.
const FAILURES: u64 = 5;
/// Calls that are refused then, one after the other.
const REFUSED: u64 = 3_000;
/// How often the store is killed.
const ROUNDS: u64 = 3;
/// No recovery takes longer.
const PATIENCE: Duration = Duration::from_mins(1);

/// What was met.
#[derive(Clone, Debug, Default)]
struct Outage {
    refused: Met,
    /// Seconds that the refusals named.
    retry_after: Vec<u64>,
    recoveries: Vec<Duration>,
}

/// Measures.
///
/// # Errors
///
/// When a server does not start, or a caller meets anything but a Backend JWT or a proper refusal.
pub(crate) fn measure(folder: &Path, backend: &Backend) -> Result<Section> {
    progress("a directory that is killed and comes back");
    let mut server = StoreServer::start("ldap", PEOPLE)?;
    let provider = Provider::new(Algorithm::Es256)?;
    let plan = Plan {
        backend: backend.address,
        provider: &provider,
        issuer: None,
        stores: vec![server.store.clone()],
        apis: &[("orders", "people")],
        more: json!({}),
        files: server.files.clone(),
    };
    let site = plan.start(folder)?;
    let mut client = site.client()?;
    // Everybody calls once: nobody's answer is known.
    let mut people = (0..PEOPLE).map(|number| Ok(request("orders", &provider.token(&user(number))?)));
    let mut next = move || people.next().unwrap_or_else(|| bail!("too few people"));
    let mut outage = Outage::default();
    for _ in 0..ROUNDS {
        for _ in 0..20 {
            let answer = client.ask(&next()?)?;
            if answer.status != 200 {
                bail!("with the directory up: {}\n{}", answer.status, site.said());
            }
        }
        server.tell("kill")?;
        for _ in 0..FAILURES {
            refused(&mut client, &next()?)?;
        }
        for _ in 0..REFUSED / ROUNDS {
            let request = next()?;
            let sent = Instant::now();
            outage.retry_after.push(refused(&mut client, &request)?);
            outage.refused.times.push(sent.elapsed());
        }
        server.tell("start")?;
        let back = Instant::now();
        while client.ask(&next()?)?.status != 200 {
            if back.elapsed() > PATIENCE {
                bail!("no recovery\n{}", site.said());
            }
            pause(Duration::from_millis(50));
        }
        outage.recoveries.push(back.elapsed());
    }
    outage.refused.times.sort_unstable();
    Ok(section(&outage))
}

/// Calls, and returns the seconds of the refusal's `Retry-After`.
fn refused(client: &mut Client, request: &[u8]) -> Result<u64> {
    let answer = client.ask(request)?;
    let retry_after = answer.field("retry-after").and_then(|seconds| seconds.parse().ok());
    let says = String::from_utf8_lossy(answer.body).contains("user_store_unavailable");
    match (answer.status, retry_after, says) {
        (503, Some(seconds), true) => Ok(seconds),
        _ => bail!("not a proper refusal: {answer:?}"),
    }
}

fn section(outage: &Outage) -> Section {
    let refused = &outage.refused;
    let [p50, p99, longest] = [0.5, 0.99, 1.0].map(|share| refused.within(share));
    let recovery = outage.recoveries.iter().max().copied().unwrap_or_default();
    let retry_after = (outage.retry_after.iter().min(), outage.retry_after.iter().max());
    let (least, most) = (retry_after.0.copied().unwrap_or_default(), retry_after.1.copied().unwrap_or_default());
    let text = format!(
        "## A directory that is killed\n\n| refusals after {FAILURES} failures: p50 | p99 | longest | `Retry-After` | served again after |\n\
         |---:|---:|---:|---:|---:|\n| {} | {} | {} | {least} to {most} s | {:.1} s |\n\n\
         slapd, killed {ROUNDS} times. {} calls by as many users whom the gateway does not know, one after the other, each \
         refused with 503, `user_store_unavailable` and `Retry-After`; those that try whether the directory is back are among \
         them. The last column is the longest time from when the directory accepts connections to the first call that is \
         served.\n",
        millis(p50),
        millis(p99),
        millis(longest),
        recovery.as_secs_f64(),
        refused.times.len(),
    );
    let goal = |text: &str, measured, is_met| Goal { text: text.to_owned(), measured, is_met, kind: Kind::Timed };
    let limit = Duration::from_millis(5);
    let goals = vec![
        goal("directory killed: refusals after 5 failures < 5 ms (p99)", millis(p99), p99 < limit),
        goal(
            "directory back: served again ≤ 10 s",
            format!("{:.1} s", recovery.as_secs_f64()),
            recovery <= Duration::from_secs(10),
        ),
    ];
    Section { goals, text }
}
