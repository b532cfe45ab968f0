//! How soon a gateway with many APIs is ready, and how much memory it and idle connections take.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{candidates::Candidate, load::Load, process::pause, statistics::Sample};

const STARTS: usize = 7;
/// Connections that are kept open and idle.
const IDLE: usize = 2000;
/// No start takes longer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Memory is looked at when everything has come to rest.
const REST: Duration = Duration::from_millis(500);

/// A gateway with 1 000 APIs and 10 000 operations.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Started {
    /// From the start of the process until `/readyz` says so.
    pub(crate) ready: Sample,
    /// Its resident memory then, in bytes.
    pub(crate) memory: u64,
}

/// What connections cost one candidate.
#[derive(Clone, Debug)]
pub(crate) struct Footprint {
    /// The candidate's short name.
    pub(crate) name: &'static str,
    /// Resident memory before the first request, in bytes.
    pub(crate) idle: u64,
    /// What each idle connection adds, in bytes.
    pub(crate) connection: u64,
}

/// Starts a gateway several times.
///
/// # Errors
///
/// When it does not become ready.
pub(crate) fn start(candidate: &Candidate, admin: SocketAddr) -> Result<Started> {
    let (mut times, mut memory) = (Vec::new(), 0);
    start_once(candidate, admin)?;
    for _ in 0..STARTS {
        let (time, used) = start_once(candidate, admin)?;
        times.push(time);
        memory = used;
    }
    Ok(Started { ready: Sample::of(times), memory })
}

fn start_once(candidate: &Candidate, admin: SocketAddr) -> Result<(Duration, u64)> {
    let start = Instant::now();
    let process = candidate.start()?;
    while !is_ready(admin) {
        if start.elapsed() > PATIENCE {
            bail!("the gateway does not become ready: {}", candidate.said());
        }
        pause(Duration::from_millis(1));
    }
    let time = start.elapsed();
    pause(REST);
    let memory = process.memory()?;
    process.stop()?;
    Ok((time, memory))
}

fn is_ready(admin: SocketAddr) -> bool {
    get(admin, "/readyz").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200 "))
}

/// Returns the admin listener's whole answer.
///
/// # Errors
///
/// When it does not answer.
pub(crate) fn get(admin: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(admin)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Opens many connections, each with one request behind it, and looks at the memory.
///
/// # Errors
///
/// When the candidate does not start or answer.
pub(crate) fn footprint(candidate: &Candidate) -> Result<Footprint> {
    let mut process = candidate.start()?;
    process.wait_for(candidate.address)?;
    pause(REST);
    let idle = process.memory()?;
    let warm = open(candidate, IDLE / 10)?;
    pause(REST);
    let before = process.memory()?;
    let connections = open(candidate, IDLE)?;
    pause(REST);
    let after = process.memory()?;
    drop((warm, connections));
    process.stop()?;
    Ok(Footprint { name: candidate.name, idle, connection: after.saturating_sub(before) / IDLE as u64 })
}

fn open(candidate: &Candidate, count: usize) -> Result<Vec<Load>> {
    let mut loads = Vec::with_capacity(count);
    for _ in 0..count {
        let mut load = Load::open(candidate.address, 1, &candidate.request)?;
        load.send(1).with_context(|| candidate.name)?;
        loads.push(load);
    }
    Ok(loads)
}
