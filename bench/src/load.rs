//! The load: a fixed number of keep-alive connections, each with one request under way.
//!
//! In steps: a request on every connection, then every answer. So a proxy meets the same pattern whatever its speed. Blocking
//! and single-threaded, in the harness's process: its cost is nobody's.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::backend::BODY;

/// The backend's answer with what a proxy may add.
const LARGEST_ANSWER: usize = 4 * 1024;
/// No answer takes longer, valgrind or not.
const PATIENCE: Duration = Duration::from_mins(1);

/// Open connections to a candidate.
#[derive(Debug)]
pub(crate) struct Load {
    connections: Vec<TcpStream>,
    request: Vec<u8>,
    buffer: Box<[u8]>,
}

impl Load {
    /// Opens `count` connections.
    ///
    /// # Errors
    ///
    /// When the candidate does not accept one.
    pub(crate) fn open(address: SocketAddr, count: usize, request: &[u8]) -> Result<Self> {
        let connections = (0..count).map(|_| connect(address)).collect::<Result<_>>()?;
        Ok(Self { connections, request: request.to_vec(), buffer: vec![0; LARGEST_ANSWER].into() })
    }

    /// Sends `requests` of them, a multiple of the connections, and checks every answer.
    ///
    /// # Errors
    ///
    /// At the first answer that is not 200 with the backend's body.
    pub(crate) fn send(&mut self, requests: u64) -> Result<()> {
        for _ in 0..requests / self.connections.len() as u64 {
            for connection in &mut self.connections {
                connection.write_all(&self.request)?;
            }
            for connection in &mut self.connections {
                read_answer(connection, &mut self.buffer)?;
            }
        }
        Ok(())
    }
}

fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address).with_context(|| format!("nobody listens on {address}"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> Result<()> {
    let mut length = 0;
    loop {
        let read = stream.read(buffer.get_mut(length..).unwrap_or_default())?;
        length += read;
        let answer = buffer.get(..length).unwrap_or_default();
        if is_complete(answer) {
            return Ok(());
        }
        if read == 0 || (length > BODY.len() && !answer.starts_with(b"HTTP/1.1 200 ")) {
            let peer = stream.local_addr()?;
            bail!("not the backend's answer to {peer}: `{}`", String::from_utf8_lossy(answer));
        }
    }
}

/// True for the backend's answer, in full.
fn is_complete(answer: &[u8]) -> bool {
    let separator = answer.windows(4).position(|window| window == b"\r\n\r\n");
    let body = separator.and_then(|place| answer.get(place + 4..));
    answer.starts_with(b"HTTP/1.1 200 ") && body.is_some_and(|body| body == BODY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Backend;

    #[test]
    fn every_request_is_sent_and_answered() {
        let backend = Backend::start().unwrap();
        let request = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
        Load::open(backend.address, 3, request).unwrap().send(12).unwrap();
        assert_eq!(backend.received().requests, 12);
    }

    #[test]
    fn only_the_whole_answer_is_the_answer() {
        let answer = [b"HTTP/1.1 200 OK\r\nx: y\r\n\r\n".as_slice(), BODY].concat();
        assert!(is_complete(&answer));
        assert!(!is_complete(&answer[..answer.len() - 1]));
        assert!(!is_complete(&[b"HTTP/1.1 502 No\r\n\r\n".as_slice(), BODY].concat()));
    }
}
