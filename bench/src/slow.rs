//! A service of user data that takes its time: an HTTP call-out's other end. Knows everybody.
//!
//! One blocking thread for each connection, in the harness's process.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use anyhow::Result;
use serde_json::{Value, json};

use crate::process::pause;

/// A running service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SlowService {
    address: SocketAddr,
}

/// What the service says of a user: the attributes, by their canonical names.
pub(crate) fn attributes(user: &str) -> [(&'static str, Value); 5] {
    let number = user.rsplit('-').next().unwrap_or_default();
    [
        ("email", json!(format!("{user}@corp.example.com"))),
        ("given_name", json!(format!("Given-{number}"))),
        ("family_name", json!(format!("Family-{number}"))),
        ("department", json!("Department of Orders")),
        ("groups", json!(["orders-readers", "orders-writers", "staff"])),
    ]
}

impl SlowService {
    /// Starts it on a free port; each answer takes `delay`.
    ///
    /// # Errors
    ///
    /// When no port or thread can be had.
    pub(crate) fn start(delay: Duration) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        thread::Builder::new().name("slow".to_owned()).spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || answer_all(stream, delay));
            }
        })?;
        Ok(Self { address })
    }

    /// Returns the operator's entry for it.
    pub(crate) fn store(self, name: &str, cache: &Value) -> Value {
        let attributes: serde_json::Map<String, Value> =
            attributes("").into_iter().map(|(name, _)| (format!("/{name}"), name.into())).collect();
        json!({
            "name": name,
            "http": {
                "url": format!("http://{}/people/{{user}}", self.address), "user": "/login", "timeout": "20s", "pool": 512,
            },
            "attributes": attributes,
            "cache": cache,
        })
    }
}

/// Answers until the gateway closes. Requests have no body, so a head is a request.
fn answer_all(mut stream: TcpStream, delay: Duration) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut buffer = vec![0; 16 * 1024];
    let mut length = 0;
    loop {
        let read = stream.read(buffer.get_mut(length..)?).ok().filter(|read| *read > 0)?;
        length += read;
        let head = buffer.get(..length)?;
        if head.ends_with(b"\r\n\r\n") {
            let user = std::str::from_utf8(head).ok()?.split(' ').nth(1)?.rsplit('/').next()?.to_owned();
            if !delay.is_zero() {
                pause(delay);
            }
            stream.write_all(answer(&user).as_bytes()).ok()?;
            length = 0;
        }
    }
}

fn answer(user: &str) -> String {
    let mut body: serde_json::Map<String, Value> =
        attributes(user).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    body.insert("login".to_owned(), user.into());
    let body = Value::from(body).to_string();
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}
