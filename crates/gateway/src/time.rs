//! Seconds since the epoch: what tokens count in.

use std::time::{SystemTime, UNIX_EPOCH};

/// Returns whole seconds since the epoch; 0 for times before it.
pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map(|since| since.as_secs()).unwrap_or_default()
}
