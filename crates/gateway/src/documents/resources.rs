//! What each API tells clients about the tokens that it takes (RFC 9728): one document for each, under the API's path.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use bytes::Bytes;
use claims::DpopProof;
use foldhash::fast::RandomState;
use serde_json::{Map, Value, json};

use super::Document;
use crate::{
    access::{Access, Requirement, Scheme, Scopes},
    credential::{Holds, Place},
    snapshot::Api,
    spec::{self, AskForCertificates},
};

/// What stands before an API's path (RFC 9728 §3.1).
pub(super) const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The documents by the API's path: base and version.
pub(super) type Resources = HashMap<Box<str>, Document, RandomState>;

/// Returns the address of an API's document; `None`: the gateway's own address is not known.
pub(crate) fn address(operator: &spec::Operator, context: &str) -> Option<String> {
    base(operator).map(|base| format!("{base}{WELL_KNOWN}{context}"))
}

/// Makes the documents of all APIs that take access tokens.
pub(super) fn documents(operator: &spec::Operator, apis: &[Arc<Api>]) -> Resources {
    let mut documents = Resources::default();
    let Some(base) = base(operator) else { return documents };
    for api in apis {
        let requirements: Vec<&Requirement> =
            api.operations.iter().filter_map(|operation| token_requirement(&operation.access)).collect();
        if !requirements.is_empty() {
            let context = &api.production.context;
            let document = document(operator, (api, base), &requirements);
            documents.entry(context.clone()).or_insert(document);
        }
    }
    documents
}

fn base(operator: &spec::Operator) -> Option<&str> {
    operator.gateway.public_url.as_ref().map(|url| url.value.text.trim_end_matches('/'))
}

fn token_requirement(access: &Access) -> Option<&Requirement> {
    match access {
        Access::Open => None,
        Access::Optional(requirement) | Access::Secured(requirement) => {
            Some(requirement).filter(|requirement| requirement.challenge.schemes.contains(&Scheme::Bearer))
        }
    }
}

fn document(operator: &spec::Operator, (api, base): (&Api, &str), requirements: &[&Requirement]) -> Document {
    let scopes: BTreeSet<&str> = requirements.iter().flat_map(|requirement| scopes(&requirement.scopes)).collect();
    let issuers: BTreeSet<&str> = requirements
        .iter()
        .flat_map(|requirement| &requirement.issuers)
        .filter(|issuer| issuer.keys.is_some() || issuer.introspection.is_some())
        .map(|issuer| &*issuer.rules.issuer)
        .filter(|iss| url::Url::parse(iss).is_ok())
        .collect();
    let methods: BTreeSet<&str> = requirements.iter().flat_map(|requirement| methods(requirement)).collect();
    let algorithms = DpopProof::ALGORITHMS.map(claims::Algorithm::name);
    let tls = operator.gateway.listeners.iter().filter_map(|listener| listener.tls.as_ref());
    let mut members = Map::new();
    members.insert("resource".to_owned(), format!("{base}{}", api.production.context).into());
    members.insert("resource_name".to_owned(), api.name.as_ref().into());
    members.insert("authorization_servers".to_owned(), json!(issuers));
    members.insert("scopes_supported".to_owned(), json!(scopes));
    members.insert("bearer_methods_supported".to_owned(), json!(methods));
    members.insert("dpop_signing_alg_values_supported".to_owned(), json!(algorithms));
    let asks = tls.map(|tls| tls.client_certificates.value).any(|asks| asks == AskForCertificates::Request);
    members.insert("tls_client_certificate_bound_access_tokens".to_owned(), asks.into());
    // RFC 9728 §3.2: what is empty is left out.
    members.retain(|_, value| value.as_array().is_none_or(|list| !list.is_empty()));
    Document::new("application/json", Bytes::from(Value::Object(members).to_string()))
}

fn scopes(scopes: &Scopes) -> impl Iterator<Item = &str> {
    let (Scopes::AnyOf(names) | Scopes::AllOf(names)) = scopes;
    names.iter().map(|name| &**name)
}

/// Where the API reads tokens, as RFC 9728 §2 names it; a header of the API's own has no name there.
fn methods(requirement: &Requirement) -> impl Iterator<Item = &'static str> {
    requirement.sources.iter().filter_map(|source| match (&source.holds, &source.place) {
        (Holds::AccessToken { .. } | Holds::AccessTokenOrPassword { .. }, Place::Header(name))
            if *name == http::header::AUTHORIZATION =>
        {
            Some("header")
        }
        (Holds::AccessToken { .. }, Place::Query(name)) if **name == *"access_token" => Some("query"),
        (
            Holds::AccessToken { .. } | Holds::ApiKey | Holds::Password | Holds::AccessTokenOrPassword { .. },
            Place::Header(_) | Place::Query(_),
        ) => None,
    })
}
