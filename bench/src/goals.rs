//! What the numbers must reach, and whether they do.

use std::time::Duration;

use crate::{
    deciding::Decided,
    minting::Speed,
    page::Section,
    proxying::Cost,
    starting::{Footprint, Started},
};

/// One goal with what was measured.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Goal {
    /// What must hold.
    pub(crate) text: String,
    /// The number that was compared.
    pub(crate) measured: String,
    /// Whether it holds.
    pub(crate) is_met: bool,
    /// How far it can be trusted on a busy machine.
    pub(crate) kind: Kind,
}

/// What a goal is measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Instructions and bytes: the same on every run, so a miss fails `make bench`.
    Counted,
    /// Time: told, but a busy machine may miss it.
    Timed,
}

/// Everything that was measured.
#[derive(Clone, Debug)]
pub(crate) struct Measurements {
    /// What one request costs each candidate.
    pub(crate) costs: Vec<Cost>,
    /// The bytes of the Backend JWT that the backend saw.
    pub(crate) assertion_bytes: u64,
    /// Minting by algorithm.
    pub(crate) speeds: Vec<Speed>,
    /// `decide` alone.
    pub(crate) decided: Decided,
    /// The start with many APIs.
    pub(crate) started: Started,
    /// Memory of each candidate.
    pub(crate) footprints: Vec<Footprint>,
    /// What users and their stores cost.
    pub(crate) sections: Vec<Section>,
}

impl Measurements {
    /// Compares everything with its goal.
    pub(crate) fn goals(&self) -> Vec<Goal> {
        let mut goals = self.instruction_goals().to_vec();
        goals.extend(self.speeds.iter().map(minting_goal));
        goals.extend(self.decision_goals());
        goals.extend(self.process_goals());
        goals.extend(self.sections.iter().flat_map(|section| section.goals.iter().cloned()));
        goals
    }

    fn instructions(&self, name: &str) -> u64 {
        self.costs.iter().find(|cost| cost.name == name).map_or(0, |cost| cost.instructions)
    }

    fn instruction_goals(&self) -> [Goal; 3] {
        let [bare, open, known, nginx] = ["B0", "B1", "B2", "nginx"].map(|name| self.instructions(name));
        let counted = |text: &str, measured: String, is_met| Goal {
            text: text.to_owned(),
            measured,
            is_met,
            kind: Kind::Counted,
        };
        [
            counted("B1 ≤ B0 + 6 000 instructions", difference(open, bare), open <= bare + 6_000),
            counted("B2 ≤ B1 + 2 500 instructions", difference(known, open), known <= open + 2_500),
            counted(
                "B2 ≤ 1.25 × nginx, in instructions",
                format!("{:.2} ×", known as f64 / nginx as f64),
                known as f64 <= 1.25 * nginx as f64,
            ),
        ]
    }

    fn decision_goals(&self) -> [Goal; 2] {
        let Decided { ten, ten_thousand, .. } = self.decided;
        let slowest = ten.least.max(ten_thousand.least);
        let ratio = ten_thousand.ratio(ten);
        [
            timed(
                "`decide` for a known token ≤ 1 µs, 10 operations called",
                micros(slowest),
                slowest <= Duration::from_micros(1),
            ),
            timed(
                "`decide` with 10 000 operations, 10 of them called, ≤ 1.2 × with 10",
                format!("{ratio:.2} ×"),
                ratio <= 1.2,
            ),
        ]
    }

    fn process_goals(&self) -> Vec<Goal> {
        let ready = self.started.ready.least;
        let mut goals = vec![timed(
            "ready with 1 000 APIs and 10 000 operations ≤ 1 s",
            format!("{:.0} ms", ready.as_secs_f64() * 1e3),
            ready <= Duration::from_secs(1),
        )];
        if let Some(known) = self.footprints.iter().find(|footprint| footprint.name == "B2") {
            let counted =
                |text: &str, measured, is_met| Goal { text: text.to_owned(), measured, is_met, kind: Kind::Counted };
            let idle = format!("{:.1} MB", known.idle as f64 / 1e6);
            goals.push(counted("idle memory ≤ 30 MB", idle, known.idle <= 30_000_000));
            let connection = format!("{:.1} KiB", known.connection as f64 / 1024.0);
            goals.push(counted("≤ 16 KiB for each idle connection", connection, known.connection <= 16 * 1024));
        }
        goals
    }
}

fn minting_goal(speed: &Speed) -> Goal {
    let rate = speed.raw.ratio(speed.minted);
    timed(&format!("minting {} ≥ 0.9 × the raw signing rate", speed.algorithm), format!("{rate:.2} ×"), rate >= 0.9)
}

fn timed(text: &str, measured: String, is_met: bool) -> Goal {
    Goal { text: text.to_owned(), measured, is_met, kind: Kind::Timed }
}

fn difference(one: u64, other: u64) -> String {
    format!("{:+}", i128::from(one) - i128::from(other))
}

/// Writes a time in microseconds.
pub(crate) fn micros(time: Duration) -> String {
    format!("{:.2} µs", time.as_secs_f64() * 1e6)
}

/// Writes a time in milliseconds.
pub(crate) fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}
