//! Times of repeated rounds, reduced to the two that are published.

use std::time::Duration;

/// The least and the middle of some times. The least is what the code costs; the middle tells how busy the machine was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sample {
    /// The least.
    pub(crate) least: Duration,
    /// The one in the middle.
    pub(crate) median: Duration,
}

impl Sample {
    /// Reduces times; zero without any.
    pub(crate) fn of(mut times: Vec<Duration>) -> Self {
        times.sort();
        let at = |index: usize| times.get(index).copied().unwrap_or_default();
        Self { least: at(0), median: at(times.len() / 2) }
    }

    /// Returns how many times the least is that of the other.
    pub(crate) fn ratio(self, other: Self) -> f64 {
        self.least.as_secs_f64() / other.least.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_the_least_and_the_middle() {
        let times = [5, 1, 9, 3, 7].map(Duration::from_secs).to_vec();
        let expected = Sample { least: Duration::from_secs(1), median: Duration::from_secs(5) };
        assert_eq!(Sample::of(times), expected);
        assert!((expected.ratio(Sample { least: Duration::from_secs(2), ..expected }) - 0.5).abs() < 1e-9);
        assert_eq!(Sample::of(Vec::new()), Sample::default());
    }
}
