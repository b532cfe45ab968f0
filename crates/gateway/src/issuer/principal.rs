//! From a token's claims to who calls: user or application, `sub`, scopes.

use std::sync::Arc;

use claims::{Json, Object, Principal, PrincipalKind, TokenError};

use super::Issuer;

impl Issuer {
    /// Makes the principal of verified claims.
    pub(crate) fn principal(&self, claims: Object, expires_at: Option<u64>) -> Result<Principal, TokenError> {
        let token_claims = self.renamed(claims);
        let subject: Box<str> =
            self.subject.resolve_subject(&token_claims).map(Into::into).ok_or(TokenError::MalformedSubject)?;
        let client_id = self.consumer_key_claims.iter().find_map(|claim| text(token_claims.get(claim)));
        let is_application = is_client_credentials(&token_claims, client_id);
        let client_id: Option<Box<str>> = client_id.map(Box::from);
        let (kind, subject) = if is_application {
            let subject = client_id.clone().unwrap_or(subject);
            (PrincipalKind::Application, subject)
        } else {
            let lookup = text(token_claims.get(&self.lookup_claim)).ok_or(TokenError::MalformedSubject)?;
            (PrincipalKind::EndUser { lookup: lookup.into() }, subject)
        };
        Ok(Principal {
            issuer: Arc::clone(&self.name),
            iss: Arc::from(&*self.rules.issuer),
            subject,
            kind,
            client_id,
            scopes: scopes(token_claims.get(&self.scopes_claim)),
            organizations: strings(token_claims.get("organizations")),
            token_claims,
            expires_at,
        })
    }

    /// Makes the principal of a user whom a credential other than a token stands for: `name` is the value of the `lookup`
    /// claim and of `sub`, unless `claims` say otherwise. `None`: the `subject` template asks for more.
    pub(crate) fn user(&self, name: &str, claims: Object) -> Option<Principal> {
        let mut all = claims;
        for claim in ["sub", &self.lookup_claim] {
            if all.get(claim).is_none() {
                all.insert(claim, Json::string(name));
            }
        }
        let lookup = text(all.get(&self.lookup_claim))?.into();
        let subject = self.subject.resolve_subject(&all)?.into();
        Some(Principal {
            issuer: Arc::clone(&self.name),
            iss: Arc::from(&*self.rules.issuer),
            subject,
            kind: PrincipalKind::EndUser { lookup },
            client_id: None,
            scopes: scopes(all.get(&self.scopes_claim)),
            organizations: strings(all.get("organizations")),
            token_claims: all,
            expires_at: None,
        })
    }

    fn renamed(&self, mut claims: Object) -> Object {
        for (remote, local) in &self.claim_mappings {
            if let Some(value) = claims.get(remote).cloned() {
                claims.insert(local.clone(), value);
            }
        }
        claims
    }
}

/// True for a token that a client got for itself: RFC 9068 §2.2 (`sub` is the client id), or its issuer says so.
fn is_client_credentials(claims: &Object, client_id: Option<&str>) -> bool {
    let says = |claim: &str, value: &str| text(claims.get(claim)) == Some(value);
    let is_own_subject = client_id.is_some() && text(claims.get("sub")) == client_id;
    is_own_subject || says("aut", "APPLICATION") || says("gty", "client-credentials") || says("idtyp", "app")
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
