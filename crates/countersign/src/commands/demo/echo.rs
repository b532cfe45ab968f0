//! The demo's backend: answers with what it received, Backend JWTs decoded and verified by the gateway's JWKS.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use claims::{ClaimChecks, Encoding, Json, Object, TokenVerification, verify_token};
use hyper::{Request, StatusCode};
use reqwest::{Client, redirect::Policy};

use super::{http::Answer, ports::Ports};
use crate::{clock, output};

/// Shows requests.
#[derive(Debug)]
pub(super) struct Echo {
    jwks: String,
    client: Option<Client>,
}

impl Echo {
    pub(super) fn new(ports: Ports) -> Self {
        let client = Client::builder().no_proxy().redirect(Policy::none()).timeout(Duration::from_secs(5)).build();
        Self { jwks: format!("http://127.0.0.1:{}/.well-known/jwks.json", ports.gateway), client: client.ok() }
    }

    /// Shows one request.
    pub(super) async fn answer(&self, request: &Request<Bytes>) -> Answer {
        let mut headers = Object::default();
        let mut jwts = Object::default();
        for name in request.headers().keys() {
            let values = request.headers().get_all(name).iter();
            let values: Vec<String> =
                values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect();
            for value in &values {
                if let Some(decoded) = self.decoded(value).await {
                    jwts.insert(name.as_str(), decoded);
                }
            }
            headers.insert(name.as_str(), Json::string(values.join(", ")));
        }
        let mut seen = Object::default();
        seen.insert("backend", Json::string("this is what the backend received"));
        seen.insert("request", Json::string(format!("{} {}", request.method(), request.uri())));
        seen.insert("backendJwts", Json::Object(jwts));
        seen.insert("headers", Json::Object(headers));
        if !request.body().is_empty() {
            seen.insert("body", Json::string(String::from_utf8_lossy(request.body())));
        }
        let body = format!("{}\n", output::pretty(&Json::Object(seen)));
        Answer { status: StatusCode::OK, kind: "application/json", body }
    }

    async fn keys(&self) -> Option<Bytes> {
        self.client.as_ref()?.get(&self.jwks).send().await.ok()?.bytes().await.ok()
    }

    /// Decodes and verifies a Backend JWT, as a backend's JWT library would.
    async fn decoded(&self, value: &str) -> Option<Json> {
        let jwt = value.rsplit(' ').next()?;
        let mut segments = jwt.split('.');
        let mut decoded = || {
            let bytes = URL_SAFE_NO_PAD.decode(segments.next()?).ok()?;
            Json::parse(&bytes).ok()
        };
        let (header, payload) = (decoded()?, decoded()?);
        let mut shown = Object::default();
        shown.insert("header", header);
        shown.insert("payload", payload);
        shown.insert("signature", Json::string(self.verdict(jwt).await));
        Some(Json::Object(shown))
    }

    async fn verdict(&self, jwt: &str) -> String {
        let Some(jwks) = self.keys().await else { return format!("not verified: {} does not answer", self.jwks) };
        let checks = ClaimChecks::Claims { issuer: None, audience: None };
        let how = TokenVerification { encoding: Encoding::Base64Url, checks, clock_skew: 30 };
        match verify_token(&jwks, jwt, &how, clock::seconds(clock::now())) {
            Ok(_) => format!("verified with {}", self.jwks),
            Err(error) => format!("NOT VALID: {error}"),
        }
    }
}
