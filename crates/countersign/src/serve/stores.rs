//! User stores for the operator: how they are doing, holds, and forgetting.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dataplane::{AuditNotes, Invalidation, Refusal, StoreHold};
use gateway::{Gateway, parse_duration};
use serde_json::{Value, json};
use stores::{BreakerState, StoreStatus};

/// No hold is longer: what is older is nobody's attributes any more.
const LONGEST_HOLD: Duration = Duration::from_hours(7 * 24);

/// Returns the document of `GET /stores`.
pub(super) fn status(gateway: &Gateway) -> String {
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
    })
}

/// Holds a store or ends its hold, and writes that into the audit log.
///
/// # Errors
///
/// [`Refusal`]: no such store, or no such time.
pub(super) fn hold(
    gateway: &Gateway,
    notes: &AuditNotes,
    asked: &StoreHold,
    now: SystemTime,
) -> Result<String, Refusal> {
    let store = &asked.store;
    let unknown = || Refusal::Unknown(format!("there is no user store `{store}`"));
    let done = match &asked.stale {
        None => {
            if !gateway.release(store) {
                return Err(unknown());
            }
            json!({ "event": "user_store_released", "store": store })
        }
        Some(stale) => {
            let stale_for = parse_duration(stale).map_err(|error| Refusal::Failed(format!("`{stale}`: {error}")))?;
            if stale_for.is_zero() || stale_for > LONGEST_HOLD {
                return Err(Refusal::Failed(format!("`{stale}` is not between 1s and 7d")));
            }
            let hold = gateway.hold(store, stale_for).ok_or_else(unknown)?;
            let (stale_for, until) = (stale_for.as_secs(), seconds(hold.until));
            json!({ "event": "user_store_held", "store": store, "staleFor": stale_for, "until": until })
        }
    };
    tracing::warn!("an operator's act: {done}");
    note(notes, done.clone(), now);
    Ok(done.to_string())
}

/// Forgets attributes, and writes that into the audit log, the user as a keyed hash.
///
/// # Errors
///
/// [`Refusal`]: no such store.
pub(super) fn invalidate(
    gateway: &Gateway,
    notes: &AuditNotes,
    invalidation: &Invalidation,
    now: SystemTime,
) -> Result<String, Refusal> {
    let Invalidation { store, user } = invalidation;
    if !gateway.invalidate(store.as_deref(), user.as_deref()) {
        return Err(Refusal::Unknown("there is no such user store".to_owned()));
    }
    let user = user.as_ref().map(|user| gateway.runtime().user_tag("", user).to_string());
    note(notes, json!({ "event": "attributes_invalidated", "store": store, "user": user }), now);
    Ok(r#"{"invalidated":true}"#.to_owned())
}

/// Writes an operator's act into the audit log.
fn note(notes: &AuditNotes, mut act: Value, now: SystemTime) {
    if let Some(act) = act.as_object_mut() {
        act.insert("at".to_owned(), seconds(now).into());
    }
    if !notes.write(&act.to_string()) {
        tracing::error!("an operator's act is missing from the audit log");
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}
