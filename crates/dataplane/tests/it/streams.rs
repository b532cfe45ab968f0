//! Answers that go on: what ends them when the caller's time is over, and how that looks to the client.

use std::{
    net::SocketAddr,
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use bytes::Bytes;
use gateway::Upstream;
use http::{HeaderMap, Request, Response};
use tokio::net::{TcpListener, TcpStream};

use crate::{
    backend::{Backend, Reply, SOON},
    client::{Answer, Client},
    fixture::{GRACE, Proxy, Setup},
};

/// Requests that end the client's time while the answer goes on: some of it has passed by then.
const BRIEFLY: &str = "GET /x HTTP/1.1\r\nHost: a\r\nX-Lasts: 300\r\n\r\n";

fn head(kind: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n").into_bytes()
}

fn chunk(text: &str) -> Vec<u8> {
    format!("{:x}\r\n{text}\r\n", text.len()).into_bytes()
}

/// A backend that sends a head, and then the same text again and again, for as long as it is listened to.
fn repeating(head: Vec<u8>, text: &'static str) -> Backend {
    Backend::start(move |_| {
        let (sender, parts) = channel();
        std::thread::spawn(move || while sender.send(paced(chunk(text))).is_ok() {});
        Reply::SendInParts(head.clone(), parts)
    })
}

/// Keeps a backend from sending all that fits into the sockets' buffers at once.
fn paced(bytes: Vec<u8>) -> Vec<u8> {
    let (sender, receiver): (_, Receiver<()>) = channel();
    let _ = receiver.recv_timeout(Duration::from_millis(20));
    drop(sender);
    bytes
}

/// A backend that sends these bytes, and nothing more.
fn halting(bytes: Vec<u8>) -> Backend {
    Backend::start(move |_| {
        let (sender, parts) = channel();
        std::mem::forget(sender);
        Reply::SendInParts(bytes.clone(), parts)
    })
}

fn ask(proxy: &Proxy, request: &str) -> Answer {
    let mut client = Client::new(proxy.address);
    client.send(request);
    client.receive().unwrap()
}

fn told(proxy: &Proxy) -> (String, String, String) {
    let line = proxy.line();
    let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
    (text("outcome"), text("stream"), text("ended"))
}

fn expired(kind: &str) -> (String, String, String) {
    ("expired".to_owned(), kind.to_owned(), "expired".to_owned())
}

#[test]
fn an_event_stream_that_waits_ends_in_order() {
    let backend = halting([head("text/event-stream; charset=utf-8"), chunk("data: 1\n\n")].concat());
    let proxy = Proxy::to(backend.address);
    let answer = ask(&proxy, BRIEFLY);
    assert_eq!((answer.is_complete, answer.body.as_str()), (true, "data: 1\n\n"));
    assert_eq!(told(&proxy), expired("event_stream"));
}

#[test]
fn an_event_stream_that_flows_ends_between_two_events() {
    let backend = repeating([head("text/event-stream"), chunk("da")].concat(), "ta: 1\n\nda");
    let proxy = Proxy::to(backend.address);
    let answer = ask(&proxy, BRIEFLY);
    assert!(answer.is_complete);
    assert!(answer.body.ends_with("data: 1\n\n"), "{:?}", answer.body);
    assert_eq!(told(&proxy), expired("event_stream"));
}

#[test]
fn an_event_that_does_not_end_is_not_waited_for() {
    let backend = repeating([head("text/event-stream"), chunk("data: 1\n\ndata: ")].concat(), "2");
    let proxy = Proxy::to(backend.address);
    let answer = ask(&proxy, BRIEFLY);
    assert!(answer.is_complete);
    assert!(answer.body.ends_with("22"), "{:?}", answer.body);
    assert_eq!(told(&proxy), expired("event_stream"));
}

#[test]
fn what_cannot_be_cut_is_broken_off() {
    let encoded = "text/event-stream\r\nContent-Encoding: gzip";
    for kind in ["application/x-ndjson", "application/octet-stream", encoded] {
        let backend = repeating(head(kind), "{}\n");
        let proxy = Proxy::to(backend.address);
        let answer = ask(&proxy, BRIEFLY);
        assert!(!answer.is_complete, "{kind}");
        assert_eq!(told(&proxy), ("expired".to_owned(), String::new(), String::new()));
    }
}

#[test]
fn an_answer_of_declared_length_is_not_cut_short() {
    let backend = Backend::start(move |_| {
        let (sender, parts) = channel();
        std::thread::spawn(move || {
            for _ in 0..100 {
                sender.send(paced(b"x".to_vec())).unwrap();
            }
        });
        Reply::SendInParts(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 100\r\n\r\n".to_vec(),
            parts,
        )
    });
    let proxy = Proxy::to(backend.address);
    let answer = ask(&proxy, BRIEFLY);
    assert_eq!((answer.is_complete, answer.body.len()), (true, 100));
    assert_eq!(told(&proxy).0, "answered");
}

#[test]
fn a_stream_without_an_end_of_its_own_goes_on_until_somebody_leaves() {
    let (more, rest) = channel();
    let rest = std::sync::Mutex::new(Some(rest));
    let start = [head("text/event-stream"), chunk("data: 1\n\n")].concat();
    let backend = Backend::start(move |_| Reply::SendInParts(start.clone(), rest.lock().unwrap().take().unwrap()));
    let proxy = Proxy::to(backend.address);
    let mut client = Client::new(proxy.address);
    client.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.receive_head().unwrap().status, 200);
    assert_eq!(client.read(14), b"9\r\ndata: 1\n\n\r\n");
    more.send(chunk("data: 2\n\n")).unwrap();
    assert_eq!(client.read(14), b"9\r\ndata: 2\n\n\r\n");
    drop(client);
    assert_eq!(told(&proxy), ("abandoned".to_owned(), "event_stream".to_owned(), "client".to_owned()));
}

