//! Envoy's question as a client's head: what Envoy says of the request, the connection and the client's certificate.
//!
//! Envoy has parsed the request and normalised its path; what it says is checked as our own parser's word is.

use std::{net::SocketAddr, sync::Arc};

use envoy_types::pb::envoy::{
    config::core::v3::{Address, address, socket_address::PortSpecifier},
    service::auth::v3::{
        CheckRequest,
        attribute_context::{HttpRequest, Peer},
    },
};
use gateway::{ClientCertificate, Code, Connection, Rejection, RequestHead};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version, header::HOST, request::Parts, uri::PathAndQuery,
};
use percent_encoding::percent_decode_str;
use rustls_pki_types::{CertificateDer, pem::PemObject};

use crate::{client::Asker, strict};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Envoy lets through a hundred, and adds some.
const MOST_FIELDS: usize = 1000;
/// A longer request id is not Envoy's.
const LONGEST_ID: usize = 64;

/// Writes what Envoy asks about as the head that the client sent; its request id is still to be set.
///
/// # Errors
///
/// [`Code::BadRequest`] for what is no HTTP request, [`Code::NotImplemented`] for `CONNECT` and `TRACE`.
pub(super) fn head(question: CheckRequest, envoy: &Connection, asker: Asker) -> Result<Box<RequestHead>, Rejection> {
    let attributes = question.attributes.unwrap_or_default();
    let http = attributes.request.and_then(|request| request.http);
    let http = http.ok_or_else(|| bad("the question is about no HTTP request"))?;
    let connection = Arc::new(connection(&attributes.source.unwrap_or_default(), &http.scheme, envoy, asker)?);
    let parts = parts(http)?;
    strict::check_told(&parts)?;
    Ok(Box::new(RequestHead { parts, connection, request_id: HeaderValue::from_static("") }))
}

/// Returns what stands for a head that cannot be read.
pub(super) fn unknown() -> Parts {
    Request::new(()).into_parts().0
}

/// Returns Envoy's id of a request, by which its access log and the backend know it too.
pub(super) fn request_id(headers: &HeaderMap) -> Option<HeaderValue> {
    let id = headers.get(X_REQUEST_ID)?;
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
    (1..=LONGEST_ID).contains(&id.len()).then_some(())?;
    id.as_bytes().iter().all(is_plain).then(|| id.clone())
}

fn connection(client: &Peer, scheme: &str, envoy: &Connection, asker: Asker) -> Result<Connection, Rejection> {
    let peer = client.address.as_ref().and_then(socket_address).unwrap_or(envoy.peer);
    let connection = Connection::new(peer, scheme.eq_ignore_ascii_case("https"));
    if asker == Asker::Known && !client.certificate.is_empty() {
        let pem: Vec<u8> = percent_decode_str(&client.certificate).collect();
        let leaf = CertificateDer::from_pem_slice(&pem).map_err(|_| bad("the client's certificate is no PEM"))?;
        if let Some(certificate) = ClientCertificate::new(&[leaf]) {
            connection.show(certificate);
        }
    }
    Ok(connection)
}

fn socket_address(address: &Address) -> Option<SocketAddr> {
    let Some(address::Address::SocketAddress(socket)) = &address.address else { return None };
    let port = match socket.port_specifier {
        Some(PortSpecifier::PortValue(port)) => u16::try_from(port).ok()?,
        Some(PortSpecifier::NamedPort(_)) | None => 0,
    };
    Some(SocketAddr::new(socket.address.parse().ok()?, port))
}

fn parts(http: HttpRequest) -> Result<Parts, Rejection> {
    if http.path.contains('#') {
        return Err(bad("the target has a fragment"));
    }
    let target: PathAndQuery = http.path.parse().map_err(|_| bad("the target is not a path"))?;
    let mut parts = unknown();
    parts.method = Method::from_bytes(http.method.as_bytes()).map_err(|_| bad("the method is no method"))?;
    parts.version = version(&http.protocol);
    let fields = match http.header_map {
        Some(map) => map.headers.into_iter().map(|field| (field.key, either(field.value, field.raw_value))).collect(),
        None => http.headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect::<Vec<_>>(),
    };
    if fields.len() > MOST_FIELDS {
        return Err(bad("the request has too many fields"));
    }
    parts.headers.reserve(fields.len());
    for (name, value) in fields.into_iter().filter(|(name, _)| !name.starts_with(':')) {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad("a field's name is no name"))?;
        let value = HeaderValue::from_maybe_shared(bytes::Bytes::from(value));
        parts.headers.append(name, value.map_err(|_| bad("a field's value is no value"))?);
    }
    // What Envoy calls the host is `:authority`, or `Host` in HTTP/1.
    parts.headers.insert(HOST, http.host.parse().map_err(|_| bad("the request has no good `Host`"))?);
    parts.uri = Uri::from(target);
    Ok(parts)
}

fn either(text: String, raw: Vec<u8>) -> Vec<u8> {
    if raw.is_empty() { text.into_bytes() } else { raw }
}

fn version(protocol: &str) -> Version {
    match protocol {
        "HTTP/1.0" => Version::HTTP_10,
        "HTTP/2" => Version::HTTP_2,
        "HTTP/3" => Version::HTTP_3,
        _ => Version::HTTP_11,
    }
}

