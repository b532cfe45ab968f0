//! Starting, idling and stopping.

use std::{num::NonZeroUsize, sync::mpsc::channel, time::Duration};

use dataplane::{AuditLog, AuditPressure, Listener, Patience, Role, Server, Settings, StartError};

use crate::{
    backend::{Backend, Reply},
    client::{Client, ask},
    fixture::{GRACE, Lines, Proxy, Setup},
};

#[test]
fn every_worker_shares_the_port() {
    let backend = Backend::plain();
    let mut setup = Setup::to(backend.address);
    setup.settings.workers = NonZeroUsize::new(3).unwrap();
    let proxy = setup.start();
    for _ in 0..30 {
        assert_eq!(ask(proxy.address, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n").unwrap().status, 200);
    }
}

#[test]
fn an_address_that_is_taken_is_an_error() {
    let proxy = Proxy::to("127.0.0.1:1".parse().unwrap());
    let listeners = [Listener { address: proxy.address, role: Role::Data, tls: None }];
    let audit = AuditLog::start(Lines::default(), AuditPressure::Drop).unwrap();
    let decisions = dataplane::Decisions::new(|_, _| Box::pin(std::future::pending()), |_| None);
    let result = Server::start(&listeners, Settings::default(), &decisions, audit);
    assert!(matches!(result, Err(StartError::Listen { .. })), "{result:?}");
}

#[test]
fn stopping_finishes_the_requests_under_way() {
    let (more, rest) = channel();
    let rest = std::sync::Mutex::new(Some(rest));
    let backend = Backend::start(move |_| {
        Reply::SendInParts(
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe".to_vec(),
            rest.lock().unwrap().take().unwrap(),
        )
    });
    let proxy = Proxy::to(backend.address);
    let address = proxy.address;
    let mut idle = Client::new(address);
    idle.send("GET /deny HTTP/1.1\r\nHost: a\r\n\r\n");
    idle.receive().unwrap();
    let mut client = Client::new(address);
    client.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.receive_head().unwrap().status, 200);
    let stopping = std::thread::spawn(move || proxy.stop(GRACE));
    assert!(idle.is_closed());
    more.send(b"llo".to_vec()).unwrap();
    assert_eq!(client.read(5), b"hello");
    assert!(client.is_closed());
    assert_eq!(stopping.join().unwrap().len(), 2);
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[test]
fn stopping_does_not_wait_beyond_the_grace_time() {
    let backend = Backend::start(|_| Reply::Silence);
    let proxy = Proxy::to(backend.address);
    let mut client = Client::new(proxy.address);
    client.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    backend.next();
    let lines = proxy.stop(Duration::from_millis(50));
    assert!(client.is_closed());
    assert_eq!(lines[0]["outcome"], "abandoned");
}

fn impatient() -> Proxy {
    let mut setup = Setup::to("127.0.0.1:1".parse().unwrap());
    let limit = Duration::from_millis(200);
    setup.settings.patience = Patience { head: limit, idle: limit, write: limit };
    setup.start()
}

#[test]
fn idle_connections_are_closed() {
    let proxy = impatient();
    let mut client = Client::new(proxy.address);
    client.send("GET /deny HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.receive().unwrap().status, 401);
    assert!(client.is_closed());
}

#[test]
fn heads_that_do_not_end_are_cut_off() {
    let proxy = impatient();
    for start in ["", "P", "PRI * HT", "GET / HTTP/1.1\r\nHost: a\r\n", "GET /deny HTTP/1.1\r\nHost: a\r\n\r\nGET /"] {
        let mut client = Client::new(proxy.address);
        client.send(start);
        while client.receive().is_some() {}
        assert!(client.is_closed(), "{start:?}");
    }
}

#[test]
fn answers_that_are_not_taken_are_cut_off() {
    let backend = Backend::start(|_| {
        let mut bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n".to_vec();
        bytes.resize(bytes.len() + 100_000_000, b'x');
        Reply::Send(bytes)
    });
    let mut setup = Setup::to(backend.address);
    setup.settings.patience.write = Duration::from_millis(200);
    let proxy = setup.start();
    let mut client = Client::new(proxy.address);
    client.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.receive_head().unwrap().status, 200);
    assert_eq!(backend.closed.recv_timeout(crate::backend::SOON), Ok(0));
}

#[test]
fn a_half_closed_client_leaves_nothing_behind() {
    let backend = Backend::plain();
    let proxy = Proxy::to(backend.address);
    let mut client = Client::new(proxy.address);
    client.send("GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    client.end_sending();
    let _ = client.receive();
    assert!(client.is_closed());
}
