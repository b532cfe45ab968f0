//! HTTP/2 on either side: what it can express and HTTP/1.1 cannot must not get through.

use std::net::SocketAddr;

use bytes::Bytes;
use gateway::Upstream;
use h2::{client::SendRequest, server};
use http::{HeaderMap, Request, Response, StatusCode};
use tokio::net::{TcpListener, TcpStream};

use crate::{
    backend::{Backend, SOON},
    fixture::{GRACE, Proxy, Setup},
};

async fn connect(address: SocketAddr) -> SendRequest<Bytes> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(async move {
        let _ = connection.await;
    });
    sender.ready().await.unwrap()
}

fn get(uri: &str) -> http::request::Builder {
    Request::builder().uri(uri)
}

/// Sends one request with a body in frames and returns the status, or `None` when the stream was reset.
async fn send(
    address: SocketAddr,
    request: Request<()>,
    frames: &[&'static [u8]],
    trailers: Option<HeaderMap>,
) -> Option<StatusCode> {
    let mut sender = connect(address).await;
    let ends_at_once = frames.is_empty() && trailers.is_none();
    let (response, mut stream) = sender.send_request(request, ends_at_once).unwrap();
    for (index, frame) in frames.iter().enumerate() {
        let is_last = trailers.is_none() && index + 1 == frames.len();
        let _ = stream.send_data(Bytes::from_static(frame), is_last);
    }
    if let Some(trailers) = trailers {
        let _ = stream.send_trailers(trailers);
    }
    response.await.ok().map(|response| response.status())
}

fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap().block_on(test)
}

#[test]
fn requests_become_http_1_1_for_the_backend() {
    let backend = Backend::plain();
    let proxy = Proxy::to(backend.address);
    let request = get("http://a/x?q").method("POST").header("x-a", "b").body(()).unwrap();
    assert_eq!(run(send(proxy.address, request, &[b"hel", b"lo"], None)), Some(StatusCode::OK));
    let received = backend.next();
    assert_eq!((received.line.as_str(), received.body.as_slice()), ("POST /x?q HTTP/1.1", b"hello".as_slice()));
    assert_eq!((received.field("x-a"), received.field("x-jwt-assertion")), (vec!["b"], vec!["OURS"]));
}

#[test]
fn declared_lengths_are_forwarded() {
    let backend = Backend::plain();
    let proxy = Proxy::to(backend.address);
    let request = get("http://a/x").method("POST").header("content-length", "5").body(()).unwrap();
    assert_eq!(run(send(proxy.address, request, &[b"hello"], None)), Some(StatusCode::OK));
    assert_eq!(backend.next().field("content-length"), ["5"]);
}

#[test]
fn bodies_of_another_length_than_declared_never_complete_at_the_backend() {
    for (declared, frames) in [("0", [b"GET /admin".as_slice(), b""]), ("50", [b"hello", b""]), ("2", [b"hel", b"lo"])]
    {
        let backend = Backend::plain();
        let proxy = Proxy::to(backend.address);
        let request = get("http://a/x").method("POST").header("content-length", declared).body(()).unwrap();
        let status = run(send(proxy.address, request, &frames, None));
        assert!(status.is_none_or(|status| status == StatusCode::BAD_REQUEST), "{declared}: {status:?}");
        proxy.stop(GRACE);
        assert!(!backend.so_far().iter().any(|received| received.is_complete), "{declared}");
    }
}

#[test]
fn an_empty_body_declared_empty_is_forwarded() {
    let backend = Backend::plain();
    let proxy = Proxy::to(backend.address);
    let request = get("http://a/x").method("POST").header("content-length", "0").body(()).unwrap();
    assert_eq!(run(send(proxy.address, request, &[b""], None)), Some(StatusCode::OK));
    assert_eq!(backend.next().field("content-length"), ["0"]);
}

#[test]
fn malformed_heads_are_refused_and_stay_here() {
    let requests = [
        get("http://a/x").header("x-a", " b"),
        get("http://a/x").header("x-a", "b "),
        get("http://a/x").header("host", "evil"),
        get("http://a/x").header("content-length", "5").header("content-length", "6"),
        get("http://u@a/x"),
        get("ftp://a/x"),
        get("http://a/x").header("te", "gzip"),
        get("http://a/x").header("connection", "x-a"),
        get("http://a/x").header("proxy-connection", "keep-alive"),
        get("http://a/x").header("transfer-encoding", "chunked"),
        get("http://a/x").header("upgrade", "h2c"),
        get("http://a/x").header("keep-alive", "1"),
    ];
    for request in requests {
        let backend = Backend::plain();
        let proxy = Proxy::to(backend.address);
        let request = request.body(()).unwrap();
        let shown = format!("{request:?}");
        let status = run(async {
            let mut sender = connect(proxy.address).await;
            match sender.send_request(request, true) {
                Ok((response, _)) => response.await.ok().map(|response| response.status()),
                Err(_) => None,
            }
        });
        assert!(status.is_none_or(|status| status == StatusCode::BAD_REQUEST), "{shown}: {status:?}");
        proxy.stop(GRACE);
        assert_eq!(backend.so_far(), [], "{shown}");
    }
}