fn bad(detail: &'static str) -> Rejection {
    Rejection::new(Code::BadRequest, detail)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use envoy_types::pb::envoy::{
        config::core::v3::{HeaderMap as EnvoyHeaders, HeaderValue as EnvoyHeader, Pipe, SocketAddress},
        service::auth::v3::{AttributeContext, attribute_context::Request},
    };

    use super::*;

    fn http(path: &str) -> HttpRequest {
        HttpRequest {
            method: "GET".to_owned(),
            path: path.to_owned(),
            host: "api.example.com".to_owned(),
            scheme: "https".to_owned(),
            protocol: "HTTP/2".to_owned(),
            ..HttpRequest::default()
        }
    }

    fn asked(http: HttpRequest, source: Option<Peer>, asker: Asker) -> Result<Box<RequestHead>, Rejection> {
        let request = Some(Request { http: Some(http), time: None });
        let attributes = Some(AttributeContext { source, request, ..AttributeContext::default() });
        head(CheckRequest { attributes }, &Connection::new("127.0.0.1:5000".parse().unwrap(), false), asker)
    }

    fn peer(address: address::Address) -> Peer {
        Peer { address: Some(Address { address: Some(address) }), ..Peer::default() }
    }

    #[test]
    fn a_question_is_the_clients_head() {
        let socket = SocketAddress {
            address: "192.0.2.7".to_owned(),
            port_specifier: Some(PortSpecifier::PortValue(4000)),
            ..SocketAddress::default()
        };
        let fields = [(":path", "/x?q=1"), ("accept", "*/*"), ("host", "evil")];
        let headers = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let source = peer(address::Address::SocketAddress(socket));
        let head = asked(HttpRequest { headers, ..http("/x?q=1") }, Some(source), Asker::Known).unwrap();
        assert_eq!((head.parts.uri.to_string().as_str(), head.parts.version), ("/x?q=1", Version::HTTP_2));
        assert_eq!(
            (&head.parts.headers["host"], &head.parts.headers["accept"]),
            (&"api.example.com".parse().unwrap(), &"*/*".parse().unwrap())
        );
        assert_eq!((head.connection.peer, head.connection.is_secure), ("192.0.2.7:4000".parse().unwrap(), true));
    }

    #[test]
    fn raw_fields_are_taken_one_by_one() {
        let field = |value: &[u8]| EnvoyHeader {
            key: "x-list".to_owned(),
            raw_value: value.to_vec(),
            ..EnvoyHeader::default()
        };
        let map = EnvoyHeaders { headers: vec![field(b"1"), field(b"\xe9")] };
        let head = asked(HttpRequest { header_map: Some(map), ..http("/x") }, None, Asker::Known).unwrap();
        let values: Vec<&[u8]> = head.parts.headers.get_all("x-list").iter().map(HeaderValue::as_bytes).collect();
        assert_eq!(values, [b"1".as_slice(), b"\xe9"]);
    }

    #[test]
    fn an_unknown_address_is_envoys_own() {
        let source = peer(address::Address::Pipe(Pipe::default()));
        let head = asked(http("/x"), Some(source), Asker::Known).unwrap();
        assert_eq!(head.connection.peer, "127.0.0.1:5000".parse().unwrap());
    }

    #[test]
    fn what_no_client_may_send_is_refused() {
        let field = |name: &str, value: &str| HttpRequest {
            headers: HashMap::from([(name.to_owned(), value.to_owned())]),
            ..http("/x")
        };
        let refused = [
            (http("/x#y"), Code::BadRequest),
            (http("*"), Code::BadRequest),
            (http(""), Code::BadRequest),
            (http("/\u{0}"), Code::BadRequest),
            (HttpRequest { host: "a b".to_owned(), ..http("/x") }, Code::BadRequest),
            (HttpRequest { host: String::new(), ..http("/x") }, Code::BadRequest),
            (HttpRequest { method: String::new(), ..http("/x") }, Code::BadRequest),
            (HttpRequest { method: "TRACE".to_owned(), ..http("/x") }, Code::NotImplemented),
            (field("a b", "1"), Code::BadRequest),
            (field("a", "1\r\nb: 2"), Code::BadRequest),
        ];
        let many = (0..=MOST_FIELDS).map(|number| (format!("x-{number}"), String::new())).collect();
        let many = (HttpRequest { headers: many, ..http("/x") }, Code::BadRequest);
        for (http, code) in refused.into_iter().chain([many]) {
            let path = http.path.clone();
            assert_eq!(asked(http, None, Asker::Known).unwrap_err().code, code, "{path}");
        }
        let nothing =
            head(CheckRequest::default(), &Connection::new("127.0.0.1:1".parse().unwrap(), false), Asker::Known);
        assert_eq!(nothing.unwrap_err().code, Code::BadRequest);
    }

    #[test]
    fn a_certificate_is_believed_of_a_known_envoy_alone() {
        let made = rcgen::generate_simple_self_signed(["alice".to_owned()]).unwrap();
        let pem =
            percent_encoding::utf8_percent_encode(&made.cert.pem(), percent_encoding::NON_ALPHANUMERIC).to_string();
        let source = || Some(Peer { certificate: pem.clone(), ..Peer::default() });
        let known = asked(http("/x"), source(), Asker::Known).unwrap();
        assert_eq!(known.connection.certificate().unwrap().leaf(), made.cert.der());
        assert!(asked(http("/x"), source(), Asker::Anybody).unwrap().connection.certificate().is_none());
        let broken = Some(Peer { certificate: "%2D".to_owned(), ..Peer::default() });
        assert_eq!(asked(http("/x"), broken, Asker::Known).unwrap_err().code, Code::BadRequest);
    }

    #[test]
    fn an_id_is_taken_that_envoy_can_have_made() {
        let id =
            |text: &'static str| request_id(&HeaderMap::from_iter([(X_REQUEST_ID, HeaderValue::from_static(text))]));
        assert!(id("7f2c1b52-2b1f-9a60-8d61-3a1f6f2f5a3e").is_some());
        for text in ["", "a b", "\"", "0123456789012345678901234567890123456789012345678901234567890123x"] {
            assert_eq!(id(text), None, "{text}");
        }
    }
}
