//! What a backend receives, and what of its answer the client does.

use std::sync::mpsc::channel;

use gateway::Upstream;

use crate::{
    backend::{Backend, Reply},
    client::{Client, ask},
    fixture::{GRACE, Proxy, Setup},
};

#[test]
fn bodies_pass_in_both_directions_and_the_connection_is_used_again() {
    let backend = Backend::start(|received| {
        let body = String::from_utf8(received.body.clone()).unwrap();
        Reply::Send(
            format!("HTTP/1.1 201 Created\r\nX-Back: 1\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes(),
        )
    });
    let proxy = Proxy::to(backend.address);
    let mut client = Client::new(proxy.address);
    for body in ["hello", "", "again"] {
        client.send(format!("POST /x?q=1 HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
        let answer = client.receive().unwrap();
        assert_eq!((answer.status, answer.body.as_str(), answer.field("x-back")), (201, body, Some("1")));
        let received = backend.next();
        assert_eq!((received.line.as_str(), received.connection), ("POST /x?q=1 HTTP/1.1", 0));
        assert_eq!(received.field("content-length"), [body.len().to_string()]);
        assert_eq!(received.field("x-jwt-assertion"), ["OURS"]);
    }
}

#[test]
fn chunked_bodies_and_announced_trailers_pass_without_reserved_names() {
    let backend = Backend::plain();
    let proxy = Proxy::to(backend.address);
    let answer = ask(
        proxy.address,
        "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, X-JWT-Assertion, X_JWT_Assertion\r\n\r\n\
         5;ext=1\r\nhello\r\n1\r\n!\r\n0\r\nX-Sum: 7\r\nX-JWT-Assertion: FORGED\r\nx_jwt_assertion: FORGED\r\nHost: evil\r\n\r\n",
    );
    assert_eq!(answer.unwrap().status, 200);
    let received = backend.next();
    assert_eq!(received.body, b"hello!");
    assert_eq!(received.trailers, ["x-sum: 7"]);
    assert_eq!(received.field("trailer"), ["X-Sum"]);
    assert_eq!(received.field("transfer-encoding"), ["chunked"]);
}

#[test]
fn a_chunked_get_keeps_its_body() {
    let backend = Backend::plain();
    let proxy = Proxy::to(backend.address);
    ask(proxy.address, "GET /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n").unwrap();
    assert_eq!(backend.next().body, b"hi");
}

#[test]
fn answers_lose_hop_by_hop_and_reserved_fields() {
    let backend = Backend::answering(
        b"HTTP/1.1 200 OK\r\nConnection: X-Private, close\r\nX-Private: 1\r\nX-JWT-Assertion: LEAK\r\nTxn_Token: LEAK\r\n\
          Keep-Alive: timeout=5\r\nProxy-Connection: x\r\nUpgrade: h2c\r\nServer: back\r\nContent-Length: 2\r\n\r\nOK",
    );
    let proxy = Proxy::to(backend.address);
    let answer = ask(proxy.address, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let mut names: Vec<&str> = answer.fields.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-length", "date", "server"]);
}

#[test]
fn answer_trailers_pass_without_reserved_names() {
    let backend = Backend::answering(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, X-JWT-Assertion\r\n\r\n\
          2\r\nhi\r\n0\r\nX-Sum: 7\r\nX-JWT-Assertion: LEAK\r\n\r\n",
    );
    let proxy = Proxy::to(backend.address);
    let answer = ask(proxy.address, "GET /x HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n").unwrap();
    assert_eq!(answer.body, "hi");
    assert_eq!(answer.trailers, [("x-sum".to_owned(), "7".to_owned())]);
}

#[test]
fn a_length_beside_the_backends_chunks_is_not_believed() {
    let backend = Backend::answering(
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    );
    let proxy = Proxy::to(backend.address);
    let answer = ask(proxy.address, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!((answer.body.as_str(), answer.field("content-length")), ("hi", None));
}

#[test]
fn answers_without_a_body_keep_the_connection_in_step() {
    let backend = Backend::start(|received| {
        let bytes: &[u8] = match received.line.split(' ').nth(1).unwrap() {
            "/204" => b"HTTP/1.1 204 No Content\r\n\r\n",
            "/304" => b"HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 99\r\n\r\n",
            "/100" => b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK",
            _ => b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n",
        };
        Reply::Send(bytes.to_vec())
    });
    let proxy = Proxy::to(backend.address);
    let mut client = Client::new(proxy.address);
    for (method, target, status) in
        [("GET", "/204", 204), ("GET", "/304", 304), ("HEAD", "/head", 200), ("GET", "/100", 200)]
    {
        client.send(format!("{method} {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let answer = client.receive_to(method).unwrap();
        assert_eq!(answer.status, status, "{target}");
        assert_eq!(answer.field("content-length") == Some("99"), method == "HEAD", "{target}");
        assert_eq!(backend.next().connection, 0, "{target}");
    }
}

#[test]
fn http_1_0_clients_are_answered_in_their_version() {
    let backend = Backend::answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n");
    let proxy = Proxy::to(backend.address);
    let answer = ask(proxy.address, "GET /x HTTP/1.0\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!(
        (answer.version.as_str(), answer.body.as_str(), answer.field("transfer-encoding")),
        ("HTTP/1.0", "hi", None)
    );
    assert_eq!(backend.next().line, "GET /x HTTP/1.1");
}

#[test]
fn http_1_0_backends_are_passed_on_as_1_1() {
    let backend = Backend::start(|_| Reply::SendAndClose(b"HTTP/1.0 200 OK\r\n\r\nhi".to_vec()));
    let proxy = Proxy::to(backend.address);
    let answer = ask(proxy.address, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!((answer.version.as_str(), answer.body.as_str()), ("HTTP/1.1", "hi"));
}

#[test]
fn unusable_answers_are_bad_gateway() {
    for bytes in [
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n".as_slice(),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"rubbish\r\n\r\n",
        b"",
    ] {
        let backend = Backend::start(|_| Reply::SendAndClose(bytes.to_vec()));
        let proxy = Proxy::to(backend.address);
        let answer = ask(proxy.address, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        assert_eq!(answer.status, 502, "{}", String::from_utf8_lossy(bytes));
        assert!(answer.body.contains(r#""code":"bad_gateway""#), "{}", answer.body);
    }
}

#[test]
fn a_backend_that_nobody_serves_is_bad_gateway() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy = Proxy::to(free);
    assert_eq!(ask(proxy.address, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n").unwrap().status, 502);
}

#[test]
fn a_silent_backend_is_a_gateway_timeout_and_its_connection_closed() {
    let backend = Backend::start(|_| Reply::Silence);
    let mut setup = Setup::to(backend.address);
    setup.endpoint.response_timeout = std::time::Duration::from_millis(50);
    let proxy = setup.start();
    let answer = ask(proxy.address, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!(answer.status, 504);
    assert_eq!(backend.closed.recv_timeout(crate::backend::SOON), Ok(0));
}

#[test]
fn a_backend_that_stops_halfway_breaks_the_answer_off() {
    let (_never, rest) = channel();
    let rest = std::sync::Mutex::new(Some(rest));
    let backend = Backend::start(move |_| {
        Reply::SendInParts(
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe".to_vec(),
            rest.lock().unwrap().take().unwrap(),
        )
    });
    let mut setup = Setup::to(backend.address);
    setup.endpoint.response_timeout = std::time::Duration::from_millis(50);
    let proxy = setup.start();
    let answer = ask(proxy.address, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!((answer.status, answer.body.as_str(), answer.is_complete), (200, "he", false));
    let lines = proxy.stop(GRACE);
    assert_eq!(lines[0]["outcome"], "broke_off");
}

#[test]
fn answers_are_streamed_not_collected() {
    let (more, rest) = channel();
    let rest = std::sync::Mutex::new(Some(rest));
    let backend = Backend::start(move |_| {
        let first = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n".to_vec();
        Reply::SendInParts(first, rest.lock().unwrap().take().unwrap())
    });
    let proxy = Proxy::to(backend.address);
    let mut client = Client::new(proxy.address);
    client.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.receive_head().unwrap().status, 200);
    assert_eq!(client.read(7), b"2\r\nhe\r\n");
    more.send(b"3\r\nllo\r\n0\r\n\r\n".to_vec()).unwrap();
    assert_eq!(client.read(13), b"3\r\nllo\r\n0\r\n\r\n");
}

#[test]
fn a_connection_that_the_backend_closed_is_not_noticed_by_the_client() {
    let backend = Backend::start(|_| Reply::SendAndClose(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK".to_vec()));
    let proxy = Proxy::to(backend.address);
    let mut client = Client::new(proxy.address);
    for number in 0..20 {
        client.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
        assert_eq!(client.receive().unwrap().status, 200);
        assert_eq!(backend.next().connection, number);
        assert_eq!(backend.closed.recv_timeout(crate::backend::SOON), Ok(number));
    }
}

#[test]
fn a_client_that_leaves_has_its_backend_connection_closed_not_pooled() {
    let backend = Backend::start(|received| {
        if received.line.contains("/slow") {
            Reply::Silence
        } else {
            Reply::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK".to_vec())
        }
    });
    let proxy = Proxy::to(backend.address);
    let mut leaving = Client::new(proxy.address);
    leaving.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(backend.next().connection, 0);
    drop(leaving);
    assert_eq!(backend.closed.recv_timeout(crate::backend::SOON), Ok(0));
    assert_eq!(ask(proxy.address, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n").unwrap().status, 200);
    assert_eq!(backend.next().connection, 1);
    let outcomes: Vec<String> =
        proxy.stop(GRACE).iter().map(|line| line["outcome"].as_str().unwrap().to_owned()).collect();
    assert_eq!(outcomes, ["abandoned", "answered"]);
}

#[test]
fn a_body_that_the_client_leaves_unfinished_never_completes_at_the_backend() {
    let backend = Backend::plain();
    let proxy = Proxy::to(backend.address);
    let mut leaving = Client::new(proxy.address);
    leaving.send("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    drop(leaving);
    let received = backend.next();
    assert_eq!((received.body.as_slice(), received.is_complete), (b"hello".as_slice(), false));
}

#[test]
fn a_stalled_upload_is_the_clients_fault() {
    let backend = Backend::plain();
    let mut setup = Setup::to(backend.address);
    setup.endpoint.response_timeout = std::time::Duration::from_millis(50);
    let proxy = setup.start();
    let mut client = Client::new(proxy.address);
    client.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello");
    let answer = client.receive().unwrap();
    assert_eq!((answer.status, answer.field("connection")), (400, Some("close")));
}

#[test]
fn an_expected_continue_reaches_the_client_when_the_body_is_wanted() {
    let backend = Backend::plain();
    let proxy = Proxy::to(backend.address);
    let mut client = Client::new(proxy.address);
    client.send("POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_eq!(client.receive_head().unwrap().status, 100);
    client.send("hello");
    assert_eq!(client.receive().unwrap().status, 200);
    assert_eq!(backend.next().body, b"hello");
}

#[test]
fn key_documents_are_answered_here_and_cached_by_tag() {
    let backend = Backend::plain();
    let proxy = Proxy::to(backend.address);
    for address in [proxy.address, proxy.keys] {
        let mut client = Client::new(address);
        client.send("GET /jwks HTTP/1.1\r\nHost: a\r\n\r\n");
        let answer = client.receive().unwrap();
        assert_eq!(
            (answer.status, answer.body.as_str(), answer.field("etag")),
            (200, r#"{"keys":[]}"#, Some("\"v1\""))
        );
        client.send("GET /jwks HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"v0\", W/\"v1\"\r\n\r\n");
        assert_eq!(client.receive().unwrap().status, 304);
        client.send("HEAD /jwks HTTP/1.1\r\nHost: a\r\n\r\n");
        let answer = client.receive_to("HEAD").unwrap();
        assert_eq!((answer.status, answer.field("content-length")), (200, Some("11")));
        client.send("POST /jwks HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
        let answer = client.receive().unwrap();
        assert_eq!((answer.status, answer.field("allow")), (405, Some("GET, HEAD")));
    }
    assert_eq!(ask(proxy.keys, "GET /orders HTTP/1.1\r\nHost: a\r\n\r\n").unwrap().status, 404);
    assert_eq!(backend.so_far(), []);
}

#[test]
fn refusals_are_problem_documents() {
    let proxy = Setup::to("127.0.0.1:1".parse().unwrap()).upstream(Upstream::Http1).start();
    let answer = ask(proxy.address, "GET /deny HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(answer.field("content-type"), Some("application/problem+json"));
    assert_eq!((body["status"].as_u64(), body["code"].as_str()), (Some(401), Some("unauthorized")));
    let mut client = Client::new(proxy.address);
    client.send("HEAD /deny HTTP/1.1\r\nHost: a\r\n\r\nGET /missing HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.receive_to("HEAD").unwrap().status, 401);
    assert_eq!(client.receive().unwrap().status, 404);
}

/// A backend that answers the first request of each connection and closes on the second without a byte.
fn forgetful() -> Backend {
    let seen = std::sync::Mutex::new(std::collections::BTreeSet::new());
    Backend::start(move |received| {
        if seen.lock().unwrap().insert(received.connection) {
            Reply::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK".to_vec())
        } else {
            Reply::SendAndClose(Vec::new())
        }
    })
}

#[test]
fn a_safe_request_survives_an_idle_connection_that_the_backend_closes() {
    let backend = forgetful();
    let proxy = Proxy::to(backend.address);
    assert_eq!(ask(proxy.address, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n").unwrap().status, 200);
    assert!(backend.closed.recv_timeout(std::time::Duration::from_millis(1200)).is_err(), "idle connections stay open");
    assert_eq!(ask(proxy.address, "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n").unwrap().status, 200);
}

#[test]
fn a_request_with_an_effect_is_not_repeated() {
    let backend = forgetful();
    let proxy = Proxy::to(backend.address);
    assert_eq!(ask(proxy.address, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n").unwrap().status, 200);
    assert!(backend.closed.recv_timeout(std::time::Duration::from_millis(1200)).is_err(), "idle connections stay open");
    let answer = ask(proxy.address, "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx").unwrap();
    assert_eq!(answer.status, 502);
    assert_eq!(backend.so_far().len(), 2);
}