#[test]
fn trailers_reach_the_backend_only_when_announced_and_admitted() {
    let backend = Backend::plain();
    let proxy = Proxy::to(backend.address);
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", "7".parse().unwrap());
    trailers.insert("x_jwt_assertion", "FORGED".parse().unwrap());
    let request = get("http://a/x").method("POST").header("trailer", "x-sum, x_jwt_assertion").body(()).unwrap();
    assert_eq!(run(send(proxy.address, request, &[b"hello"], Some(trailers))), Some(StatusCode::OK));
    assert_eq!(backend.next().trailers, ["x-sum: 7"]);
}

#[test]
fn head_refusals_have_no_body() {
    let proxy = Proxy::to("127.0.0.1:1".parse().unwrap());
    let (status, is_empty) = run(async {
        let mut sender = connect(proxy.address).await;
        let (response, _) = sender.send_request(get("http://a/deny").method("HEAD").body(()).unwrap(), true).unwrap();
        let response = response.await.unwrap();
        (response.status(), response.body().is_end_stream())
    });
    assert_eq!((status, is_empty), (StatusCode::UNAUTHORIZED, true));
}

/// An HTTP/2 backend that answers every stream in gRPC's manner and reports what it got.
async fn grpc_backend(count: usize) -> (SocketAddr, tokio::sync::mpsc::Receiver<(Request<()>, usize)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, receiver) = tokio::sync::mpsc::channel(count);
    tokio::spawn(async move {
        for number in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            let sender = sender.clone();
            tokio::spawn(async move {
                let mut connection = server::handshake(stream).await.unwrap();
                while let Some(Ok((request, mut respond))) = connection.accept().await {
                    sender.send((request.map(|_| ()), number)).await.unwrap();
                    let response = Response::builder().header("x-jwt-assertion", "LEAK").body(()).unwrap();
                    let mut body = respond.send_response(response, false).unwrap();
                    body.send_data(Bytes::from_static(b"reply"), false).unwrap();
                    let mut trailers = HeaderMap::new();
                    trailers.insert("grpc-status", "0".parse().unwrap());
                    trailers.insert("x-jwt-assertion", "LEAK".parse().unwrap());
                    body.send_trailers(trailers).unwrap();
                }
            });
        }
    });
    (address, receiver)
}

#[test]
fn grpc_passes_with_its_trailers_over_one_connection() {
    run(async {
        let (address, mut received) = grpc_backend(4).await;
        let proxy = Setup::to(address).upstream(Upstream::Http2).start();
        for _ in 0..3 {
            let mut sender = connect(proxy.address).await;
            let request = get("http://a/pkg.Service/Call").method("POST").header("te", "trailers").body(()).unwrap();
            let (response, mut stream) = sender.send_request(request, false).unwrap();
            stream.send_data(Bytes::from_static(b"question"), true).unwrap();
            let response = response.await.unwrap();
            assert_eq!(response.headers().get("x-jwt-assertion"), None);
            let mut body = response.into_body();
            assert_eq!(body.data().await.unwrap().unwrap(), "reply");
            let trailers = body.trailers().await.unwrap().unwrap();
            assert_eq!((trailers.len(), trailers["grpc-status"].to_str().unwrap()), (1, "0"));
            let (request, connection) = received.recv().await.unwrap();
            assert_eq!((request.uri().to_string(), connection), (format!("http://{address}/pkg.Service/Call"), 0));
            assert_eq!(request.headers()["te"], "trailers");
            assert_eq!(request.headers().get("host"), None);
        }
        tokio::task::spawn_blocking(move || drop(proxy)).await.unwrap();
    });
}

/// Opens streams and resets them at once, until the connection is refused or there were very many.
async fn flood(mut sender: SendRequest<Bytes>) {
    for _ in 0..100_000 {
        let Ok(mut ready) = sender.ready().await else { return };
        let Ok((_, mut stream)) = ready.send_request(get("http://a/x").body(()).unwrap(), true) else { return };
        stream.send_reset(h2::Reason::CANCEL);
        sender = ready;
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_flood_of_resets_ends_the_connection_not_the_proxy() {
    let backend = Backend::start(|_| crate::backend::Reply::Silence);
    let proxy = Proxy::to(backend.address);
    run(async {
        let stream = TcpStream::connect(proxy.address).await.unwrap();
        let (sender, connection) = h2::client::handshake(stream).await.unwrap();
        let flooding = tokio::spawn(flood(sender));
        let ended = tokio::time::timeout(SOON, connection).await.expect("the flood ends");
        assert!(ended.is_err(), "the flood was let go on");
        flooding.await.unwrap();
        let request = get("http://a/deny").body(()).unwrap();
        assert_eq!(send(proxy.address, request, &[], None).await, Some(StatusCode::UNAUTHORIZED));
    });
}

#[test]
fn stopping_cuts_streams_off_after_the_grace_time() {
    let backend = Backend::start(|_| crate::backend::Reply::Silence);
    let proxy = Proxy::to(backend.address);
    let lines = run(async {
        let mut sender = connect(proxy.address).await;
        let (response, _) = sender.send_request(get("http://a/x").body(()).unwrap(), true).unwrap();
        backend.next();
        let stopping = tokio::task::spawn_blocking(move || proxy.stop(std::time::Duration::from_millis(50)));
        assert!(response.await.is_err());
        stopping.await.unwrap()
    });
    assert_eq!(lines[0]["outcome"], "abandoned");
}
