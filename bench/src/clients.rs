//! Any number of clients at once, each with requests of its own: what they were answered, and how soon.
//!
//! One blocking thread for each, in the harness's process: its cost is nobody's. Unlike `load.rs`, which sends one request
//! over and over, this is for callers who differ, and for answers that are refusals.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};

/// An answer of a gateway, refusals included.
const LARGEST_ANSWER: usize = 16 * 1024;
/// No answer takes longer.
const PATIENCE: Duration = Duration::from_mins(1);

/// One connection.
#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
    buffer: Box<[u8]>,
}

/// An answer, whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer<'a> {
    /// The status code.
    pub(crate) status: u16,
    head: &'a str,
    /// The body.
    pub(crate) body: &'a [u8],
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    ///
    /// When nobody listens.
    pub(crate) fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).with_context(|| format!("nobody listens on {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, buffer: vec![0; LARGEST_ANSWER].into() })
    }

    /// Sends a request and waits for its answer.
    ///
    /// # Errors
    ///
    /// When there is no whole answer with a `Content-Length`.
    pub(crate) fn ask(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.stream.write_all(request)?;
        let mut length = 0;
        while !is_whole(self.buffer.get(..length).unwrap_or_default()) {
            let read = self.stream.read(self.buffer.get_mut(length..).unwrap_or_default())?;
            if read == 0 {
                bail!("no whole answer: `{}`", String::from_utf8_lossy(self.buffer.get(..length).unwrap_or_default()));
            }
            length += read;
        }
        let answer = self.buffer.get(..length).unwrap_or_default();
        Answer::read(answer).ok_or_else(|| anyhow!("no HTTP: `{}`", String::from_utf8_lossy(answer)))
    }
}

impl<'a> Answer<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (head, body) = bytes.split_at_checked(end_of_head(bytes)?)?;
        let head = std::str::from_utf8(head).ok()?;
        Some(Self { status: head.split(' ').nth(1)?.parse().ok()?, head, body })
    }

    /// Returns the value of a field, named in lower case.
    pub(crate) fn field(&self, name: &str) -> Option<&'a str> {
        field(self.head, name)
    }
}

fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|place| place + 4)
}

fn is_whole(bytes: &[u8]) -> bool {
    let Some(end) = end_of_head(bytes) else { return false };
    let head = bytes.get(..end).and_then(|head| std::str::from_utf8(head).ok());
    let length = head.and_then(|head| field(head, "content-length")).and_then(|length| length.parse::<usize>().ok());
    bytes.len() >= end + length.unwrap_or(0)
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let pairs = head.lines().filter_map(|line| line.split_once(':'));
    pairs.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// What clients met.
#[derive(Clone, Debug, Default)]
pub(crate) struct Met {
    /// How long each answer took, in order of length.
    pub(crate) times: Vec<Duration>,
    /// How many answers had which status.
    pub(crate) statuses: BTreeMap<u16, u64>,
    /// From the first request to the last answer.
    pub(crate) elapsed: Duration,
}

impl Met {
    /// Returns how long the fastest answers took, this share of them.
    pub(crate) fn within(&self, share: f64) -> Duration {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place among the times")]
        let place = (self.times.len() as f64 * share) as usize;
        self.times.get(place.min(self.times.len().saturating_sub(1))).copied().unwrap_or_default()
    }

    /// Returns how many answers had this status.
    pub(crate) fn with_status(&self, status: u16) -> u64 {
        self.statuses.get(&status).copied().unwrap_or_default()
    }

    /// Adds what others met.
    pub(crate) fn add(&mut self, other: Self) {
        self.times.extend(other.times);
        self.times.sort_unstable();
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        self.elapsed += other.elapsed;
    }
}

/// Lets `clients` send requests by number, from 0 on, until there is none or the time is over.
///
/// # Errors
///
/// At the first request that gets no answer.
pub(crate) fn crowd(
    address: SocketAddr,
    clients: usize,
    time: Duration,
    request: impl Fn(u64) -> Option<Vec<u8>> + Sync,
) -> Result<Met> {
    let next = AtomicU64::new(0);
    let start = Instant::now();
    let one = || -> Result<Met> {
        let mut client = Client::connect(address)?;
        let mut met = Met::default();
        while start.elapsed() < time {
            let Some(request) = request(next.fetch_add(1, Ordering::Relaxed)) else { break };
            let sent = Instant::now();
            let status = client.ask(&request)?.status;
            met.times.push(sent.elapsed());
            *met.statuses.entry(status).or_default() += 1;
        }
        Ok(met)
    };
    let mut all = Met::default();
    let met: Vec<Result<Met>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..clients).map(|_| scope.spawn(one)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(anyhow!("a client panicked")))).collect()
    });
    for met in met {
        all.times.extend_from_slice(&met.as_ref().map_err(|error| anyhow!("{error:#}"))?.times);
        for (status, count) in &met?.statuses {
            *all.statuses.entry(*status).or_default() += count;
        }
    }
    all.times.sort_unstable();
    all.elapsed = start.elapsed();
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Backend;

    #[test]
    fn every_request_is_answered_once() {
        let backend = Backend::start().unwrap();
        let request =
            |number| (number < 100).then(|| format!("GET /{number} HTTP/1.1\r\nhost: a\r\n\r\n").into_bytes());
        let met = crowd(backend.address, 4, PATIENCE, request).unwrap();
        assert_eq!((met.times.len(), met.statuses), (100, BTreeMap::from([(200, 100)])));
        assert_eq!(backend.received().requests, 100);
    }

    #[test]
    fn an_answer_is_whole_with_its_body_and_has_fields() {
        let bytes = b"HTTP/1.1 503 Gone\r\nRetry-After: 5\r\nContent-Length: 2\r\n\r\nab";
        assert!(is_whole(bytes) && !is_whole(&bytes[..bytes.len() - 1]));
        let answer = Answer::read(bytes).unwrap();
        assert_eq!((answer.status, answer.field("retry-after"), answer.body), (503, Some("5"), &b"ab"[..]));
    }

    #[test]
    fn times_have_percentiles() {
        let times = (0..100).map(Duration::from_secs).collect();
        let met = Met { times, ..Met::default() };
        assert_eq!([0.5, 0.99, 1.0].map(|share| met.within(share).as_secs()), [50, 99, 99]);
        assert_eq!(Met::default().within(0.5), Duration::ZERO);
    }
}
