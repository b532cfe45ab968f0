//! What the outbound HTTP client does when servers misbehave.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use http::StatusCode;
use stores::{HttpClient, HttpError, HttpRequest, HttpSettings};
use tokio::net::TcpListener;
use url::Url;

use crate::servers::web::{Ca, Reply, WebServer, answer, answer_with};

fn client(settings: &HttpSettings) -> HttpClient {
    HttpClient::new(settings).unwrap()
}

/// A client that loses patience soon.
fn impatient() -> HttpClient {
    client(&HttpSettings { timeout: Duration::from_millis(200), ..HttpSettings::default() })
}

fn patient() -> HttpClient {
    client(&HttpSettings::default())
}

/// Returns the whole text of an error, causes too.
fn text(error: &HttpError) -> String {
    format!("{error} {error:?}")
}

#[tokio::test]
async fn an_answer_comes_back_whole_whatever_its_status() {
    let server = WebServer::start(|_| answer("404 Not Found", "application/json; charset=utf-8", "{}")).await;
    let answer = patient().send(HttpRequest::get(server.url("/x?y=z"))).await.unwrap();
    assert_eq!((answer.status, &*answer.body), (StatusCode::NOT_FOUND, b"{}".as_slice()));
    assert!(answer.is_of(&["application/json"]));
    assert_eq!(server.seen()[0].target(), "/x?y=z");
}

