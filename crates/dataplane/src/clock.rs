//! The one place of this crate that reads the wall clock: everything else gets the time as a parameter.

use std::time::SystemTime;

/// Returns the current time.
#[expect(clippy::disallowed_methods, reason = "the enforcement point is where time enters")]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}
