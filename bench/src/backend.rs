//! The backend of all candidates: gives every request the same answer and notes the Backend JWTs that it was sent.
//!
//! One blocking thread for each connection, in the harness's process: its cost is nobody's.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use anyhow::Result;

/// The body of every answer.
pub(crate) const BODY: &[u8; 256] = &[b'a'; 256];
const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 256\r\n\
    Date: Tue, 24 Nov 2026 08:00:00 GMT\r\nCache-Control: no-store\r\n\r\n";
const ASSERTION: &[u8] = b"x-jwt-assertion:";

/// A running backend.
#[derive(Debug)]
pub(crate) struct Backend {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    seen: Arc<Seen>,
}

/// What the backend was sent.
#[derive(Debug, Default)]
struct Seen {
    requests: AtomicU64,
    asserted: AtomicU64,
    ambiguous: AtomicU64,
    assertion_bytes: AtomicU64,
    asserted_bytes: AtomicU64,
    assertion: Mutex<Vec<u8>>,
}

/// What the backend was sent since the last look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    /// All requests.
    pub(crate) requests: u64,
    /// Requests with exactly one `X-JWT-Assertion`.
    pub(crate) asserted: u64,
    /// Requests with more than one.
    pub(crate) ambiguous: u64,
    /// The length of the last one's value.
    pub(crate) assertion_bytes: u64,
    /// The length of all of them.
    pub(crate) asserted_bytes: u64,
}

impl Backend {
    /// Starts to listen on a free port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// When no port or thread can be had.
    pub(crate) fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let seen = Arc::new(Seen::default());
        let shared = Arc::clone(&seen);
        thread::Builder::new().name("backend".to_owned()).spawn(move || {
            for stream in listener.incoming().flatten() {
                let seen = Arc::clone(&shared);
                thread::spawn(move || answer_all(stream, &seen));
            }
        })?;
        Ok(Self { address, seen })
    }

    /// Returns what was received since the last call.
    pub(crate) fn received(&self) -> Received {
        let take = |count: &AtomicU64| count.swap(0, Ordering::Relaxed);
        Received {
            requests: take(&self.seen.requests),
            asserted: take(&self.seen.asserted),
            ambiguous: take(&self.seen.ambiguous),
            assertion_bytes: self.seen.assertion_bytes.load(Ordering::Relaxed),
            asserted_bytes: take(&self.seen.asserted_bytes),
        }
    }

    /// Returns the Backend JWT that was sent last.
    pub(crate) fn last_assertion(&self) -> Vec<u8> {
        self.seen.assertion.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Answers until the proxy closes. Requests have no body, so a head is a request.
fn answer_all(mut stream: TcpStream, seen: &Seen) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let answer = [HEAD.as_bytes(), BODY].concat();
    let mut buffer = vec![0; 64 * 1024];
    let mut length = 0;
    loop {
        let read = stream.read(buffer.get_mut(length..)?).ok().filter(|read| *read > 0)?;
        length += read;
        let head = buffer.get(..length)?;
        if head.ends_with(b"\r\n\r\n") {
            seen.note(head);
            stream.write_all(&answer).ok()?;
            length = 0;
        }
    }
}

impl Seen {
    fn note(&self, head: &[u8]) {
        let lines = head.split(|byte| *byte == b'\n');
        let mut assertions = lines.filter_map(assertion);
        let (first, second) = (assertions.next(), assertions.next());
        self.requests.fetch_add(1, Ordering::Relaxed);
        match (first, second) {
            (None, _) => {}
            (Some(assertion), None) => {
                self.asserted.fetch_add(1, Ordering::Relaxed);
                self.assertion_bytes.store(assertion.len() as u64, Ordering::Relaxed);
                self.asserted_bytes.fetch_add(assertion.len() as u64, Ordering::Relaxed);
                let mut last = self.assertion.lock().unwrap_or_else(PoisonError::into_inner);
                last.clear();
                last.extend_from_slice(assertion);
            }
            (Some(_), Some(_)) => {
                self.ambiguous.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// Returns the value, if the line is a Backend JWT's.
fn assertion(line: &[u8]) -> Option<&[u8]> {
    let (name, value) = line.split_at_checked(ASSERTION.len())?;
    name.eq_ignore_ascii_case(ASSERTION).then_some(value.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assertions_are_counted_in_any_case_and_two_are_not_one() {
        let seen = Seen::default();
        seen.note(b"GET / HTTP/1.1\r\nhost: a\r\nX-Jwt-Assertion: abc\r\n\r\n");
        seen.note(b"GET / HTTP/1.1\r\nx-jwt-assertion: a\r\nX-JWT-ASSERTION: b\r\n\r\n");
        seen.note(b"GET / HTTP/1.1\r\nx-jwt: a\r\n\r\n");
        let backend = Backend { address: ([127, 0, 0, 1], 0).into(), seen: Arc::new(seen) };
        let expected = Received { requests: 3, asserted: 1, ambiguous: 1, assertion_bytes: 3, asserted_bytes: 3 };
        assert_eq!(backend.received(), expected);
        assert_eq!(backend.last_assertion(), b"abc");
        assert_eq!(
            backend.received(),
            Received { requests: 0, asserted: 0, ambiguous: 0, asserted_bytes: 0, ..expected }
        );
    }
}
