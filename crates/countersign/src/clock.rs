//! The one place of the binary that reads the clock.

use std::time::{SystemTime, UNIX_EPOCH};

/// Returns the present time.
#[expect(clippy::disallowed_methods, reason = "the binary's commands begin here; everything below takes the time as a parameter")]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

/// Returns the whole seconds since the epoch; 0 before it.
pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
