//! `userinfo`: the issuer that the store belongs to, and the claims that leave it.

use std::{collections::BTreeMap, sync::Arc};

use stores::{
    JsonPointer, KeyFinder, KeysWanted, SignedAnswers, UserInfoAnswers, UserInfoEndpoint, UserInfoIssuer,
    UserInfoSettings, UserInfoStore,
};

use super::{
    Reading, attribute_map, require_attributes,
    service::{http_settings, warn_if_clear_text},
};
use crate::{
    compile::issuers,
    diagnostic::{Diagnostic, DiagnosticCode},
    fingerprint::Fingerprint,
    issuer_keys::{IssuerKeys, chain},
    spec,
};

pub(super) fn userinfo_store(
    name: &Arc<str>,
    (written, userinfo): (&spec::UserStore, &spec::UserInfoStore),
    reading: &mut Reading<'_>,
) -> Option<UserInfoStore> {
    let http = http_settings(&userinfo.connection, reading);
    let pointers = pointers(written, reading);
    require_attributes(written, "email: email", reading);
    let issuer = issuer(userinfo, reading)?;
    refuse_others(written, issuer, reading);
    let endpoint = endpoint(userinfo, issuer, reading);
    let settings = UserInfoSettings {
        endpoint: endpoint?,
        issuer: UserInfoIssuer {
            iss: issuer.issuer.value.as_str().into(),
            keys: key_finder(issuer, reading),
            algorithms: issuer.algorithms.iter().map(|algorithm| algorithm.value).collect(),
        },
        answers: UserInfoAnswers {
            signed: if userinfo.signed.value { SignedAnswers::Required } else { SignedAnswers::Accepted },
            audiences: userinfo.audience.iter().map(|audience| audience.value.as_str().into()).collect(),
        },
        attributes: attribute_map(written, reading)?,
        pointers: pointers?,
        http: http?,
    };
    UserInfoStore::new(Arc::clone(name), settings)
        .map_err(|error| reading.error(DiagnosticCode::UnusableKey, &written.span, chain(&error)))
        .ok()
}

/// Finds the issuer; the store is made anew when that has changed.
fn issuer<'a>(userinfo: &spec::UserInfoStore, reading: &mut Reading<'a>) -> Option<&'a spec::Issuer> {
    let issuers = reading.issuers.written;
    let found = issuers.iter().find(|issuer| issuer.name.value == userinfo.issuer.value);
    if let Some(issuer) = found {
        reading.contents.push(Fingerprint::of_value(issuer));
    } else {
        let message = format!("there is no issuer `{}`", userinfo.issuer.value);
        let known: Vec<String> = issuers.iter().map(|issuer| format!("`{}`", issuer.name.value)).collect();
        let diagnostic = Diagnostic::error(DiagnosticCode::UnknownName, &userinfo.issuer.span, message);
        reading.diagnostics.push(diagnostic.with_hint(format!("there is {}", known.join(", "))));
    }
    found
}

/// A token goes to the issuer that it is from, and its `sub` must be what is compared with the answer's.
fn refuse_others(written: &spec::UserStore, issuer: &spec::Issuer, reading: &mut Reading<'_>) {
    let name = &written.name.value;
    for other in reading.issuers.written {
        let Some(entry) = other.lookup.user_stores.iter().find(|store| store.value == *name) else { continue };
        if other.name.value != issuer.name.value {
            let message = format!(
                "user store `{name}` asks the issuer `{}`: the tokens of `{}` must not go there",
                issuer.name.value, other.name.value
            );
            reading.error(DiagnosticCode::ConflictingFields, &entry.span, message);
        } else if other.lookup.claim.value != "sub" {
            let message = format!("user store `{name}` knows users by `sub`: `lookup.claim` cannot be another");
            reading.error(DiagnosticCode::ConflictingFields, &other.lookup.claim.span, message);
        }
    }
    if let Some(domain) = &written.domain {
        let message = format!("user store `{name}` knows users by the whole `sub`: `domain` has no use");
        reading.error(DiagnosticCode::ConflictingFields, &domain.span, message);
    }
}

fn endpoint(
    userinfo: &spec::UserInfoStore,
    issuer: &spec::Issuer,
    reading: &mut Reading<'_>,
) -> Option<UserInfoEndpoint> {
    let what = "access tokens and users' attributes";
    if let Some(url) = &userinfo.url {
        warn_if_clear_text((&url.value.text, &url.span), what, reading);
        return Some(UserInfoEndpoint::Url(url.value.url.clone()));
    }
    let Ok(url) = issuers::discovery_url(issuer) else {
        let message = "the issuer is no URL, so there is no discovery: `url` is needed";
        reading.error(DiagnosticCode::MissingField, &userinfo.issuer.span, message);
        return None;
    };
    warn_if_clear_text((url.as_str(), &userinfo.issuer.span), what, reading);
    Some(UserInfoEndpoint::Discovery(url))
}

/// Returns what finds the issuer's keys; of an issuer without keys, none.
fn key_finder(issuer: &spec::Issuer, reading: &mut Reading<'_>) -> KeyFinder {
    let keys: Option<Arc<IssuerKeys>> = reading.issuers.keys.get(issuer.name.value.as_str()).cloned();
    reading.contents.extend(keys.as_ref().map(|keys| keys.fingerprint()));
    KeyFinder::new(move |wanted, now| {
        let keys = keys.clone();
        Box::pin(async move {
            let keys = keys?;
            match wanted {
                KeysWanted::Current => {}
                KeysWanted::Newer => drop(keys.refresh_for_unknown_kid(now).await),
            }
            keys.current().keys.clone()
        })
    })
}

/// Reads the keys of `attributes`: a claim's name, or a pointer where it begins with a slash.
fn pointers(written: &spec::UserStore, reading: &mut Reading<'_>) -> Option<BTreeMap<Box<str>, JsonPointer>> {
    let entries = written.attributes.iter().flat_map(|entries| &entries.value);
    let read: Vec<_> = entries
        .map(|(raw, _)| {
            let pointer = if raw.value.starts_with('/') {
                JsonPointer::parse(&raw.value)
                    .map_err(|error| {
                        reading.error(DiagnosticCode::InvalidValue, &raw.span, format!("`{}`: {error}", raw.value));
                    })
                    .ok()?
            } else {
                JsonPointer::member(&raw.value)
            };
            Some((Box::from(raw.value.as_str()), pointer))
        })
        .collect();
    read.into_iter().collect()
}
