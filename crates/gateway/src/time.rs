//! Seconds since the epoch: what tokens count in.

use std::time::{SystemTime, UNIX_EPOCH};

/// Returns whole seconds since the epoch; 0 for times before it.
pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map(|since| since.as_secs()).unwrap_or_default()
}

/// A moment, counted in seconds once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    /// The time.
    pub time: SystemTime,
    /// Whole seconds since the epoch.
    pub seconds: u64,
}

impl From<SystemTime> for Now {
    fn from(time: SystemTime) -> Self {
        Self { time, seconds: seconds(time) }
    }
}
