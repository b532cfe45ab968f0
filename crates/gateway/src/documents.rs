//! JWKS and discovery: what lets a backend verify our tokens with the issuer's name alone; and what each API tells clients
//! about the tokens that it takes.
//!
//! Answered on the data listeners before routing, and on `keysAddress`. Says which paths and what stands there; the
//! enforcement point writes the answer. RFC 7517 §5, RFC 8414 §3, `OpenID` Connect Discovery §3–4.

mod resources;

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use claims::Algorithm;
use serde_json::json;
use url::Url;

use self::resources::Resources;
pub(crate) use self::resources::address as resource_metadata;
use crate::{fingerprint::Fingerprint, snapshot::Api, spec};

/// Where existing backends look for keys.
const JWKS_PATHS: [&str; 4] = ["/.well-known/jwks.json", "/.well-known/jwks", "/.wellknown/jwks", "/jwks"];

/// The published documents of one snapshot.
#[derive(Clone, Debug)]
pub struct Documents {
    jwks_paths: Box<[Box<str>]>,
    discovery_paths: Box<[Box<str>]>,
    discovery: Option<Document>,
    resources: Resources,
}

/// Which document stands at a path.
#[derive(Clone, Debug)]
pub enum Published<'a> {
    /// The key set, which changes with time: ask the key ring.
    Jwks,
    /// The discovery document, or an API's protected-resource metadata.
    Document(&'a Document),
}

/// One document, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The media type.
    pub content_type: &'static str,
    /// The text.
    pub body: Bytes,
    /// A strong entity tag, quotes included.
    pub etag: Arc<str>,
}

impl Document {
    /// Makes a document; equal bodies have equal tags.
    pub fn new(content_type: &'static str, body: Bytes) -> Self {
        let etag = format!("\"{}\"", Fingerprint::of([&*body])).into();
        Self { content_type, body, etag }
    }
}

impl Documents {
    /// Makes the documents of a configuration.
    pub fn new(operator: &spec::Operator, apis: &[Arc<Api>]) -> Self {
        let issuer = Url::parse(&operator.gateway.issuer.value).ok();
        let discovery = issuer.as_ref().map(|_| discovery(operator, apis));
        Self {
            jwks_paths: jwks_paths(issuer.as_ref()),
            discovery_paths: issuer.as_ref().map(discovery_paths).unwrap_or_default(),
            discovery,
            resources: resources::documents(operator, apis),
        }
    }

    /// Returns what is published at a path.
    pub fn at(&self, path: &str) -> Option<Published<'_>> {
        if self.jwks_paths.iter().any(|known| **known == *path) {
            return Some(Published::Jwks);
        }
        if let Some(context) = path.strip_prefix(resources::WELL_KNOWN) {
            return self.resources.get(context).map(Published::Document);
        }
        let discovery = self.discovery.as_ref()?;
        self.discovery_paths.iter().any(|known| **known == *path).then_some(Published::Document(discovery))
    }
}

/// Returns every path at which something is published.
pub(crate) fn paths(operator: &spec::Operator) -> Vec<Box<str>> {
    let issuer = Url::parse(&operator.gateway.issuer.value).ok();
    let discovery = issuer.as_ref().map(discovery_paths).unwrap_or_default();
    jwks_paths(issuer.as_ref()).into_iter().chain(discovery).collect()
}

fn jwks_paths(issuer: Option<&Url>) -> Box<[Box<str>]> {
    let own =
        issuer.map(issuer_path).filter(|path| !path.is_empty()).map(|path| format!("{path}/.well-known/jwks.json"));
    JWKS_PATHS.into_iter().map(Box::from).chain(own.map(Into::into)).collect()
}

fn discovery_paths(issuer: &Url) -> Box<[Box<str>]> {
    let path = issuer_path(issuer);
    let forms = [
        format!("{path}/.well-known/openid-configuration"),
        format!("/.well-known/openid-configuration{path}"),
        format!("/.well-known/oauth-authorization-server{path}"),
    ];
    let unique: BTreeSet<Box<str>> = forms.into_iter().map(Into::into).collect();
    unique.into_iter().collect()
}

fn issuer_path(issuer: &Url) -> String {
    issuer.path().trim_end_matches('/').to_owned()
}

fn discovery(operator: &spec::Operator, apis: &[Arc<Api>]) -> Document {
    let issuer = operator.gateway.issuer.value.as_str();
    let base = issuer.trim_end_matches('/');
    let own_jwks = format!("{base}/.well-known/jwks.json");
    let jwks_uri = operator.gateway.jwks_url.as_ref().map_or(own_jwks, |url| url.value.text.clone());
    let document = json!({
        "issuer": issuer,
        "jwks_uri": jwks_uri,
        "authorization_endpoint": format!("{base}/authorize"),
        "token_endpoint": format!("{base}/token"),
        "response_types_supported": ["none"],
        "grant_types_supported": [],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": algorithms(apis),
    });
    Document::new("application/json", Bytes::from(document.to_string()))
}

/// Returns the names of the algorithms that policies sign with and that a JWKS can verify.
fn algorithms(apis: &[Arc<Api>]) -> Vec<&'static str> {
    let policies = apis.iter().flat_map(|api| &api.operations).flat_map(|operation| &operation.backend_jwts.policies);
    let used = policies.map(|policy| policy.policy.algorithm);
    let public = used.filter(|algorithm| !algorithm.is_hmac() && *algorithm != Algorithm::None);
    let mut names: BTreeSet<&'static str> = public.map(Algorithm::name).collect();
    if names.is_empty() {
        names.insert(Algorithm::Es256.name());
    }
    names.into_iter().collect()
}
