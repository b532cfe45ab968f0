//! One million users in the caches: what they take of the process's memory, beside what has to be kept of them.
//!
//! What has to be kept: each access token (a credential is compared in full), each Backend JWT, and each user's attributes,
//! their names and values. Everything else is what the caches add.

use std::{
    ops::Range,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use anyhow::{Result, bail};
use claims::Algorithm;
use serde_json::{Value, json};

use crate::{
    backend::Backend,
    clients::crowd,
    goals::{Goal, Kind},
    page::Section,
    process::pause,
    progress::progress,
    site::{Plan, Site},
    slow::{SlowService, attributes},
    tokens::{Provider, request, user},
};

/// How many users.
pub(crate) const USERS: u64 = 1_000_000;
/// Clients at once.
const CLIENTS: usize = 8;
/// Users who come first, so that what does not grow with their number is there.
const FIRST: u64 = 2_000;
/// Memory is looked at when everything has come to rest.
const REST: Duration = Duration::from_secs(1);
/// No run takes longer.
const PATIENCE: Duration = Duration::from_mins(15);

/// What was measured, in bytes; all but the users are sums.
#[derive(Clone, Copy, Debug)]
struct Cached {
    users: u64,
    resident: u64,
    /// By the caches' own account.
    accounted: u64,
    tokens: u64,
    jwts: u64,
    attributes: u64,
}

/// Measures with so many users.
///
/// # Errors
///
/// When the gateway does not start, or does not keep them all.
pub(crate) fn measure(folder: &Path, backend: &Backend, users: u64) -> Result<Section> {
    progress(&format!("{users} users in the caches"));
    let provider = Provider::new(Algorithm::Es256)?;
    let service = SlowService::start(Duration::ZERO)?;
    let plan = Plan {
        backend: backend.address,
        provider: &provider,
        issuer: None,
        stores: vec![service.store("people", &json!({ "ttl": "2h", "refreshAhead": "0s", "maxBytes": "8GiB" }))],
        apis: &[("orders", "people")],
        more: json!({ "cache": { "maxBytes": "32GiB" } }),
        files: Vec::new(),
    };
    let site = plan.start(folder)?;
    let tokens = AtomicU64::new(0);
    // Returns the bytes of the tokens and of the Backend JWTs.
    let call = |numbers: Range<u64>| -> Result<(u64, u64)> {
        let request = |number: u64| {
            let number = numbers.start + number;
            let token = (number < numbers.end).then(|| provider.token(&user(number)))?.ok()?;
            tokens.fetch_add(token.len() as u64, Ordering::Relaxed);
            Some(request("orders", &token))
        };
        backend.received();
        let met = crowd(site.address, CLIENTS, PATIENCE, request)?;
        let (sent, received) = (numbers.end - numbers.start, backend.received());
        if met.with_status(200) != sent || received.asserted != sent {
            bail!("of {sent} calls the backend saw {received:?}; answered {:?}", met.statuses);
        }
        Ok((tokens.swap(0, Ordering::Relaxed), received.asserted_bytes))
    };
    call(0..FIRST)?;
    let before = at_rest(&site)?;
    let numbers = FIRST..FIRST + users;
    let (tokens, jwts) = call(numbers.clone())?;
    let after = at_rest(&site)?;
    for name in ["countersign_known_callers", "countersign_user_store_entries"] {
        let kept = site.metric(name)?;
        if (kept - (FIRST + users) as f64).abs() > 0.5 {
            bail!("{name}: {kept} of {} users are kept", FIRST + users);
        }
    }
    let of = |user: &str| attributes(user).iter().map(|(name, value)| name.len() as u64 + length(value)).sum::<u64>();
    Ok(section(Cached {
        users,
        resident: after.0.saturating_sub(before.0),
        accounted: after.1.saturating_sub(before.1),
        tokens,
        jwts,
        attributes: numbers.map(|number| of(&user(number))).sum(),
    }))
}

fn length(value: &Value) -> u64 {
    match value {
        Value::String(text) => text.len() as u64,
        Value::Array(values) => values.iter().map(length).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string().len() as u64,
    }
}

/// Returns the resident memory, and what the caches say that they hold.
fn at_rest(site: &Site) -> Result<(u64, u64)> {
    pause(REST);
    let accounted = site.metric("countersign_known_callers_bytes")? + site.metric("countersign_user_store_bytes")?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of bytes")]
    let accounted = accounted as u64;
    Ok((site.memory()?, accounted))
}

fn section(cached: Cached) -> Section {
    let Cached { users, resident, accounted, tokens, jwts, attributes } = cached;
    let kept = tokens + jwts + attributes;
    let ratio = resident as f64 / kept as f64;
    let honesty = accounted as f64 / resident as f64;
    let each = |bytes: u64| format!("{:.0} B", bytes as f64 / users as f64);
    let text = format!(
        "## One million users\n\n\
         | for each of {users} users | |\n|---|---:|\n| access token | {} |\n| Backend JWT | {} |\n\
         | attributes, names and values | {} |\n| together | {} |\n| resident memory | {} |\n\
         | by the caches' own account | {} |\n\n\
         The growth of the running gateway's resident memory while so many users call for the first time, each with a token of \
         his own (ES256) and five attributes from an HTTP service; all of them are kept. Both `maxBytes` bound what the caches \
         account for: the last row must not be far below the one before it.\n",
        each(tokens),
        each(jwts),
        each(attributes),
        each(kept),
        each(resident),
        each(accounted),
    );
    let counted = |text: &str, measured, is_met| Goal { text: text.to_owned(), measured, is_met, kind: Kind::Counted };
    let goals = vec![
        counted("memory of a million users ≤ 1.5 × their attributes and JWTs", format!("{ratio:.2} ×"), ratio <= 1.5),
        counted("what the caches account for ≥ 0.9 × what they take", format!("{honesty:.2} ×"), honesty >= 0.9),
    ];
    Section { goals, text }
}
