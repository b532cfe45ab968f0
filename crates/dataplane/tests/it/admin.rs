//! The admin listener.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use dataplane::{Admin, AdminSource, Invalidation, Readiness, Refusal, StoreHold};

use crate::{
    backend::Backend,
    client::{Answer, ask},
    fixture::Proxy,
};

struct Fixture {
    address: SocketAddr,
    invalidations: Arc<Mutex<Vec<Invalidation>>>,
    proxy: Proxy,
    _admin: Admin,
    _runtime: tokio::runtime::Runtime,
}

fn start(is_ready: bool) -> Fixture {
    let proxy = Proxy::to(Backend::plain().address);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let invalidations = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&invalidations);
    let source = AdminSource {
        readiness: Arc::new(move || Readiness { is_ready, body: r#"{"revision":1}"#.to_owned() }),
        metrics: Arc::new(|text| text.single("countersign_revision", "gauge", "The published revision.", 1)),
        invalidate: Arc::new(move |invalidation| {
            if invalidation.store.as_deref() == Some("nobody") {
                return Err(Refusal::Unknown("there is no user store `nobody`".to_owned()));
            }
            told.lock().unwrap().push(invalidation);
            Ok("{}".to_owned())
        }),
        stores: Arc::new(|| r#"{"stores":[]}"#.to_owned()),
        hold: Arc::new(|hold: StoreHold| match hold.stale {
            Some(stale) if hold.store == "staff" => Ok(format!(r#"{{"staleFor":"{stale}"}}"#)),
            _ => Err(Refusal::Failed("no".to_owned())),
        }),
        reload: Arc::new(|()| Err(Refusal::Failed("the file is broken".to_owned()))),
        explain: Arc::new(|question| Ok(String::from_utf8_lossy(&question).into_owned())),
    };
    let data = proxy.server().metrics();
    let admin = runtime.block_on(Admin::start("127.0.0.1:0".parse().unwrap(), data, source)).unwrap();
    Fixture { address: admin.local_addr(), invalidations, proxy, _admin: admin, _runtime: runtime }
}

fn get(fixture: &Fixture, path: &str) -> Answer {
    ask(fixture.address, format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", fixture.address)).unwrap()
}

fn post(fixture: &Fixture, target: &str, fields: &str) -> Answer {
    let host = fixture.address;
    ask(fixture.address, format!("POST {target} HTTP/1.1\r\nHost: {host}\r\n{fields}Content-Length: 0\r\n\r\n"))
        .unwrap()
}

#[test]
fn health_and_readiness_are_told_apart() {
    let fixture = start(false);
    assert_eq!(get(&fixture, "/healthz").status, 200);
    let answer = get(&fixture, "/readyz");
    assert_eq!((answer.status, answer.body.as_str()), (503, r#"{"revision":1}"#));
    assert_eq!(get(&start(true), "/readyz").status, 200);
    assert_eq!(get(&fixture, "/nothing").status, 404);
}

#[test]
fn metrics_count_what_happened() {
    let fixture = start(true);
    let mut client = crate::client::Client::new(fixture.proxy.address);
    for target in ["/x", "/x", "/deny"] {
        client.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        client.receive().unwrap();
    }
    let text = get(&fixture, "/metrics").body;
    for line in [
        r#"countersign_requests_total{api="orders",operation="GET /orders/*",class="2xx"} 2"#,
        r#"countersign_requests_total{api="orders",operation="GET /orders/*",class="4xx"} 1"#,
        r#"countersign_refusals_total{code="unauthorized"} 1"#,
        "countersign_open_connections 1",
        "countersign_open_requests 0",
        "countersign_audit_dropped_total 0",
        "countersign_revision 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
}

#[test]
fn users_can_be_forgotten() {
    let fixture = start(true);
    let answer = post(&fixture, "/invalidate?store=staff&user=al%20ice", "Content-Type: application/json\r\n");
    assert_eq!(answer.status, 200);
    let expected = Invalidation { store: Some("staff".into()), user: Some("al ice".into()) };
    assert_eq!(*fixture.invalidations.lock().unwrap(), [expected]);
    assert_eq!(post(&fixture, "/invalidate?store=nobody", "Content-Type: application/json\r\n").status, 404);
    assert_eq!(post(&fixture, "/reload", "Content-Type: application/json\r\n").status, 422);
}

#[test]
fn stores_can_be_looked_at_and_held() {
    let fixture = start(true);
    assert_eq!(get(&fixture, "/stores").body, r#"{"stores":[]}"#);
    let answer = post(&fixture, "/stores/hold?store=staff&stale=4h", "Content-Type: application/json\r\n");
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"staleFor":"4h"}"#));
    assert_eq!(post(&fixture, "/stores/hold?stale=4h", "Content-Type: application/json\r\n").status, 400);
    assert_eq!(post(&fixture, "/stores/hold?store=staff", "").status, 415);
    assert_eq!(get(&fixture, "/stores/hold?store=staff").status, 405);
}

#[test]
fn browsers_cannot_change_anything() {
    let fixture = start(true);
    assert_eq!(post(&fixture, "/invalidate", "").status, 415);
    assert_eq!(post(&fixture, "/invalidate", "Content-Type: text/plain\r\n").status, 415);
    let page = "Content-Type: application/json\r\nOrigin: http://evil.example\r\n";
    assert_eq!(post(&fixture, "/invalidate", page).status, 403);
    assert_eq!(get(&fixture, "/invalidate").status, 405);
    let rebound = ask(fixture.address, "GET /readyz HTTP/1.1\r\nHost: evil.example\r\n\r\n").unwrap();
    assert_eq!(rebound.status, 403);
    assert!(fixture.invalidations.lock().unwrap().is_empty());
}
