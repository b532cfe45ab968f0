//! One audit line and the right counts for every request, however it ends.

use crate::{
    backend::Backend,
    client::{Client, ask},
    fixture::{GRACE, Proxy},
};

#[test]
fn every_request_leaves_one_line_with_its_own_id() {
    let backend = Backend::plain();
    let proxy = Proxy::to(backend.address);
    let mut client = Client::new(proxy.address);
    for target in ["/x?token=secret", "/deny", "/jwks"] {
        client.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer secret\r\n\r\n"));
        client.receive().unwrap();
    }
    client.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    client.receive().unwrap();
    ask(proxy.address, "GET /x HTTP/1.1\r\n\r\n").unwrap();
    let lines = proxy.stop(GRACE);
    let told: Vec<_> =
        lines.iter().map(|line| (line["status"].as_u64().unwrap(), line["outcome"].as_str().unwrap())).collect();
    assert_eq!(
        told,
        [(200, "answered"), (401, "unauthorized"), (200, "answered"), (200, "answered"), (400, "bad_request")]
    );
    assert_eq!((&lines[3]["requestBytes"], &lines[3]["responseBytes"]), (&5.into(), &2.into()));
    assert_eq!(lines[0]["operation"], "GET /orders/*");
    let ids: std::collections::HashSet<&str> = lines.iter().map(|line| line["requestId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 5);
    assert!(!format!("{lines:?}").contains("secret"));
}
