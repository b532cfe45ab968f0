//! Notices a system clock that was set or stands still: what was signed by it says times that no backend believes
//! (docs/security.md, FC-05).
//!
//! Compares the wall clock with the steady one, which nobody sets. Reads neither.

use std::time::{Duration, Instant, SystemTime};

/// Further apart than this the two clocks never come by themselves: a correction that is spread over time moves both.
const TOLERANCE: Duration = Duration::from_secs(2);

/// Both clocks, as they were read together.
#[derive(Clone, Copy, Debug)]
pub struct ClockReading {
    /// The wall clock.
    pub wall: SystemTime,
    /// The steady one.
    pub steady: Instant,
}

/// How far the wall clock is from where it should be, by the steady one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockStep {
    /// It was put forward, or the machine slept.
    Forward(Duration),
    /// It was put back, or stood still.
    Back(Duration),
}

/// Compares the clocks from time to time.
#[derive(Debug)]
pub struct ClockWatch {
    since: ClockReading,
}

impl ClockWatch {
    /// Begins with the clocks as they are now.
    pub fn new(now: ClockReading) -> Self {
        Self { since: now }
    }

    /// Says whether the wall clock was set since the last step, or the beginning.
    pub fn look(&mut self, now: ClockReading) -> Option<ClockStep> {
        let expected = self.since.wall + now.steady.saturating_duration_since(self.since.steady);
        let step = match now.wall.duration_since(expected) {
            Ok(ahead) => ClockStep::Forward(ahead),
            Err(behind) => ClockStep::Back(behind.duration()),
        };
        let (ClockStep::Forward(distance) | ClockStep::Back(distance)) = step;
        if distance <= TOLERANCE {
            return None;
        }
        self.since = now;
        Some(step)
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    const HOUR: i64 = 3_600_000;

    /// Looks when the clocks have moved by so many milliseconds since the beginning.
    fn check(looks: &[(i64, u64, Option<ClockStep>)]) {
        let (wall, steady) = (UNIX_EPOCH + Duration::from_secs(1_000_000_000), Instant::now());
        let mut watch = ClockWatch::new(ClockReading { wall, steady });
        for (moved, passed, expected) in looks {
            let distance = Duration::from_millis(moved.unsigned_abs());
            let wall = if *moved < 0 { wall - distance } else { wall + distance };
            let now = ClockReading { wall, steady: steady + Duration::from_millis(*passed) };
            assert_eq!(watch.look(now), *expected, "{moved} {passed}");
        }
    }

    #[test]
    fn clocks_that_go_together_are_no_step() {
        check(&[(1000, 1000, None), (2000, 2001, None), (90_000_999, 90_000_000, None)]);
    }

    #[test]
    fn a_step_is_told_once() {
        let hour = Duration::from_hours(1);
        check(&[
            (1000 + HOUR, 1000, Some(ClockStep::Forward(hour))),
            (2000 + HOUR, 2000, None),
            (3000, 3000, Some(ClockStep::Back(hour))),
            (4000, 4000, None),
        ]);
    }

    #[test]
    fn a_clock_that_stands_still_is_told_again_and_again() {
        let three = Some(ClockStep::Back(Duration::from_secs(3)));
        check(&[(0, 1000, None), (0, 2000, None), (0, 3000, three), (0, 5000, None), (0, 6000, three)]);
    }
}
