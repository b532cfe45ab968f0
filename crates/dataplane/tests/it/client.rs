//! A raw HTTP/1.1 client: sends the bytes that a test gives it, reads answers one by one.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
};

use crate::backend::SOON;

/// An answer as the client received it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) version: String,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: String,
    pub(crate) trailers: Vec<(String, String)>,
    /// False when the connection ended before the answer did.
    pub(crate) is_complete: bool,
}

impl Answer {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.get_mut().write_all(bytes.as_ref()).unwrap();
    }

    pub(crate) fn end_sending(&self) {
        self.stream.get_ref().shutdown(Shutdown::Write).unwrap();
    }

    /// Reads the next answer to a request that was no `HEAD`; `None` when the connection ends first.
    pub(crate) fn receive(&mut self) -> Option<Answer> {
        self.receive_to("GET")
    }

    /// Reads the answer's head only: the body is left to be read.
    pub(crate) fn receive_head(&mut self) -> Option<Answer> {
        let line = read_line(&mut self.stream)?;
        let mut words = line.split(' ');
        let version = words.next()?.to_owned();
        let status = words.next()?.parse().unwrap();
        let fields = read_fields(&mut self.stream)?;
        Some(Answer { status, version, fields, body: String::new(), trailers: Vec::new(), is_complete: true })
    }

    pub(crate) fn receive_to(&mut self, method: &str) -> Option<Answer> {
        let mut answer = self.receive_head()?;
        let mut body = Vec::new();
        if method == "HEAD" || matches!(answer.status, 100..200 | 204 | 304) {
        } else if answer.field("transfer-encoding").is_some() {
            answer.is_complete = self.read_chunks(&mut body, &mut answer.trailers).is_some();
        } else if let Some(length) = answer.field("content-length").map(|length| length.parse::<u64>().unwrap()) {
            let read = (&mut self.stream).take(length).read_to_end(&mut body);
            answer.is_complete = read.is_ok_and(|read| read as u64 == length);
        } else {
            self.stream.read_to_end(&mut body).unwrap();
        }
        answer.body = String::from_utf8(body).unwrap();
        Some(answer)
    }

    fn read_chunks(&mut self, body: &mut Vec<u8>, trailers: &mut Vec<(String, String)>) -> Option<()> {
        loop {
            let size = usize::from_str_radix(&read_line(&mut self.stream)?, 16).ok()?;
            if size == 0 {
                *trailers = read_fields(&mut self.stream)?;
                return Some(());
            }
            let start = body.len();
            body.resize(start + size, 0);
            self.stream.read_exact(&mut body[start..]).ok()?;
            self.stream.read_exact(&mut [0; 2]).ok()?;
        }
    }

    /// Reads exactly this many bytes.
    pub(crate) fn read(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Reads what comes until the other side closes.
    pub(crate) fn read_to_end(&mut self, bytes: &mut Vec<u8>) {
        let _ = self.stream.read_to_end(bytes);
    }

    /// True when the other side closes without a further byte.
    pub(crate) fn is_closed(&mut self) -> bool {
        matches!(self.stream.read(&mut [0; 1]), Ok(0) | Err(_))
    }
}

fn read_line(stream: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    match stream.read_line(&mut line) {
        Ok(read) if read > 0 => Some(line.trim_end().to_owned()),
        _ => None,
    }
}

fn read_fields(stream: &mut impl BufRead) -> Option<Vec<(String, String)>> {
    let mut fields = Vec::new();
    loop {
        let line = read_line(stream)?;
        if line.is_empty() {
            return Some(fields);
        }
        let (name, value) = line.split_once(": ").unwrap_or((line.as_str(), ""));
        fields.push((name.to_owned(), value.to_owned()));
    }
}

/// Sends one request on a connection of its own and returns the answer.
pub(crate) fn ask(address: SocketAddr, bytes: impl AsRef<[u8]>) -> Option<Answer> {
    let mut client = Client::new(address);
    client.send(bytes);
    client.receive()
}
