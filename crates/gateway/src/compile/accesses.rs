//! `authentication`, `secured`, `scopes` and `keyManagers`: who may call an operation.

mod certificates;
mod opaque;
mod passwords;

use std::sync::Arc;

use http::{HeaderName, header::AUTHORIZATION};

use self::certificates::Certificates;
pub(super) use self::opaque::check as check_introspection;
use super::Scope;
use crate::{
    access::{
        Access, CertificateRequirement, Challenge, CredentialDemand, Demand, Requirement, Scheme, Scopes, Subscription,
    },
    api_keys::ApiKeys,
    credential::{CredentialSource, Holds, Place},
    diagnostic::{Diagnostic, DiagnosticCode, Diagnostics},
    documents::resource_metadata as resource_metadata_of,
    issuer::Issuer,
    proof_nonces::ProofNonces,
    spec,
};

/// What an API's `authentication` says, for all its operations.
#[derive(Debug)]
pub(super) struct Authentication {
    sources: Box<[CredentialSource]>,
    presence: Presence,
    certificates: Option<Certificates>,
    issuers: Box<[Arc<Issuer>]>,
    api_keys: Arc<ApiKeys>,
    challenge: Challenge,
    subscription: Subscription,
    proof_nonces: Option<ProofNonces>,
    /// Headers that end at the gateway.
    pub(super) credential_headers: Box<[HeaderName]>,
    /// Query parameters that end at the gateway.
    pub(super) credential_parameters: Box<[Box<str>]>,
    /// True when the client's `Authorization` goes on to the backend.
    pub(super) sends_authorization: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    Off,
    Optional,
    Mandatory,
}

/// An entry with a place for its credential, and what stands there.
#[derive(Clone, Copy, Debug)]
struct Entry<'a> {
    written: &'a spec::PlacedCredential,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    AccessToken,
    ApiKey,
    Password,
}

/// Compiles `authentication` and `keyManagers`.
pub(super) fn compile(
    (api, context): (&spec::Api, &str),
    scope: &Scope<'_>,
    diagnostics: &mut Diagnostics,
) -> Authentication {
    let entries = entries(api);
    let enabled: Vec<Entry<'_>> = entries.iter().copied().filter(|entry| entry.written.enabled.value).collect();
    let is_described = entries.iter().any(|entry| entry.kind == Kind::AccessToken);
    let mut sources: Vec<CredentialSource> = Vec::new();
    if !is_described {
        // As in APK: access tokens are on unless an entry speaks of them.
        let holds = Holds::AccessToken { audience: Box::default() };
        sources.push(CredentialSource { place: Place::Header(AUTHORIZATION), holds });
    }
    // Passwords last: where a token stands too, the scheme tells them apart.
    let (passwords, others): (Vec<Entry<'_>>, Vec<Entry<'_>>) =
        enabled.iter().partition(|entry| entry.kind == Kind::Password);
    for entry in others.into_iter().chain(passwords) {
        add_sources(entry, &mut sources, diagnostics);
    }
    let presence = if sources.is_empty() && enabled.is_empty() {
        Presence::Off
    } else if is_described && enabled.iter().all(|entry| entry.written.required.value == spec::Presence::Optional) {
        Presence::Optional
    } else {
        Presence::Mandatory
    };
    let sends_authorization = entries.iter().any(|Entry { written, .. }| {
        written.send_token_to_upstream.value
            && written.header_enable.value
            && is_authorization(&written.header_name.value)
    });
    let ended = entries.iter().map(|entry| entry.written).filter(|entry| !entry.send_token_to_upstream.value);
    let mut credential_headers: Vec<HeaderName> =
        ended.clone().filter(|entry| entry.header_enable.value).filter_map(header).collect();
    if !sends_authorization && !credential_headers.contains(&AUTHORIZATION) {
        credential_headers.push(AUTHORIZATION);
    }
    let parameters =
        ended.filter(|entry| entry.query_param_enable.value).filter_map(|entry| entry.query_param_name.as_ref());
    let issuers = issuers(api, scope, diagnostics);
    if let Some(entry) = enabled.iter().find(|entry| entry.kind == Kind::Password) {
        passwords::check(entry.written, &issuers, scope, diagnostics);
    }
    let certificates = certificates::compile(api, &issuers, scope, diagnostics);
    let is_alternative = certificates
        .as_ref()
        .is_some_and(|certificates| certificates.presence == spec::CertificatePresence::Alternative);
    let mut challenge = challenge(&sources, (context, &issuers), scope);
    if is_alternative && !challenge.schemes.contains(&Scheme::ClientCertificate) {
        challenge.schemes = challenge.schemes.iter().cloned().chain([Scheme::ClientCertificate]).collect();
    }
    Authentication {
        presence,
        certificates,
        challenge,
        issuers,
        api_keys: Arc::clone(&scope.api_keys),
        proof_nonces: super::proof_nonces(scope.operator),
        sources: sources.into(),
        subscription: if api.subscription_validation.value { Subscription::Needed } else { Subscription::NotNeeded },
        credential_headers: credential_headers.into(),
        credential_parameters: parameters.map(|name| name.value.as_str().into()).collect(),
        sends_authorization,
    }
}

