//! What one request costs a proxy: user instructions by callgrind, and processor time in interleaved rounds.
//!
//! Instructions do not depend on how busy the machine is; time does, so its minimum is the one to compare.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::{
    backend::Backend,
    candidates::{Assertion, Candidate},
    load::Load,
    process::{Process, counted_instructions, under_callgrind},
    statistics::Sample,
};

/// Connections under load.
pub(crate) const CONNECTIONS: usize = 8;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Amount {
    /// Requests of the shorter and of the longer run under callgrind.
    pub(crate) counted: (u64, u64),
    /// Rounds of timed requests.
    pub(crate) rounds: usize,
    /// Requests of each candidate in each round.
    pub(crate) timed: u64,
}

impl Amount {
    /// Enough for numbers to publish.
    pub(crate) const FULL: Self = Self { counted: (4_000, 20_000), rounds: 11, timed: 20_000 };
}

/// What one request costs one candidate.
#[derive(Clone, Debug)]
pub(crate) struct Cost {
    /// The candidate's short name.
    pub(crate) name: &'static str,
    /// What it is.
    pub(crate) about: String,
    /// User instructions.
    pub(crate) instructions: u64,
    /// Processor time, user and system.
    pub(crate) time: Sample,
}

/// Measures all candidates.
///
/// # Errors
///
/// When one does not start, or an answer or what the backend saw is not as it must be.
pub(crate) fn measure(candidates: &[Candidate], backend: &Backend, amount: Amount) -> Result<Vec<Cost>> {
    let mut costs = Vec::new();
    for (candidate, time) in candidates.iter().zip(times(candidates, backend, amount)?) {
        costs.push(Cost {
            name: candidate.name,
            about: candidate.about.clone(),
            instructions: instructions(candidate, backend, amount).with_context(|| candidate.name)?,
            time,
        });
    }
    Ok(costs)
}

/// Returns the user instructions of one request: the difference of two runs, so that start and end cancel out.
///
/// # Errors
///
/// See [`measure`].
pub(crate) fn instructions(candidate: &Candidate, backend: &Backend, amount: Amount) -> Result<u64> {
    let (few, many) = amount.counted;
    let less = counted(candidate, backend, few)?;
    let more = counted(candidate, backend, many)?;
    Ok(more.saturating_sub(less) / (many - few))
}

fn counted(candidate: &Candidate, backend: &Backend, requests: u64) -> Result<u64> {
    let out = tempfile::NamedTempFile::new()?;
    profile(candidate, backend, requests, out.path())?;
    counted_instructions(out.path())
}

/// Serves `requests` under callgrind, which writes its profile to `out`.
///
/// # Errors
///
/// See [`measure`].
pub(crate) fn profile(candidate: &Candidate, backend: &Backend, requests: u64, out: &Path) -> Result<()> {
    let mut process = Process::start(under_callgrind(&candidate.command(), out), candidate.log())?;
    process.wait_for(candidate.address)?;
    let mut load = Load::open(candidate.address, CONNECTIONS, &candidate.request)?;
    send(candidate, backend, &mut load, requests)?;
    drop(load);
    process.stop()?;
    Ok(())
}

/// Returns the processor time of one request, for each candidate. All run; one at a time is under load.
///
/// # Errors
///
/// See [`measure`].
pub(crate) fn times(candidates: &[Candidate], backend: &Backend, amount: Amount) -> Result<Vec<Sample>> {
    let mut running = Vec::new();
    for candidate in candidates {
        let mut process = candidate.start()?;
        process.wait_for(candidate.address).with_context(|| candidate.name)?;
        let mut load = Load::open(candidate.address, CONNECTIONS, &candidate.request)?;
        send(candidate, backend, &mut load, amount.timed / 10)?;
        running.push((candidate, process, load, Vec::new()));
    }
    for _ in 0..amount.rounds {
        for (candidate, process, load, rounds) in &mut running {
            let before = process.cpu_time()?;
            send(candidate, backend, load, amount.timed)?;
            let used = process.cpu_time()?.saturating_sub(before);
            rounds.push(used.div_f64(amount.timed as f64));
        }
    }
    running.into_iter().map(|(_, process, _, rounds)| process.stop().map(|_| Sample::of(rounds))).collect()
}

/// Sends requests and checks that the backend saw each of them, with the Backend JWT that it must have.
fn send(candidate: &Candidate, backend: &Backend, load: &mut Load, requests: u64) -> Result<()> {
    backend.received();
    load.send(requests).with_context(|| candidate.said())?;
    let received = backend.received();
    let asserted = match candidate.assertion {
        Assertion::Absent => 0,
        Assertion::Present => requests,
    };
    if received.requests != requests || received.asserted != asserted || received.ambiguous != 0 {
        bail!("{}: of {requests} requests the backend saw {received:?}", candidate.name);
    }
    Ok(())
}
