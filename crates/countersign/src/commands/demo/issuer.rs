//! The demo's token issuer: `GET /token?user=alice` answers with an access token. No password: it is a demo.

use bytes::Bytes;
use claims::{Object, SigningKey};
use hyper::{Request, StatusCode};

use super::{http::Answer, ports::Ports};
use crate::{
    clock,
    commands::token::{NewToken, issue},
};

const TEXT: &str = "text/plain; charset=utf-8";

/// Issues tokens to everybody.
#[derive(Debug)]
pub(super) struct Issuer {
    issuer: String,
    key: SigningKey,
}

impl Issuer {
    pub(super) fn new(ports: Ports, key: SigningKey) -> Self {
        Self { issuer: format!("http://127.0.0.1:{}", ports.issuer), key }
    }

    /// Answers one request.
    pub(super) fn answer(&self, request: &Request<Bytes>) -> Answer {
        match request.uri().path() {
            "/token" => self.token(request.uri().query().unwrap_or_default()),
            _ => Answer { status: StatusCode::NOT_FOUND, kind: TEXT, body: "try /token?user=alice\n".to_owned() },
        }
    }

    fn token(&self, query: &str) -> Answer {
        let parameter = |wanted: &str| {
            let mut pairs = url::form_urlencoded::parse(query.as_bytes());
            pairs.find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
        };
        let Some(user) = parameter("user").filter(|user| !user.is_empty()) else {
            return Answer {
                status: StatusCode::BAD_REQUEST,
                kind: TEXT,
                body: "say who: /token?user=alice\n".to_owned(),
            };
        };
        let scope = parameter("scope").unwrap_or_else(|| "orders:read".to_owned());
        let token = NewToken {
            issuer: &self.issuer,
            subject: &user,
            audience: &["demo".to_owned()],
            client_id: Some("demo-app"),
            scope: &scope,
            ttl: 3600,
            more: Object::default(),
        };
        match issue(&token, &self.key, clock::seconds(clock::now())) {
            Ok(token) => Answer { status: StatusCode::OK, kind: TEXT, body: format!("{token}\n") },
            Err(error) => {
                Answer { status: StatusCode::INTERNAL_SERVER_ERROR, kind: TEXT, body: format!("{error:#}\n") }
            }
        }
    }
}
