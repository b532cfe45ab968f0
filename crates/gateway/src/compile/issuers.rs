//! Trusted issuers; their key holders are carried over while their source stays the same.

use std::{collections::BTreeMap, sync::Arc};

use claims::{AccessTokenRules, Common, Template, TokenType};
use stores::JsonPointer;
use url::Url;

use super::{Surroundings, introspections, passwords, secrets};
use crate::{
    diagnostic::{Diagnostic, DiagnosticCode, Diagnostics},
    fingerprint::Fingerprint,
    issuer::{ApplicationFromToken, ClaimSign, Issuer, RemoteClaim, UserStoreHandle},
    issuer_keys::{self, IssuerKeys, KeySource},
    span::Spanned,
    spec,
};

type Stores = BTreeMap<Box<str>, Arc<UserStoreHandle>>;

/// The keys of the issuers, by the issuers' names.
pub(super) type Keys = BTreeMap<Box<str>, Arc<IssuerKeys>>;

/// What issuers are made of besides what is written.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    pub(super) keys: &'a Keys,
    pub(super) stores: &'a Stores,
    pub(super) reader: secrets::FileReader<'a>,
    pub(super) surroundings: Surroundings<'a>,
}

/// Compiles the keys of all issuers: user stores need them too. An issuer whose keys cannot be had is reported.
pub(super) fn compile_keys(
    operator: &spec::Operator,
    surroundings: Surroundings<'_>,
    diagnostics: &mut Diagnostics,
) -> Keys {
    let with_keys = operator.issuers.iter().filter(|written| has_keys(written));
    let compiled = with_keys.filter_map(|written| {
        Some((Box::from(written.name.value.as_str()), keys(written, surroundings, diagnostics)?))
    });
    compiled.collect()
}

/// Compiles all issuers.
pub(super) fn compile(operator: &spec::Operator, parts: Parts<'_>, diagnostics: &mut Diagnostics) -> Vec<Arc<Issuer>> {
    let compiled = operator.issuers.iter().filter_map(|written| one(written, parts, diagnostics));
    compiled.map(Arc::new).collect()
}

/// True unless the issuer's tokens are only ever asked about, or it has none.
const fn has_keys(written: &spec::Issuer) -> bool {
    let is_asked = written.introspection.is_some() || written.passwords.is_some();
    written.jwks.is_some() || written.discovery.value || !is_asked
}

fn one(written: &spec::Issuer, parts: Parts<'_>, diagnostics: &mut Diagnostics) -> Option<Issuer> {
    let Parts { keys, stores, reader, surroundings } = parts;
    let user_stores = user_stores(written, stores, diagnostics);
    let subject = Template::compile_subject(&written.subject.value)
        .map_err(|error| diagnostics.error(DiagnosticCode::InvalidValue, &written.subject.span, error.to_string()));
    let keys = has_keys(written).then(|| keys.get(written.name.value.as_str()).cloned());
    let introspection = introspections::compile(written, (reader, surroundings), diagnostics);
    if introspection.is_none() && written.introspection.is_some() {
        return None;
    }
    let introspection_fingerprint = introspection.as_ref().map(|introspection| introspection.fingerprint);
    let store_fingerprints: Vec<Fingerprint> = user_stores.iter().map(|store| store.fingerprint).collect();
    let checks_passwords = written.passwords.is_some();
    let passwords = passwords::compile(written, &user_stores, diagnostics);
    if passwords.is_none() && checks_passwords {
        return None;
    }
    let consumer_key_claims = match &written.consumer_key_claim {
        Some(claim) => [Box::from(claim.value.as_str())].into(),
        None => ["azp", "client_id"].map(Box::from).into(),
    };
    let mappings: Vec<_> = written.claim_mappings.iter().filter_map(|entry| mapping(entry, diagnostics)).collect();
    let mappings = mappings.into_iter();
    let issuer = Issuer {
        name: written.name.value.as_str().into(),
        fingerprint: Fingerprint::of_value(&(written, store_fingerprints, introspection_fingerprint)),
        rules: AccessTokenRules {
            issuer: written.issuer.value.as_str().into(),
            audiences: written.audience.iter().map(|audience| audience.value.as_str().into()).collect(),
            token_type: match written.token_type.value {
                spec::TokenType::Any => TokenType::Any,
                spec::TokenType::AccessToken => TokenType::AccessToken,
            },
            clock_skew: written.clock_skew.value.as_secs(),
        },
        algorithms: written.algorithms.iter().map(|algorithm| algorithm.value).collect(),
        subject: subject.ok()?,
        consumer_key_claims,
        scopes_claims: written.scopes_claim.iter().map(|claim| claim.value.as_str().into()).collect(),
        client_credentials: client_credentials(written),
        claim_mappings: mappings.collect(),
        grants: Common::default(),
        lookup_claim: written.lookup.claim.value.as_str().into(),
        user_stores,
        application_from_token: if written.application_from_token.value {
            ApplicationFromToken::Believed
        } else {
            ApplicationFromToken::Ignored
        },
        keys: keys.map_or(Some(None), |keys| keys.map(Some))?,
        introspection,
        passwords: passwords.map(Arc::new),
    };
    passwords::check_subject(written, &issuer, diagnostics);
    Some(issuer)
}

