//! TLS on either side.

use std::sync::Arc;

use bytes::Bytes;
use dataplane::{ClientCertificates, TlsError, TlsIdentity};
use gateway::Upstream;
use http::Request;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, TlsConnector, client::TlsStream};

use crate::{
    backend::Backend,
    fixture::{Proxy, Setup},
};

/// A certificate for 127.0.0.1 and its key, both PEM.
struct Pair {
    certificate: String,
    key: String,
}

fn pair() -> Pair {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    Pair { certificate: made.cert.pem(), key: made.signing_key.serialize_pem() }
}

fn identity(pair: &Pair) -> TlsIdentity {
    TlsIdentity::new(pair.certificate.as_bytes(), pair.key.as_bytes(), ClientCertificates::Ignored).unwrap()
}

async fn connect(proxy: &Proxy, trusted: &Pair, protocol: &str) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusted.certificate.as_bytes()).unwrap()).unwrap();
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![protocol.into()];
    let stream = TcpStream::connect(proxy.address).await?;
    let name = ServerName::try_from("127.0.0.1").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap().block_on(test)
}

#[test]
fn the_client_chooses_the_version() {
    let pair = pair();
    let backend = Backend::plain();
    let mut setup = Setup::to(backend.address);
    setup.tls = Some(Arc::new(identity(&pair)));
    let proxy = setup.start();
    run(async {
        let mut stream = connect(&proxy, &pair, "http/1.1").await.unwrap();
        stream.write_all(b"GET /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nOK"), "{answer}");

        let stream = connect(&proxy, &pair, "h2").await.unwrap();
        let (mut sender, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        let request = Request::builder().uri("https://a/2").body(()).unwrap();
        assert_eq!(sender.send_request(request, true).unwrap().0.await.unwrap().status(), 200);
    });
    assert_eq!([backend.next().line, backend.next().line], ["GET /1 HTTP/1.1", "GET /2 HTTP/1.1"]);
}

#[test]
fn a_certificate_can_be_replaced_while_serving() {
    let (old, new) = (pair(), pair());
    let identity = Arc::new(identity(&old));
    let mut setup = Setup::to("127.0.0.1:1".parse().unwrap());
    setup.tls = Some(Arc::clone(&identity));
    let proxy = setup.start();
    run(async {
        assert!(connect(&proxy, &old, "http/1.1").await.is_ok());
        assert!(connect(&proxy, &new, "http/1.1").await.is_err());
        identity.replace(new.certificate.as_bytes(), new.key.as_bytes()).unwrap();
        assert!(connect(&proxy, &new, "http/1.1").await.is_ok());
        let mismatch = identity.replace(old.certificate.as_bytes(), new.key.as_bytes());
        assert!(matches!(mismatch, Err(TlsError::Key(_))), "{mismatch:?}");
        assert!(connect(&proxy, &new, "http/1.1").await.is_ok());
    });
}

#[test]
fn clear_text_on_a_tls_listener_is_dropped() {
    let mut setup = Setup::to("127.0.0.1:1".parse().unwrap());
    setup.tls = Some(Arc::new(identity(&pair())));
    let proxy = setup.start();
    let mut client = crate::client::Client::new(proxy.address);
    client.send("GET /deny HTTP/1.1\r\nHost: a\r\n\r\n");
    run(async {});
    assert!(client.receive().is_none_or(|answer| answer.status >= 400));
}

/// A TLS backend that speaks the protocol and answers `200` to everything.
async fn tls_backend(pair: &Pair, protocol: &'static str) -> std::net::SocketAddr {
    let chain = vec![CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
    let mut config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    config.alpn_protocols = vec![protocol.into()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            if protocol == "h2" {
                tokio::spawn(async move {
                    let mut connection = h2::server::handshake(stream).await.unwrap();
                    while let Some(Ok((_, mut respond))) = connection.accept().await {
                        let mut body = respond.send_response(http::Response::new(()), false).unwrap();
                        body.send_data(Bytes::from_static(b"OK"), true).unwrap();
                    }
                });
            } else {
                let mut request = vec![0; 4096];
                let _ = stream.read(&mut request).await.unwrap();
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK").await.unwrap();
                let _ = stream.shutdown().await;
            }
        }
    });
    address
}

#[test]
fn backends_are_trusted_by_their_own_ca_and_choose_the_version() {
    run(async {
        for protocol in ["http/1.1", "h2"] {
            let pair = pair();
            let address = tls_backend(&pair, protocol).await;
            for (ca, status) in [(pair.certificate.clone(), 200), (self::pair().certificate, 502)] {
                let mut setup = Setup::to(address).upstream(Upstream::Tls);
                setup.endpoint.trusted_ca = Some(ca.into_bytes().into());
                let found = tokio::task::spawn_blocking(move || {
                    let proxy = setup.start();
                    crate::client::ask(proxy.address, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n").unwrap().status
                });
                assert_eq!(found.await.unwrap(), status, "{protocol}");
            }
        }
    });
}
