//! A `WebSocket`: opened only as the standard says, passed through untouched, and ended between two frames.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::mpsc::{Receiver, Sender, channel},
    time::Duration,
};

use bytes::Bytes;
use h2::{client::SendRequest, ext::Protocol};
use http::{Method, Request};

use crate::{
    backend::SOON,
    client::Client,
    fixture::{GRACE, Proxy},
};

/// The key and the answer of RFC 6455 §1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
/// `hello`, masked as a client has to.
const HELLO: &[u8] = b"\x81\x85\x01\x02\x03\x04igohn";
const SERVERS_HELLO: &[u8] = b"\x81\x05hello";

fn handshake(target: &str, fields: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{fields}\r\n"
    )
}

/// A backend that takes one connection: keeps the head, sends its answer, then what the test gives it.
struct Backend {
    address: SocketAddr,
    heads: Receiver<String>,
    bytes: Receiver<Vec<u8>>,
    send: Option<Sender<Vec<u8>>>,
}

impl Backend {
    fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (head_sender, heads) = channel();
        let (byte_sender, bytes) = channel();
        let (send, to_send) = channel::<Vec<u8>>();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = head_sender.send(read_head(&mut stream));
            stream.write_all(&answer).unwrap();
            let mut writer = stream.try_clone().unwrap();
            std::thread::spawn(move || {
                while to_send.recv().is_ok_and(|bytes| writer.write_all(&bytes).is_ok()) {}
                let _ = writer.shutdown(std::net::Shutdown::Write);
            });
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = stream.read(&mut buffer) {
                let _ = byte_sender.send(buffer[..read].to_vec());
            }
        });
        Self { address, heads, bytes, send: Some(send) }
    }

    fn switching() -> Self {
        Self::answering(SWITCHED)
    }

    fn head(&self) -> String {
        self.heads.recv_timeout(SOON).expect("a handshake at the backend")
    }

    fn send(&self, bytes: &[u8]) {
        let _ = self.send.as_ref().unwrap().send(bytes.to_vec());
    }

    /// Returns everything that comes until the connection is closed.
    fn rest(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        loop {
            match self.bytes.recv_timeout(SOON) {
                Ok(more) => bytes.extend(more),
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return bytes,
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => panic!("still open after {bytes:?}"),
            }
        }
    }
}

fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// Unmasks a client's close frame: code and reason.
fn close_of_client(frame: &[u8]) -> (u16, String) {
    assert_eq!((frame[0], usize::from(frame[1])), (0x88, 0x80 | (frame.len() - 6)), "{frame:?}");
    let payload: Vec<u8> = frame[6..].iter().zip(frame[2..6].iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
    (u16::from_be_bytes([payload[0], payload[1]]), String::from_utf8(payload[2..].to_vec()).unwrap())
}

fn close_of_server(frame: &[u8]) -> (u16, String) {
    assert_eq!((frame[0], usize::from(frame[1])), (0x88, frame.len() - 2), "{frame:?}");
    (u16::from_be_bytes([frame[2], frame[3]]), String::from_utf8(frame[4..].to_vec()).unwrap())
}

fn rest(client: &mut Client) -> Vec<u8> {
    let mut bytes = Vec::new();
    client.read_to_end(&mut bytes);
    bytes
}

fn open(proxy: &Proxy, fields: &str) -> Client {
    let mut client = Client::new(proxy.address);
    client.send(handshake("/websocket", fields));
    let answer = client.receive_head().unwrap();
    assert_eq!(
        (answer.status, answer.field("upgrade"), answer.field("connection")),
        (101, Some("websocket"), Some("Upgrade"))
    );
    assert_eq!(answer.field("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    client
}

fn told(proxy: &Proxy) -> (u64, String, String, String) {
    let line = proxy.line();
    let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
    (line["status"].as_u64().unwrap(), text("outcome"), text("stream"), text("ended"))
}

fn expect_told(proxy: &Proxy, status: u64, outcome: &str, ended: &str) {
    assert_eq!(told(proxy), (status, outcome.to_owned(), "websocket".to_owned(), ended.to_owned()));
}

#[test]
fn bytes_pass_untouched_until_the_client_leaves() {
    let backend = Backend::switching();
    let proxy = Proxy::to(backend.address);
    let mut client = open(&proxy, "Sec-WebSocket-Protocol: chat\r\n");
    let head = backend.head();
    for line in ["GET /websocket HTTP/1.1", "upgrade: websocket", "connection: Upgrade", "x-jwt-assertion: OURS"] {
        assert!(head.lines().any(|found| found == line), "{line}: {head}");
    }
    assert!(head.contains("sec-websocket-protocol: chat\r\n"), "{head}");
    client.send(HELLO);
    assert_eq!(backend.bytes.recv_timeout(SOON).unwrap(), HELLO);
    backend.send(SERVERS_HELLO);
    assert_eq!(client.read(SERVERS_HELLO.len()), SERVERS_HELLO);
    client.send(b"\x88\x80\x01\x02\x03\x04");
    assert_eq!(backend.bytes.recv_timeout(SOON).unwrap(), b"\x88\x80\x01\x02\x03\x04");
    backend.send(b"\x88\x00");
    assert_eq!(client.read(2), b"\x88\x00");
    drop(client);
    expect_told(&proxy, 101, "answered", "client");
    let line = proxy.line();
    assert_eq!((&line["requestBytes"], &line["responseBytes"]), (&17.into(), &9.into()));
    assert_eq!(backend.rest(), b"");
}

#[test]
fn a_backend_that_leaves_ends_it() {
    let mut backend = Backend::switching();
    let proxy = Proxy::to(backend.address);
    let mut client = open(&proxy, "");
    backend.send(SERVERS_HELLO);
    backend.send = None;
    assert_eq!(rest(&mut client), SERVERS_HELLO);
    expect_told(&proxy, 101, "answered", "backend");
}

#[test]
fn both_sides_are_told_when_the_time_is_over() {
    let backend = Backend::switching();
    let proxy = Proxy::to(backend.address);
    let mut client = open(&proxy, "X-Lasts: 300\r\n");
    let expected = (1008, "the access token has expired".to_owned());
    assert_eq!(close_of_server(&rest(&mut client)), expected);
    assert_eq!(close_of_client(&backend.rest()), expected);
    expect_told(&proxy, 101, "expired", "expired");
}

#[test]
fn a_frame_that_has_begun_comes_first() {
    let backend = Backend::switching();
    let proxy = Proxy::to(backend.address);
    let mut client = open(&proxy, "X-Lasts: 300\r\n");
    let send = backend.send.clone().unwrap();
    // Every write ends in the middle of a frame.
    std::thread::spawn(move || {
        let (never, wait): (Sender<()>, Receiver<()>) = channel();
        let _ = send.send(b"\x81\x05he".to_vec());
        while send.send(b"llo\x81\x05he".to_vec()).is_ok() {
            let _ = wait.recv_timeout(Duration::from_millis(10));
        }
        drop(never);
    });
    let received = rest(&mut client);
    let frames =
        received.windows(SERVERS_HELLO.len()).step_by(SERVERS_HELLO.len()).take_while(|frame| *frame == SERVERS_HELLO);
    let close = &received[frames.count() * SERVERS_HELLO.len()..];
    assert_eq!(close_of_server(close).0, 1008, "{received:?}");
}

#[test]
fn stopping_says_so() {
    let backend = Backend::switching();
    let proxy = Proxy::to(backend.address);
    let mut client = open(&proxy, "");
    let lines = std::thread::spawn(move || proxy.stop(Duration::from_millis(100)));
    assert_eq!(close_of_server(&rest(&mut client)).0, 1001);
    assert_eq!(close_of_client(&backend.rest()).0, 1001);
    assert_eq!(lines.join().unwrap()[0]["ended"], "shutdown");
}

#[test]
fn nothing_reaches_the_backend_before_its_word_and_nothing_that_is_no_frame() {
    for (early, late) in
        [("GET /admin HTTP/1.1\r\nHost: a\r\n\r\n", ""), ("", "GET /admin HTTP/1.1\r\nHost: a\r\n\r\n")]
    {
        let backend = Backend::switching();
        let proxy = Proxy::to(backend.address);
        let mut client = Client::new(proxy.address);
        client.send(handshake("/websocket", "") + early);
        assert_eq!(client.receive_head().unwrap().status, 101);
        client.send(late);
        assert_eq!(close_of_server(&rest(&mut client)).0, 1002);
        assert_eq!(close_of_client(&backend.rest()).0, 1002);
    }
}

#[test]
fn an_answer_that_grants_nothing_switches_nothing() {
    let other = SWITCHED.replace("s3pP", "s3pQ");
    for (answer, expected) in [
        (other.as_str(), 502),
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n", 502),
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", 502),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK", 200),
        ("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", 403),
    ] {
        let backend = Backend::answering(answer);
        let proxy = Proxy::to(backend.address);
        let mut client = Client::new(proxy.address);
        client.send(handshake("/websocket", ""));
        let answer = client.receive().unwrap();
        assert_eq!((answer.status, answer.field("upgrade")), (expected, None));
        // The client's connection is one of HTTP still.
        client.send("GET /deny HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.receive().unwrap().status, 401);
        assert_eq!(backend.rest(), b"", "{expected}");
    }
}

#[test]
fn elsewhere_nobody_switches() {
    let backend = Backend::switching();
    let proxy = Proxy::to(backend.address);
    let mut client = Client::new(proxy.address);
    client.send(handshake("/x", ""));
    assert_eq!(client.receive().unwrap().status, 502);
    assert!(!backend.head().contains("upgrade"));
    assert_eq!(backend.rest(), b"");
}

async fn extended_connect(proxy: SocketAddr) -> SendRequest<Bytes> {
    let stream = tokio::net::TcpStream::connect(proxy).await.unwrap();
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let mut sender = sender.ready().await.unwrap();
    while !sender.is_extended_connect_protocol_enabled() {
        tokio::task::yield_now().await;
        sender = sender.ready().await.unwrap();
    }
    sender
}

fn connect_request(target: &str, protocol: &'static str) -> Request<()> {
    Request::builder()
        .method(Method::CONNECT)
        .uri(format!("http://a{target}"))
        .header("sec-websocket-version", "13")
        .header("x-lasts", "1000")
        .extension(Protocol::from_static(protocol))
        .body(())
        .unwrap()
}

fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap().block_on(test)
}

#[test]
fn over_http2_it_is_an_extended_connect() {
    let backend = Backend::switching();
    let proxy = Proxy::to(backend.address);
    run(async {
        let mut sender = extended_connect(proxy.address).await;
        let (response, mut up) = sender.send_request(connect_request("/websocket", "websocket"), false).unwrap();
        let response = response.await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers().get("sec-websocket-accept"), None);
        assert!(backend.head().contains("sec-websocket-key: "));
        up.send_data(Bytes::from_static(HELLO), false).unwrap();
        assert_eq!(backend.bytes.recv_timeout(SOON).unwrap(), HELLO);
        backend.send(SERVERS_HELLO);
        let mut down = response.into_body();
        let mut received = Vec::new();
        while let Some(data) = down.data().await {
            received.extend_from_slice(&data.unwrap());
        }
        let close = received.strip_prefix(SERVERS_HELLO).unwrap();
        assert_eq!(close_of_server(close).0, 1008);
        assert_eq!(close_of_client(&backend.rest()).0, 1008);
    });
    expect_told(&proxy, 200, "expired", "expired");
}

#[test]
fn over_http2_nothing_else_is_switched() {
    for (target, protocol, answer, expected) in [
        ("/x", "websocket", SWITCHED, 501),
        ("/deny", "websocket", SWITCHED, 401),
        ("/websocket", "websocket", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK", 502),
        ("/websocket", "websocket", "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", 403),
    ] {
        let backend = Backend::answering(answer);
        let proxy = Proxy::to(backend.address);
        run(async {
            let mut sender = extended_connect(proxy.address).await;
            let (response, _up) = sender.send_request(connect_request(target, protocol), false).unwrap();
            assert_eq!(response.await.unwrap().status(), expected, "{target} {protocol}");
        });
        drop(proxy);
    }
}

#[test]
fn a_client_that_vanishes_is_recorded() {
    let backend = Backend::switching();
    let proxy = Proxy::to(backend.address);
    drop(open(&proxy, ""));
    assert_eq!(backend.rest(), b"");
    expect_told(&proxy, 101, "abandoned", "client");
    assert_eq!(proxy.stop(GRACE).len(), 1);
}

#[test]
fn what_a_client_sends_while_its_backend_is_asked_does_not_reach_it() {
    let backend = Backend::answering("");
    let proxy = Proxy::to(backend.address);
    let mut client = Client::new(proxy.address);
    client.send(handshake("/websocket", ""));
    backend.head();
    client.send("GET /admin HTTP/1.1\r\nHost: a\r\n\r\n");
    backend.send(SWITCHED.as_bytes());
    assert_eq!(client.receive_head().unwrap().status, 101);
    assert_eq!(close_of_server(&rest(&mut client)).0, 1002);
    assert_eq!(close_of_client(&backend.rest()).0, 1002);
}
