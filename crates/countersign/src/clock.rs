//! The one place of the binary that reads the clock.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use gateway::ClockReading;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Returns the present time.
#[expect(
    clippy::disallowed_methods,
    reason = "the binary's commands begin here; everything below takes the time as a parameter"
)]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

/// Reads the wall clock and the steady one together.
pub(crate) fn reading() -> ClockReading {
    ClockReading { wall: now(), steady: Instant::now() }
}

/// Returns the whole seconds since the epoch; 0 before it.
pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Writes seconds since the epoch as RFC 3339 in UTC; beyond the calendar, the number.
pub(crate) fn text(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    time.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_else(|| seconds.to_string())
}
