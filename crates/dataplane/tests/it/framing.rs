//! Requests whose framing, host or target two parsers could read differently never reach a backend.

use crate::{
    backend::Backend,
    client::{Client, ask},
    fixture::Proxy,
};

/// Sends the bytes; expects the status and nothing complete at the backend.
fn refused(bytes: &str, status: u16) {
    let backend = Backend::plain();
    let proxy = Proxy::to(backend.address);
    let answer = ask(proxy.address, bytes).unwrap_or_else(|| panic!("an answer to {bytes:?}"));
    assert_eq!(answer.status, status, "{bytes:?}");
    proxy.stop(crate::fixture::GRACE);
    assert!(!backend.so_far().iter().any(|received| received.is_complete), "{bytes:?} reached the backend");
}

#[test]
fn transfer_encodings_other_than_chunked_are_refused() {
    for coding in ["gzip", "identity, chunked", "chunked, identity", "xchunked", "chunked;q=1", "chunked, chunked"] {
        refused(&format!("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {coding}\r\n\r\n0\r\n\r\n"), 400);
    }
    refused(
        "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    );
    refused("POST /x HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
}

#[test]
fn invalid_content_lengths_are_refused() {
    for length in ["+5", "-5", "5 5", "0x5", "5.0", "5, 6", "99999999999999999999", ""] {
        refused(&format!("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\nhello"), 400);
    }
    refused("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400);
}

#[test]
fn hosts_that_are_missing_several_or_malformed_are_refused() {
    refused("GET /x HTTP/1.1\r\n\r\n", 400);
    refused("GET /x HTTP/1.0\r\n\r\n", 400);
    refused("GET /x HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400);
    for host in ["", "u@a", "a/b", "a b", "a, b", "a:99999", "a:b"] {
        refused(&format!("GET /x HTTP/1.1\r\nHost: {host}\r\n\r\n"), 400);
    }
    refused("GET http://evil/x HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    refused("GET ftp://a/x HTTP/1.1\r\nHost: a\r\n\r\n", 400);
}

#[test]
fn fragments_are_refused_whatever_comes_first() {
    refused("GET /orders/1#/open HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    refused("GET /orders/1?x=1#y HTTP/1.1\r\nHost: a\r\nX-A: b\r\n\r\n", 400);
    refused("GET http://a/orders/1#/open HTTP/1.1\r\nHost: a\r\n\r\n", 400);
}

#[test]
fn number_signs_elsewhere_are_no_fragment() {
    let backend = Backend::plain();
    let proxy = Proxy::to(backend.address);
    let mut client = Client::new(proxy.address);
    for _ in 0..2 {
        client.send("POST /x HTTP/1.1\r\nHost: a\r\nX-Colour: #fff\r\nContent-Length: 2\r\n\r\n##");
        assert_eq!(client.receive().unwrap().status, 200);
    }
}

#[test]
fn malformed_lines_and_names_are_refused() {
    for bytes in [
        "GET  /x HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /x HTTP/1.1\r\nHost: a\r\nX-A : b\r\n\r\n",
        "GET /x HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n",
        "GET /x HTTP/1.1\r\nHost: a\r\nX\0A: b\r\n\r\n",
        "GET /x HTTP/1.1\r\nHost: a\r\nX-A: b\0c\r\n\r\n",
        "GET /x HTTP/1.1\r\nHost: a\r\nX-A: b\rc\r\n\r\n",
        "GET /x HTTP/1.1\r\nHost: a\r\nX-\u{e9}: b\r\n\r\n",
        "GET /x HTTP/2.0\r\nHost: a\r\n\r\n",
        "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n",
    ] {
        refused(bytes, 400);
    }
    refused("TRACE /x HTTP/1.1\r\nHost: a\r\n\r\n", 501);
    refused("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 501);
}

#[test]
fn heads_that_are_too_large_are_refused() {
    refused(&format!("GET /x HTTP/1.1\r\nHost: a\r\nX-A: {}\r\n\r\n", "y".repeat(100 * 1024)), 431);
    refused(&format!("GET /x HTTP/1.1\r\nHost: a\r\n{}\r\n", "X-A: b\r\n".repeat(200)), 431);
}

#[test]
fn malformed_chunks_are_refused_and_never_complete_at_the_backend() {
    for body in
        ["5\nhello\r\n0\r\n\r\n", "-5\r\nhello\r\n0\r\n\r\n", "5\r\nhelloXX0\r\n\r\n", "5;a\nX\r\nhello\r\n0\r\n\r\n"]
    {
        refused(&format!("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}"), 400);
    }
}

#[test]
fn a_length_beside_chunks_is_dropped_and_the_connection_closed() {
    let backend = Backend::plain();
    let proxy = Proxy::to(backend.address);
    let mut client = Client::new(proxy.address);
    client.send(
        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 13\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n\
         GET /admin HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    assert_eq!(client.receive().unwrap().status, 200);
    assert!(client.receive().is_none());
    let received = backend.next();
    assert_eq!((received.body.as_slice(), received.field("content-length")), (b"hello".as_slice(), vec![]));
    assert_eq!(backend.so_far(), []);
}

#[test]
fn a_denied_request_is_answered_before_its_body() {
    let proxy = Proxy::to(Backend::plain().address);
    let mut client = Client::new(proxy.address);
    client.send("POST /deny HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n");
    let answer = client.receive().unwrap();
    assert_eq!((answer.status, answer.field("connection")), (401, Some("close")));
    assert!(client.is_closed());
}

#[test]
fn a_long_body_that_nobody_reads_does_not_eat_the_refusal() {
    let proxy = Proxy::to(Backend::plain().address);
    let mut client = Client::new(proxy.address);
    client.send(format!("POST /deny HTTP/1.1\r\nHost: a\r\nContent-Length: 600000\r\n\r\n{}", "x".repeat(600_000)));
    assert_eq!(client.receive().unwrap().status, 401);
    assert!(client.is_closed());
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let backend = Backend::start(|received| {
        let body = received.line.clone();
        crate::backend::Reply::Send(
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes(),
        )
    });
    let proxy = Proxy::to(backend.address);
    let mut client = Client::new(proxy.address);
    client.send(
        "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /deny HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    let answers: Vec<u16> = (0..3).map(|_| client.receive().unwrap().status).collect();
    assert_eq!(answers, [200, 401, 200]);
}