/// Offers each scheme once.
fn challenge(sources: &[CredentialSource], (context, issuers): (&str, &[Arc<Issuer>]), scope: &Scope<'_>) -> Challenge {
    let mut schemes: Vec<Scheme> = Vec::new();
    for source in sources {
        let offered = match &source.holds {
            Holds::AccessToken { .. } => vec![Scheme::Bearer],
            Holds::ApiKey => vec![Scheme::ApiKey(source.place.clone())],
            Holds::Password => vec![passwords::scheme(issuers)],
            Holds::AccessTokenOrPassword { .. } => vec![Scheme::Bearer, passwords::scheme(issuers)],
        };
        schemes.extend(offered);
    }
    schemes.sort_by_key(|scheme| match scheme {
        Scheme::Bearer | Scheme::Dpop => 0,
        Scheme::Basic(_) => 1,
        Scheme::ApiKey(_) | Scheme::ClientCertificate => 2,
    });
    let mut seen = Vec::new();
    schemes.retain(|scheme| {
        let is_new = !seen.contains(scheme);
        seen.push(scheme.clone());
        is_new
    });
    if schemes.first() == Some(&Scheme::Bearer) {
        schemes.insert(1, Scheme::Dpop);
    }
    if schemes.is_empty() {
        schemes.push(Scheme::ClientCertificate);
    }
    let resource_metadata = scope.operator.gateway.resource_metadata.as_ref();
    let written = resource_metadata.map(|url| url.value.text.clone());
    let resource_metadata = written.or_else(|| resource_metadata_of(scope.operator, context)).map(Into::into);
    Challenge { resource_metadata, schemes: schemes.into() }
}

/// Returns the headers in which an API reads credentials.
pub(super) fn read_headers(api: &spec::Api) -> impl Iterator<Item = &str> {
    entries(api)
        .into_iter()
        .map(|entry| entry.written)
        .filter(|entry| entry.enabled.value && entry.header_enable.value)
        .map(|entry| entry.header_name.value.as_str())
}

impl Authentication {
    /// Says who may call one operation.
    pub(super) fn access(&self, operation: &spec::Operation) -> Access {
        use spec::CertificatePresence::{Alternative, Mandatory, Optional};

        if !operation.secured.value {
            return Access::Open;
        }
        let names = operation.scopes.iter().map(|name| name.value.as_str().into()).collect();
        let certificates = self.certificates.as_ref();
        let certificate = certificates.map(|certificates| certificates.presence);
        let requirement = Requirement {
            credential: match (self.presence, certificate) {
                (_, Some(Alternative)) => CredentialDemand::UnlessCertificate,
                (Presence::Mandatory, _) => CredentialDemand::Mandatory,
                (Presence::Off | Presence::Optional, _) => CredentialDemand::Optional,
            },
            certificates: certificates.map(|certificates| CertificateRequirement {
                demand: match certificates.presence {
                    Mandatory => Demand::Mandatory,
                    Optional | Alternative => Demand::Optional,
                },
                authorities: certificates.authorities.clone(),
            }),
            sources: self.sources.clone(),
            issuers: self.issuers.clone(),
            api_keys: Arc::clone(&self.api_keys),
            scopes: match operation.scopes_match.value {
                spec::ScopesMatch::Any => Scopes::AnyOf(names),
                spec::ScopesMatch::All => Scopes::AllOf(names),
            },
            subscription: self.subscription,
            proof_nonces: self.proof_nonces,
            challenge: self.challenge.clone(),
        };
        match (self.presence, certificate) {
            (Presence::Off, None) => Access::Open,
            (Presence::Mandatory, _) | (_, Some(Mandatory | Alternative)) => Access::Secured(requirement),
            (Presence::Off | Presence::Optional, None | Some(Optional)) => Access::Optional(requirement),
        }
    }

    /// Returns the issuers that the API trusts.
    pub(super) fn issuers(&self) -> &[Arc<Issuer>] {
        &self.issuers
    }
}

