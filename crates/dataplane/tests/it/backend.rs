//! A raw HTTP/1.1 backend: records the bytes of every request, answers with the bytes that the test gives it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    time::Duration,
};

/// Longer than any test should take.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A request as the backend received it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) line: String,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Vec<String>,
    /// Which connection it came on, from 0.
    pub(crate) connection: usize,
    /// False when the connection ended before the request did.
    pub(crate) is_complete: bool,
}

impl Received {
    pub(crate) fn field(&self, name: &str) -> Vec<&str> {
        self.fields
            .iter()
            .filter(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect()
    }
}

/// What to send back, and what to do with the connection then.
pub(crate) enum Reply {
    /// The bytes, then the next request.
    Send(Vec<u8>),
    /// The bytes, then the connection is closed.
    SendAndClose(Vec<u8>),
    /// The first bytes; the rest when the channel says so.
    SendInParts(Vec<u8>, Receiver<Vec<u8>>),
    /// Nothing, for ever.
    Silence,
}

pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    received: Receiver<Received>,
    /// Says when a connection has ended.
    pub(crate) closed: Receiver<usize>,
}

impl Backend {
    /// Starts a backend that answers `200` with body `OK`.
    pub(crate) fn plain() -> Self {
        Self::start(|_| Reply::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK".to_vec()))
    }

    pub(crate) fn answering(bytes: &'static [u8]) -> Self {
        Self::start(|_| Reply::Send(bytes.to_vec()))
    }

    pub(crate) fn start(reply: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, received) = channel();
        let (closing, closed) = channel();
        let reply = Arc::new(reply);
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let (sender, reply, closing) = (sender.clone(), Arc::clone(&reply), closing.clone());
                std::thread::spawn(move || {
                    serve(stream.unwrap(), number, &sender, &*reply);
                    let _ = closing.send(number);
                });
            }
        });
        Self { address, received, closed }
    }

    /// Returns the next request, complete or not.
    pub(crate) fn next(&self) -> Received {
        self.received.recv_timeout(SOON).expect("a request at the backend")
    }

    /// Returns all requests so far.
    pub(crate) fn so_far(&self) -> Vec<Received> {
        self.received.try_iter().collect()
    }
}

fn serve(stream: TcpStream, connection: usize, sender: &Sender<Received>, reply: &dyn Fn(&Received) -> Reply) {
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    while let Some(received) = read_request(&mut reader, connection) {
        let is_complete = received.is_complete;
        let reply = reply(&received);
        let _ = sender.send(received);
        if !is_complete {
            return;
        }
        match reply {
            Reply::Send(bytes) => {
                if writer.write_all(&bytes).is_err() {
                    return;
                }
            }
            Reply::SendAndClose(bytes) => {
                let _ = writer.write_all(&bytes);
                return;
            }
            Reply::SendInParts(bytes, rest) => {
                let mut parts = std::iter::once(bytes).chain(rest);
                if parts.any(|part| writer.write_all(&part).is_err()) {
                    return;
                }
            }
            Reply::Silence => {
                let _ = reader.read(&mut [0; 1]);
                return;
            }
        }
    }
}

fn read_request(reader: &mut BufReader<TcpStream>, connection: usize) -> Option<Received> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let mut received = Received {
        line: line.trim_end().to_owned(),
        fields: read_fields(reader)?,
        body: Vec::new(),
        trailers: Vec::new(),
        connection,
        is_complete: true,
    };
    if !received.field("transfer-encoding").is_empty() {
        received.is_complete = read_chunks(reader, &mut received).is_some();
    } else if let Some(length) = received.field("content-length").first().map(|length| length.parse().unwrap()) {
        let mut body = reader.take(length);
        received.is_complete = body.read_to_end(&mut received.body).is_ok_and(|read| read as u64 == length);
    }
    Some(received)
}

fn read_fields(reader: &mut impl BufRead) -> Option<Vec<(String, String)>> {
    let mut fields = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            return Some(fields);
        }
        let (name, value) = line.trim_end().split_once(": ").unwrap_or((line.trim_end(), ""));
        fields.push((name.to_owned(), value.to_owned()));
    }
}

fn read_chunks(reader: &mut BufReader<TcpStream>, received: &mut Received) -> Option<()> {
    loop {
        let mut size = String::new();
        reader.read_line(&mut size).ok()?;
        let size = usize::from_str_radix(size.trim_end(), 16).ok()?;
        if size == 0 {
            received.trailers =
                read_fields(reader)?.into_iter().map(|(name, value)| format!("{name}: {value}")).collect();
            return Some(());
        }
        let start = received.body.len();
        received.body.resize(start + size, 0);
        reader.read_exact(&mut received.body[start..]).ok()?;
        reader.read_exact(&mut [0; 2]).ok()?;
    }
}
