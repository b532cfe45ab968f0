//! Operators' acts at run time, each noted in the audit log; and how user stores are doing.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gateway::{Gateway, parse_duration};
use serde_json::{Value, json};
use stores::{BreakerState, StoreStatus};

use super::{AdminParts, problem::Problem};

/// No hold is longer: what is older is nobody's attributes any more.
const LONGEST_HOLD: Duration = Duration::from_hours(7 * 24);

/// Returns the document of `GET /stores`.
pub(super) fn store_status(gateway: &Gateway) -> String {
    let stores: Vec<Value> = gateway.store_status().iter().map(|(name, status)| store(name, status)).collect();
    json!({ "stores": stores }).to_string()
}

fn store(name: &str, status: &StoreStatus) -> Value {
    let counters = &status.counters;
    json!({
        "name": name,
        "state": match counters.breaker {
            BreakerState::Closed => "asked",
            BreakerState::Open => "left alone",
            BreakerState::Probing => "tried again",
        },
        "lastFailure": status.last_failure.as_ref().map(|failure| json!({ "at": failure.at, "reason": &*failure.reason })),
        "hold": status.hold.map(|hold| json!({ "staleFor": hold.stale_for.as_secs(), "until": seconds(hold.until) })),
        "users": counters.entries,
        "bytes": counters.bytes,
        "hits": counters.hits,
        "misses": counters.misses,
        "coalesced": counters.coalesced,
        "refreshes": counters.refreshes,
        "failures": counters.failures,
        "refused": counters.refused,
        "staleServed": counters.stale_served,
        "latency": status.latency.map(|latency| {
            json!({ "p50Microseconds": microseconds(latency.p50), "p99Microseconds": microseconds(latency.p99) })
        }),
    })
}

/// Lets a store's old answers serve, or ends that with `None`; writes that into the audit log.
///
/// # Errors
///
/// No such store, or no such time.
pub(super) fn hold(parts: &AdminParts, store: &str, stale: Option<&str>, by: &str) -> Result<Value, Problem> {
    let gateway = &parts.gateway;
    let unknown = || Problem::not_found(format!("there is no user store `{store}`"));
    let done = match stale {
        None => {
            if !gateway.release(store) {
                return Err(unknown());
            }
            json!({ "event": "user_store_released", "store": store })
        }
        Some(stale) => {
            let stale_for =
                parse_duration(stale).map_err(|error| Problem::unprocessable(format!("`{stale}`: {error}")))?;
            if stale_for.is_zero() || stale_for > LONGEST_HOLD {
                return Err(Problem::unprocessable(format!("`{stale}` is not between 1s and 7d")));
            }
            let hold = gateway.hold(store, stale_for).ok_or_else(unknown)?;
            let (stale_for, until) = (stale_for.as_secs(), seconds(hold.until));
            json!({ "event": "user_store_held", "store": store, "staleFor": stale_for, "until": until })
        }
    };
    tracing::warn!("an operator's act: {done}");
    note(parts, done.clone(), by);
    Ok(done)
}

/// Forgets attributes, and writes that into the audit log, the user as a keyed hash.
///
/// # Errors
///
/// No such store.
pub(super) fn invalidate(parts: &AdminParts, store: Option<&str>, user: Option<&str>, by: &str) -> Result<(), Problem> {
    if !parts.gateway.invalidate(store, user) {
        return Err(Problem::not_found("there is no such user store"));
    }
    let user = user.map(|user| parts.gateway.runtime().user_tag("", user).to_string());
    note(parts, json!({ "event": "attributes_invalidated", "store": store, "user": user }), by);
    Ok(())
}

/// Writes what somebody did, or whom they looked at, into the audit log.
pub(super) fn note(parts: &AdminParts, mut act: Value, by: &str) {
    if let Some(act) = act.as_object_mut() {
        act.insert("at".to_owned(), seconds((parts.clock)()).into());
        act.insert("by".to_owned(), by.into());
    }
    if !(parts.note)(&act.to_string()) {
        tracing::error!("an operator's act is missing from the audit log");
    }
}

/// Returns whole microseconds.
pub(super) fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}