/// Returns the entries whose credential has a place in the request.
fn entries(api: &spec::Api) -> Vec<Entry<'_>> {
    let entries = api.authentication.as_ref().map(|list| list.value.as_slice()).unwrap_or_default();
    let placed = entries.iter().filter_map(|entry| match entry {
        spec::Authentication::OAuth2(written) | spec::Authentication::Jwt(written) => {
            Some(Entry { written, kind: Kind::AccessToken })
        }
        spec::Authentication::ApiKey(written) => Some(Entry { written, kind: Kind::ApiKey }),
        spec::Authentication::Basic(written) => Some(Entry { written, kind: Kind::Password }),
        spec::Authentication::MutualTls(_) => None,
    });
    placed.collect()
}

fn is_authorization(name: &str) -> bool {
    name.eq_ignore_ascii_case("authorization")
}

fn header(entry: &spec::PlacedCredential) -> Option<HeaderName> {
    HeaderName::from_bytes(entry.header_name.value.as_bytes()).ok()
}

fn add_sources(entry: Entry<'_>, sources: &mut Vec<CredentialSource>, diagnostics: &mut Diagnostics) {
    let Entry { written, kind } = entry;
    let holds = match kind {
        Kind::AccessToken => Holds::AccessToken {
            audience: written.audience.iter().map(|audience| audience.value.as_str().into()).collect(),
        },
        Kind::ApiKey => Holds::ApiKey,
        Kind::Password => Holds::Password,
    };
    let mut add = |place: Place, span: &crate::span::Span, diagnostics: &mut Diagnostics| {
        let other = sources.iter_mut().find(|source| source.place == place);
        if let Some(other) = other {
            if let (Holds::AccessToken { audience }, Holds::Password, true) =
                (&other.holds, &holds, place == Place::Header(AUTHORIZATION))
            {
                other.holds = Holds::AccessTokenOrPassword { audience: audience.clone() };
                return;
            }
            let message = "two alternatives read their credential in the same place";
            diagnostics.error(DiagnosticCode::ConflictingFields, span, message);
        } else {
            sources.push(CredentialSource { place, holds: holds.clone() });
        }
    };
    if written.header_enable.value {
        if let Some(name) = header(written) {
            add(Place::Header(name), &written.header_name.span, diagnostics);
        } else {
            let message = format!("`{}` is no header name", written.header_name.value);
            diagnostics.error(DiagnosticCode::InvalidValue, &written.header_name.span, message);
        }
    }
    if let Some(name) = written.query_param_name.as_ref().filter(|_| written.query_param_enable.value) {
        add(Place::Query(name.value.as_str().into()), &name.span, diagnostics);
    }
}

fn issuers(api: &spec::Api, scope: &Scope<'_>, diagnostics: &mut Diagnostics) -> Box<[Arc<Issuer>]> {
    let Some(managers) = &api.key_managers else { return scope.issuers.clone().into() };
    let mut chosen: Vec<Arc<Issuer>> = Vec::new();
    for manager in &managers.value {
        let found = scope.issuers.iter().find(|issuer| match &manager.issuer {
            Some(iss) => *issuer.rules.issuer == *iss.value,
            None => *issuer.name == *manager.name.value,
        });
        if let Some(issuer) = found {
            chosen.push(Arc::clone(issuer));
        } else {
            let message = format!("key manager `{}` is none of the operator's issuers", manager.name.value);
            let hint = "API definitions choose among the issuers of the operator's file; they define none";
            diagnostics
                .push(Diagnostic::error(DiagnosticCode::UnknownName, &manager.name.span, message).with_hint(hint));
        }
    }
    chosen.into()
}

/// Refuses an API that trusts several issuers whose subjects could be mistaken for one another.
pub(super) fn check_subjects(
    api: &spec::Api,
    trusted: &[Arc<Issuer>],
    scope: &Scope<'_>,
    diagnostics: &mut Diagnostics,
) {
    if scope.operator.shared_subjects.value || api.operations.iter().all(|operation| !operation.secured.value) {
        return;
    }
    for (index, one) in trusted.iter().enumerate() {
        for other in trusted.iter().skip(index + 1) {
            let (prefix, other_prefix) = (one.subject.prefix(), other.subject.prefix());
            if prefix.starts_with(other_prefix) || other_prefix.starts_with(prefix) {
                let message =
                    format!("issuers `{}` and `{}` may give different people one `sub`", one.name, other.name);
                let hint = "give each a `subject` with a prefix of its own (`corp/${token.sub}`), narrow the API with `keyManagers`, or say `sharedSubjects: true`";
                diagnostics
                    .push(Diagnostic::error(DiagnosticCode::SubjectCollision, &api.span, message).with_hint(hint));
                return;
            }
        }
    }
}