#[tokio::test]
async fn credentials_and_forms_go_out_as_their_standards_say() {
    let server = WebServer::start(|_| answer("200 OK", "text/plain", "")).await;
    let form = HttpRequest::post_form(server.url("/"), [("grant_type", "client credentials"), ("scope", "a&b")]);
    patient().send(form.with_basic("Aladdin", "open sesame").unwrap()).await.unwrap();
    patient().send(HttpRequest::get(server.url("/")).with_bearer("t0ken").unwrap()).await.unwrap();
    let seen = server.seen();
    assert_eq!(seen[0].body, "grant_type=client+credentials&scope=a%26b");
    assert_eq!(seen[0].header("Content-Type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(seen[0].header("Authorization"), Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
    assert_eq!(seen[1].header("Authorization"), Some("Bearer t0ken"));
    assert!(HttpRequest::get(server.url("/")).with_bearer("a\r\nX: y").is_err());
}

#[tokio::test]
async fn a_redirect_is_an_error_and_its_target_is_never_asked() {
    let other = WebServer::start(|_| answer("200 OK", "application/json", "{}")).await;
    for status in [301, 302, 303, 307, 308] {
        let target = other.url("/stolen").to_string();
        let line = format!("{status} Moved");
        let server = WebServer::start(move |_| answer_with(&line, &[("Location", &target)], "")).await;
        let error = patient().send(HttpRequest::get(server.url("/"))).await.err().unwrap();
        assert!(matches!(error, HttpError::Redirect(answered) if answered.as_u16() == status), "{error}");
    }
    assert!(other.seen().is_empty());
}

#[tokio::test]
async fn too_long_an_answer_is_refused_packed_or_not() {
    let settings = HttpSettings { most_bytes: 1000, ..HttpSettings::default() };
    let exact = WebServer::start(|_| answer("200 OK", "text/plain", &"x".repeat(1000))).await;
    assert_eq!(client(&settings).send(HttpRequest::get(exact.url("/"))).await.unwrap().body.len(), 1000);
    let long = WebServer::start(|_| answer("200 OK", "text/plain", &"x".repeat(1001))).await;
    let error = client(&settings).send(HttpRequest::get(long.url("/"))).await.err().unwrap();
    assert!(matches!(error, HttpError::TooLarge(1000)), "{error}");
    let bomb = WebServer::start(|_| {
        let packed: Vec<u8> = gzip_of_zeros();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", packed.len());
        Reply::Send([head.into_bytes(), packed].concat())
    })
    .await;
    let error = client(&settings).send(HttpRequest::get(bomb.url("/"))).await.err().unwrap();
    assert!(matches!(error, HttpError::TooLarge(1000)), "{error}");
}

/// Returns 100 000 zero bytes, packed.
fn gzip_of_zeros() -> Vec<u8> {
    let hex = include_str!("servers/zeros.gz.hex");
    let digits: Vec<u8> = hex.trim().bytes().collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

#[tokio::test]
async fn a_late_a_trickling_and_a_silent_server_are_left_in_time() {
    let late = WebServer::start(|_| Reply::Hang).await;
    let trickling = WebServer::start(|_| Reply::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx".to_vec())).await;
    let half_open = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let half_open = Url::parse(&format!("http://{}/", half_open.local_addr().unwrap())).unwrap();
    for url in [late.url("/"), trickling.url("/"), half_open] {
        let error = impatient().send(HttpRequest::get(url)).await.err().unwrap();
        assert!(matches!(error, HttpError::TooLate(_)), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_is_gone_is_unreachable_and_back_when_it_is_back() {
    let server = WebServer::start(|_| answer("200 OK", "text/plain", "1")).await;
    let (address, client) = (server.address(), patient());
    client.send(HttpRequest::get(server.url("/"))).await.unwrap();
    let url = server.url("/");
    server.end().await;
    let error = client.send(HttpRequest::get(url.clone())).await.err().unwrap();
    assert!(matches!(error, HttpError::Unreachable(_) | HttpError::Broken(_)), "{error}");
    let server = WebServer::start_at(address, |_| answer("200 OK", "text/plain", "2")).await;
    assert_eq!(client.send(HttpRequest::get(url)).await.unwrap().body, b"2");
    drop(server);
}

#[tokio::test]
async fn a_connection_that_closes_while_it_is_used_again_is_noticed_by_nobody_who_only_reads() {
    for (request, is_repeated) in
        [(HttpRequest::get as fn(Url) -> HttpRequest, true), (|url| HttpRequest::post_form(url, []), false)]
    {
        let asked = AtomicUsize::new(0);
        let server = WebServer::start(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
            0 => Reply::SendAndClose(Vec::new()),
            _ => answer("200 OK", "text/plain", "1"),
        })
        .await;
        let answered = patient().send(request(server.url("/"))).await;
        assert_eq!((answered.is_ok(), server.seen().len()), (is_repeated, 1 + usize::from(is_repeated)));
    }
}

#[tokio::test]
async fn only_a_certificate_of_a_trusted_ca_is_accepted() {
    let (ca, other) = (Ca::new(), Ca::new());
    let server = WebServer::start_tls(&ca, |_| answer("200 OK", "text/plain", "hello")).await;
    let trusting = |ca: &Ca| client(&HttpSettings { ca: Some(ca.pem()), ..HttpSettings::default() });
    assert_eq!(trusting(&ca).send(HttpRequest::get(server.url("/"))).await.unwrap().body, b"hello");
    for client in [trusting(&other), patient()] {
        let error = client.send(HttpRequest::get(server.url("/"))).await.err().unwrap();
        assert!(matches!(error, HttpError::Unreachable(_)), "{error}");
    }
    assert!(server.seen().len() == 1);
    let past = Ca::of_the_past();
    let expired = WebServer::start_tls(&past, |_| answer("200 OK", "text/plain", "hello")).await;
    let error = trusting(&past).send(HttpRequest::get(expired.url("/"))).await.err().unwrap();
    assert!(text(&error).contains("Expired"), "{error:?}");
}

#[tokio::test]
async fn what_is_no_http_is_an_error_and_errors_hold_no_query_and_no_credential() {
    let broken = WebServer::start(|_| Reply::SendAndClose(b"220 smtp ready\r\n\r\n".to_vec())).await;
    let cut =
        WebServer::start(|_| Reply::SendAndClose(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx".to_vec())).await;
    for server in [broken, cut] {
        let request = HttpRequest::get(server.url("/path?key=hunter2")).with_bearer("s3cret").unwrap();
        assert!(!format!("{request:?}").contains("hunter2") && !format!("{request:?}").contains("s3cret"));
        let error = patient().send(request).await.err().unwrap();
        assert!(matches!(error, HttpError::Broken(_)), "{error}");
        assert!(!text(&error).contains("hunter2") && !text(&error).contains("s3cret"), "{error:?}");
    }
}

#[tokio::test]
async fn the_bound_on_requests_under_way_holds() {
    let server = WebServer::start(|_| Reply::Hang).await;
    let settings = HttpSettings { most_at_once: 2, timeout: Duration::from_millis(300), ..HttpSettings::default() };
    let client = client(&settings);
    let requests = (0..6).map(|_| client.send(HttpRequest::get(server.url("/"))));
    let answers = futures_util::future::join_all(requests).await;
    assert!(answers.iter().all(|answer| matches!(answer, Err(HttpError::TooLate(_)))));
    assert_eq!(server.seen().len(), 2);
}
