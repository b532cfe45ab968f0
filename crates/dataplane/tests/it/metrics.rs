//! The counters of a running data plane.

use dataplane::Exposition;

use crate::{backend::Backend, fixture::Proxy};

#[test]
fn metrics_count_what_happened() {
    let proxy = Proxy::to(Backend::plain().address);
    let mut client = crate::client::Client::new(proxy.address);
    for target in ["/x", "/x", "/deny"] {
        client.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        client.receive().unwrap();
    }
    let mut text = Exposition::default();
    proxy.server().metrics().render(&mut text);
    let text = text.into_text();
    for line in [
        r#"countersign_requests_total{api="orders",operation="GET /orders/*",class="2xx"} 2"#,
        r#"countersign_requests_total{api="orders",operation="GET /orders/*",class="4xx"} 1"#,
        r#"countersign_refusals_total{code="unauthorized"} 1"#,
        "countersign_open_connections 1",
        "countersign_open_requests 0",
        "countersign_audit_dropped_total 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
}