#[test]
fn stopping_ends_streams_in_order_when_the_grace_time_is_over() {
    let backend = halting([head("text/event-stream"), chunk("data: 1\n\n")].concat());
    let proxy = Proxy::to(backend.address);
    let mut client = Client::new(proxy.address);
    client.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    backend.next();
    let lines = std::thread::spawn(move || proxy.stop(Duration::from_millis(300)));
    let answer = client.receive().unwrap();
    assert_eq!((answer.is_complete, answer.body.as_str()), (true, "data: 1\n\n"));
    assert_eq!(lines.join().unwrap()[0]["ended"], "shutdown");
}

#[test]
fn a_body_that_goes_on_is_refused_when_the_time_is_over() {
    let backend = Backend::plain();
    let proxy = Proxy::to(backend.address);
    let mut client = Client::new(proxy.address);
    client.send("POST /x HTTP/1.1\r\nHost: a\r\nX-Lasts: 300\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    assert_eq!(client.receive().unwrap().status, 401);
    assert!(!backend.next().is_complete);
    assert_eq!(proxy.line()["outcome"], "unauthorized");
}

fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap().block_on(test)
}

/// A gRPC backend that answers with these bytes and no end, and says when its call was ended.
async fn grpc_backend(bytes: &'static [u8]) -> (SocketAddr, tokio::sync::oneshot::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (ended, has_ended) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut connection = h2::server::handshake(stream).await.unwrap();
        let (_, mut respond) = connection.accept().await.unwrap().unwrap();
        tokio::spawn(async move { while connection.accept().await.is_some() {} });
        let response = Response::builder().header("content-type", "application/grpc+proto").body(()).unwrap();
        let mut body = respond.send_response(response, false).unwrap();
        body.send_data(Bytes::from_static(bytes), false).unwrap();
        std::future::poll_fn(|cx| body.poll_reset(cx)).await.unwrap();
        let _ = ended.send(());
    });
    (address, has_ended)
}

async fn grpc_call(proxy: SocketAddr) -> (Vec<u8>, HeaderMap) {
    let stream = TcpStream::connect(proxy).await.unwrap();
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let request = Request::post("http://a/pkg.Service/Watch").header("x-lasts", "300").body(()).unwrap();
    // The client goes on sending, as a bidirectional call does.
    let (response, mut upload) = sender.ready().await.unwrap().send_request(request, false).unwrap();
    upload.send_data(Bytes::from_static(b"\0\0\0\0\0"), false).unwrap();
    let mut body = response.await.unwrap().into_body();
    let mut received = Vec::new();
    while let Some(data) = body.data().await {
        received.extend_from_slice(&data.unwrap());
    }
    (received, body.trailers().await.unwrap().unwrap())
}

#[test]
fn a_grpc_call_ends_with_its_status() {
    for bytes in [b"\0\0\0\0\x02ab".as_slice(), b"\0\0\0\0\x02ab\0\0\0"] {
        run(async {
            let (address, has_ended) = grpc_backend(bytes).await;
            let proxy = Setup::to(address).upstream(Upstream::Http2).start();
            let (received, trailers) = grpc_call(proxy.address).await;
            assert_eq!(received, bytes);
            assert_eq!(trailers["grpc-status"], "16");
            assert_eq!(trailers["grpc-message"], "the access token has expired");
            tokio::time::timeout(SOON, has_ended).await.expect("the backend learns of it").unwrap();
            let lines = tokio::task::spawn_blocking(move || proxy.stop(GRACE)).await.unwrap();
            assert_eq!((&lines[0]["stream"], &lines[0]["outcome"]), (&"grpc".into(), &"expired".into()));
        });
    }
}

#[test]
fn an_event_stream_ends_its_http2_stream_and_anything_else_resets_it() {
    for (kind, is_in_order) in [("text/event-stream", true), ("application/x-ndjson", false)] {
        let backend = repeating(head(kind), "data: 1\n\n");
        let proxy = Proxy::to(backend.address);
        run(async {
            let stream = TcpStream::connect(proxy.address).await.unwrap();
            let (sender, connection) = h2::client::handshake(stream).await.unwrap();
            tokio::spawn(connection);
            let request = Request::get("http://a/x").header("x-lasts", "300").body(()).unwrap();
            let (response, _) = sender.ready().await.unwrap().send_request(request, true).unwrap();
            let mut body = response.await.unwrap().into_body();
            let mut end = None;
            while let Some(data) = body.data().await {
                let Ok(data) = data else {
                    end = data.err();
                    break;
                };
                body.flow_control().release_capacity(data.len()).unwrap();
            }
            assert_eq!(end.is_none(), is_in_order, "{kind}: {end:?}");
        });
    }
}
