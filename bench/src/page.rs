//! docs/performance.md: the tables, the goals, and how the numbers were made.

use std::{
    fmt::{self, Display, Write},
    fs,
};

use crate::{
    candidates::version,
    goals::{Goal, Kind, Measurements, micros},
    minting::Speed,
    proxying::{Amount, CONNECTIONS},
    starting::Footprint,
};

/// Returns the whole page.
pub(crate) fn render(measurements: &Measurements, amount: Amount) -> String {
    let mut parts = vec![
        "# What a request costs\n\nWritten by `make bench`; do not edit. Everything below is one run.\n".to_owned(),
        goals(&measurements.goals()),
        costs(measurements, amount),
        minting(&measurements.speeds),
        deciding(measurements),
        process(measurements),
    ];
    parts.extend(measurements.sections.iter().map(|section| section.text.clone()));
    parts.push(machine());
    parts.join("\n")
}

/// A part of the page that has goals of its own.
#[derive(Clone, Debug)]
pub(crate) struct Section {
    /// What must hold.
    pub(crate) goals: Vec<Goal>,
    /// The heading, the table and how it was made.
    pub(crate) text: String,
}

impl Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        self.goals.iter().try_for_each(|goal| write!(f, "\n{}", line(goal)))
    }
}

/// Returns the goals as lines of a table.
fn goals(goals: &[Goal]) -> String {
    let mut text = "| goal | measured | |\n|---|---:|---|\n".to_owned();
    for goal in goals {
        let _ = writeln!(text, "| {} | {} | {} |", goal.text, goal.measured, verdict(goal));
    }
    text += "\nGoals in instructions and bytes do not depend on how busy the machine is: `make bench` fails when one is \
             missed. Times are told with it, as the least of many rounds.\n";
    text
}

/// Returns one goal as a line for a terminal.
pub(crate) fn line(goal: &Goal) -> String {
    format!("{:<8} {:<55} {}", verdict(goal), goal.text, goal.measured)
}

fn verdict(goal: &Goal) -> &'static str {
    match (goal.is_met, goal.kind) {
        (true, _) => "pass",
        (false, Kind::Counted) => "**FAIL**",
        (false, Kind::Timed) => "missed",
    }
}

fn costs(measurements: &Measurements, amount: Amount) -> String {
    let (few, many) = amount.counted;
    let mut text = "## One request through a proxy\n\n\
         | | what | user instructions | processor time, least | median |\n|---|---|---:|---:|---:|\n"
        .to_string();
    for cost in &measurements.costs {
        let (least, median) = (micros(cost.time.least), micros(cost.time.median));
        let _ =
            writeln!(text, "| {} | {} | {} | {least} | {median} |", cost.name, cost.about, grouped(cost.instructions));
    }
    let _ = write!(
        text,
        "\nAll get the same bytes: a `GET` of HTTP/1.1 with an access token, {CONNECTIONS} kept-alive connections with one \
         request under way on each; the answer has 256 bytes. One worker each. Client and backend run outside of the \
         measured process; every answer is checked, and for B2 that the backend saw exactly one `X-JWT-Assertion`; it has \
         {} bytes.\n\n\
         - **User instructions**: `valgrind --tool=callgrind` over all threads of the process, the difference of \
         {} and {} requests divided by {}, so that start and end cancel out.\n\
         - **Processor time**: user and system, of all threads, from `/proc`. {} rounds of {} requests; the candidates \
         take turns within each round.\n\
         - **B0** is [bench/src/bin/bare.rs](../bench/src/bin/bare.rs), on the gateway's HTTP library, allocator, runtime \
         and kind of pool. nginx and HAProxy are Debian's, configured as plain proxies in \
         [bench/src/candidates.rs](../bench/src/candidates.rs); they know nobody.\n",
        measurements.assertion_bytes,
        grouped(few),
        grouped(many),
        grouped(many - few),
        amount.rounds,
        grouped(amount.timed),
    );
    text
}

fn minting(speeds: &[Speed]) -> String {
    let mut text = "## Minting without a cache\n\n\
         | algorithm | primitive alone | Backend JWT composed and signed | rate | `openssl speed` | bytes |\n\
         |---|---:|---:|---:|---:|---:|\n"
        .to_owned();
    for speed in speeds {
        let openssl = speed
            .openssl
            .map_or("not installed".to_owned(), |rate| micros(std::time::Duration::from_secs_f64(1.0 / rate)));
        let _ = writeln!(
            text,
            "| {} | {} | {} | {:.2} × | {openssl} | {} |",
            speed.algorithm,
            micros(speed.raw.least),
            micros(speed.minted.least),
            speed.raw.ratio(speed.minted),
            speed.bytes,
        );
    }
    text += "\nOne thread, the least of 150 rounds, both in turns. The primitive is aws-lc-rs signing as many bytes with a \
             parsed key. `openssl speed` signs a short text with the system's OpenSSL.\n";
    text
}

fn deciding(measurements: &Measurements) -> String {
    let decided = measurements.decided;
    let rows = [
        ("10 operations, all called", decided.ten),
        ("10 000 operations, 10 of different APIs called", decided.ten_thousand),
        ("10 000 operations, all called in turn", decided.all_in_turn),
    ];
    let mut text =
        "## The decision alone\n\n| known token, cached Backend JWT | least | median |\n|---|---:|---:|\n".to_owned();
    for (what, sample) in rows {
        let _ = writeln!(text, "| {what} | {} | {} |", micros(sample.least), micros(sample.median));
    }
    text += "\n`Snapshot::decide` on one thread, in batches of 100 requests with the fields above: from the parsed head to \
             the outgoing one.\n";
    text
}

fn process(measurements: &Measurements) -> String {
    let started = measurements.started;
    let mut text = format!(
        "## The process\n\nWith 1 000 APIs and 10 000 operations: ready after {:.0} ms (least; median {:.0} ms), from the \
         start of the process to `/readyz`, with {:.1} MB of resident memory.\n\n\
         | | resident memory, idle | for each idle connection |\n|---|---:|---:|\n",
        started.ready.least.as_secs_f64() * 1e3,
        started.ready.median.as_secs_f64() * 1e3,
        started.memory as f64 / 1e6,
    );
    for Footprint { name, idle, connection } in &measurements.footprints {
        let _ = writeln!(text, "| {name} | {:.1} MB | {:.1} KiB |", *idle as f64 / 1e6, *connection as f64 / 1024.0);
    }
    text += "\n2 000 kept-alive connections, each after one request, beside 200 that were open before.\n";
    text
}

fn machine() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("?", |(_, name)| name);
    let count = cpus.lines().filter(|line| line.starts_with("processor")).count();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "## Made with\n\n`make bench` on {count} × {model}, Linux {}; {}, {}, {}, {}, {}; release profile.\n",
        kernel.trim(),
        version("rustc", "--version"),
        version("nginx", "-v"),
        version("haproxy", "-v"),
        version("openssl", "version"),
        version("valgrind", "--version"),
    )
}

/// Writes a number in groups of three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!([7, 1_000, 26_612, 1_234_567].map(grouped), ["7", "1 000", "26 612", "1 234 567"]);
    }

    #[test]
    fn a_missed_goal_of_instructions_is_a_failure_and_one_of_time_is_told() {
        let goal = |is_met, kind| Goal { text: "g".to_owned(), measured: "1".to_owned(), is_met, kind };
        assert_eq!(verdict(&goal(true, Kind::Counted)), "pass");
        assert_eq!(verdict(&goal(false, Kind::Counted)), "**FAIL**");
        assert_eq!(verdict(&goal(false, Kind::Timed)), "missed");
    }
}
