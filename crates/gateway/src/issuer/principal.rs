//! From a token's claims to who calls: user or application, `sub`, scopes.

use std::{borrow::Cow, sync::Arc};

use claims::{Grant, Json, Object, Principal, PrincipalKind, TokenError};

use super::{ApplicationFromToken, Issuer, RemoteClaim};
use crate::applications::ToldApplication;

impl Issuer {
    /// Makes the principal of verified claims.
    pub(crate) fn principal(&self, claims: &Object, expires_at: Option<u64>) -> Result<Principal, TokenError> {
        let claims = self.renamed(claims);
        let subject = || self.subject.resolve_subject(&claims).map(Box::from).ok_or(TokenError::MalformedSubject);
        let client_id = self.consumer_key_claims.iter().find_map(|claim| text(claims.get(claim)));
        let is_application = self.is_client_credentials(&claims, client_id);
        let client_id: Option<Box<str>> = client_id.map(Box::from);
        let (kind, subject) = if is_application {
            (
                PrincipalKind::Application,
                client_id.as_deref().map_or_else(subject, |client| Ok(self.client_subject(client)))?,
            )
        } else {
            let lookup = text(claims.get(&self.lookup_claim)).ok_or(TokenError::MalformedSubject)?;
            (PrincipalKind::EndUser { lookup: lookup.into() }, subject()?)
        };
        Ok(Principal { grant: self.grant(&claims, client_id), subject, kind, expires_at })
    }

    /// Returns the `sub` of a client that calls for itself: apart from other issuers' clients and users wherever the
    /// `subject` template keeps its users apart.
    pub(crate) fn client_subject(&self, client_id: &str) -> Box<str> {
        [self.subject.prefix(), client_id].concat().into()
    }

    /// Makes the principal of a user whom a credential other than a token stands for: `name` is the value of the `lookup`
    /// claim and of `sub`, unless `claims` say otherwise. Returns all claims with it. `None`: the `subject` template asks for
    /// more.
    pub(crate) fn user(&self, name: &str, claims: Object) -> Option<(Principal, Object)> {
        let mut all = claims;
        for claim in ["sub", &self.lookup_claim] {
            if all.get(claim).is_none() {
                all.insert(claim, Json::string(name));
            }
        }
        let claims = self.renamed(&all);
        let lookup = text(claims.get(&self.lookup_claim))?.into();
        let subject = self.subject.resolve_subject(&claims)?.into();
        let (grant, kind) = (self.grant(&claims, None), PrincipalKind::EndUser { lookup });
        let principal = Principal { grant, subject, kind, expires_at: None };
        drop(claims);
        Some((principal, all))
    }

    /// Reads the application of which a credential's claims tell; `None`: this issuer is not believed.
    pub(crate) fn told_application(&self, claims: &Object) -> Option<ToldApplication> {
        match self.application_from_token {
            ApplicationFromToken::Believed => Some(ToldApplication::of(&self.renamed(claims))),
            ApplicationFromToken::Ignored => None,
        }
    }

    fn grant(&self, claims: &Object, client_id: Option<Box<str>>) -> Arc<Grant> {
        let grant = Grant {
            issuer: Arc::clone(&self.name),
            iss: Arc::clone(&self.rules.issuer),
            client_id,
            scopes: self.scopes(claims),
            organizations: strings(claims.get("organizations")),
        };
        self.grants.share(|known| *known == grant, || Arc::new(grant.clone()))
    }

    /// Applies the issuer's `claimMappings`.
    pub(crate) fn renamed<'a>(&self, claims: &'a Object) -> Cow<'a, Object> {
        if self.claim_mappings.is_empty() {
            return Cow::Borrowed(claims);
        }
        let mut claims = claims.clone();
        for (remote, local) in &self.claim_mappings {
            let found = match remote {
                RemoteClaim::Named(name) => claims.get(name).cloned(),
                RemoteClaim::At(pointer) => {
                    let whole = Json::Object(std::mem::take(&mut claims));
                    let found = pointer.find(&whole).cloned();
                    if let Json::Object(members) = whole {
                        claims = members;
                    }
                    found
                }
            };
            if let Some(value) = found {
                claims.insert(local.clone(), value);
            }
        }
        Cow::Owned(claims)
    }

    fn scopes(&self, claims: &Object) -> Box<[Box<str>]> {
        match &*self.scopes_claims {
            [only] => scopes(claims.get(only)),
            several => several.iter().flat_map(|claim| scopes(claims.get(claim))).collect(),
        }
    }

    /// True for a token that a client got for itself: RFC 9068 §2.2 (`sub` is the client id), or its issuer says so.
    fn is_client_credentials(&self, claims: &Object, client_id: Option<&str>) -> bool {
        let is_own_subject = client_id.is_some() && text(claims.get("sub")) == client_id;
        is_own_subject
            || self.client_credentials.iter().any(|sign| match &sign.value {
                Some(value) => text(claims.get(&sign.claim)) == Some(value),
                None => claims.get(&sign.claim).is_some(),
            })
    }
}

fn text(value: Option<&Json>) -> Option<&str> {
    value.and_then(Json::as_str).filter(|text| !text.is_empty())
}

/// Reads scopes: a space-separated string (RFC 9068 §2.2.3) or an array.
fn scopes(value: Option<&Json>) -> Box<[Box<str>]> {
    match value {
        Some(Json::String(list)) => list.split(' ').filter(|scope| !scope.is_empty()).map(Box::from).collect(),
        Some(Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_)) | None => strings(value),
    }
}

/// Reads a string or an array of strings.
pub(crate) fn strings(value: Option<&Json>) -> Box<[Box<str>]> {
    match value {
        Some(Json::String(text)) => [text.clone()].into(),
        Some(Json::Array(values)) => values.iter().filter_map(Json::as_str).map(Box::from).collect(),
        Some(Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_)) | None => Box::default(),
    }
}