/// Reads a renaming; `None` after a diagnostic.
fn mapping(written: &spec::ClaimMapping, diagnostics: &mut Diagnostics) -> Option<(RemoteClaim, Box<str>)> {
    let remote = &written.remote_claim;
    let found = if remote.value.starts_with('/') {
        let parsed = JsonPointer::parse(&remote.value);
        let reported =
            parsed.map_err(|error| diagnostics.error(DiagnosticCode::InvalidValue, &remote.span, error.to_string()));
        RemoteClaim::At(reported.ok()?)
    } else {
        RemoteClaim::Named(remote.value.as_str().into())
    };
    Some((found, written.local_claim.value.as_str().into()))
}

fn client_credentials(written: &spec::Issuer) -> Box<[ClaimSign]> {
    let signs = written.client_credentials.iter().map(|sign| ClaimSign {
        claim: sign.claim.value.as_str().into(),
        value: sign.value.as_ref().map(|value| Box::from(&*value.value.0)),
    });
    signs.collect()
}

/// Finds an issuer by its name; `None` after a diagnostic.
pub(super) fn named<'a>(
    name: &Spanned<String>,
    issuers: &'a [Arc<Issuer>],
    diagnostics: &mut Diagnostics,
) -> Option<&'a Arc<Issuer>> {
    let found = issuers.iter().find(|issuer| *issuer.name == *name.value);
    if found.is_none() {
        let message = format!("there is no issuer `{}`", name.value);
        let known = issuers.iter().map(|issuer| format!("`{}`", issuer.name)).collect::<Vec<_>>().join(", ");
        let hint = if known.is_empty() { "add it to `issuers`".to_owned() } else { format!("there is {known}") };
        diagnostics.push(Diagnostic::error(DiagnosticCode::UnknownName, &name.span, message).with_hint(hint));
    }
    found
}

fn user_stores(written: &spec::Issuer, stores: &Stores, diagnostics: &mut Diagnostics) -> Box<[Arc<UserStoreHandle>]> {
    let found = written.lookup.user_stores.iter().filter_map(|name| {
        let store = stores.get(name.value.as_str());
        if store.is_none() {
            let message = format!("there is no user store `{}`", name.value);
            let known = stores.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let hint = if known.is_empty() { "add it to `userStores`".to_owned() } else { format!("there is {known}") };
            diagnostics.push(Diagnostic::error(DiagnosticCode::UnknownName, &name.span, message).with_hint(hint));
        }
        store.cloned()
    });
    found.collect()
}

fn keys(
    written: &spec::Issuer,
    surroundings: Surroundings<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Arc<IssuerKeys>> {
    let source = key_source(written, diagnostics)?;
    let extra_ca = written.jwks.as_ref().and_then(|jwks| jwks.ca.as_ref());
    let extra_ca = extra_ca.map(|path| secrets::bytes(path, diagnostics));
    let ca_fingerprint = extra_ca.as_ref().and_then(Option::as_ref).map(|pem| Fingerprint::of([pem.as_slice()]));
    let previous = surroundings.previous.into_iter().flat_map(|compiled| &compiled.issuers);
    let kept = previous
        .filter_map(|issuer| issuer.keys.as_ref())
        .find(|keys| keys.serves(&written.issuer.value, &source, ca_fingerprint));
    if let Some(kept) = kept {
        return Some(Arc::clone(kept));
    }
    let client = issuer_keys::client(extra_ca.flatten().as_deref()).map_err(|error| {
        diagnostics.error(
            DiagnosticCode::UnusableKey,
            &written.span,
            format!("no HTTPS client for this issuer: {}", issuer_keys::chain(&error)),
        );
    });
    let name = written.name.value.as_str().into();
    let iss = written.issuer.value.as_str().into();
    let keys = Arc::new(IssuerKeys::new((name, iss), source, client.ok()?, ca_fingerprint));
    if let Err(error) = keys.load_file(surroundings.now) {
        let span = written.jwks.as_ref().map_or(&written.span, |jwks| &jwks.span);
        diagnostics.error(DiagnosticCode::UnreadableFile, span, issuer_keys::chain(&error));
    }
    Some(keys)
}

/// Returns where the issuer's discovery document is (`OpenID` Connect Discovery §4).
///
/// # Errors
///
/// When the issuer is no URL.
pub(super) fn discovery_url(written: &spec::Issuer) -> Result<Url, url::ParseError> {
    let base = written.issuer.value.trim_end_matches('/');
    Url::parse(&format!("{base}/.well-known/openid-configuration"))
}

fn key_source(written: &spec::Issuer, diagnostics: &mut Diagnostics) -> Option<KeySource> {
    let jwks = written.jwks.as_ref();
    if let Some(url) = jwks.and_then(|jwks| jwks.url.as_ref()) {
        return Some(KeySource::Url(url.value.url.clone()));
    }
    if let Some(file) = jwks.and_then(|jwks| jwks.file.as_ref()) {
        return Some(KeySource::File(file.value.clone()));
    }
    if written.discovery.value {
        return discovery_url(written)
            .map(KeySource::Discovery)
            .map_err(|_| {
                let message = "`discovery` needs an issuer that is a URL";
                diagnostics.error(DiagnosticCode::InvalidValue, &written.issuer.span, message);
            })
            .ok();
    }
    let message = format!("issuer `{}` has no keys", written.name.value);
    let hint = "add `jwks: { url: … }`, `jwks: { file: … }` or `discovery: true`";
    diagnostics.push(Diagnostic::error(DiagnosticCode::MissingField, &written.span, message).with_hint(hint));
    None
}
