//! API keys of applications: who calls with each is known when the file is read.

use std::{collections::HashMap, sync::Arc};

use claims::{Grant, Json, KeyType, Object, Principal, PrincipalKind};

use crate::{
    api_keys::{ApiKey, ApiKeys},
    diagnostic::{Diagnostic, DiagnosticCode, Diagnostics},
    fingerprint::Fingerprint,
    issuer::Issuer,
    known_caller::OwnApplication,
    spec,
};

/// Who calls with a key: the principal with its claims, and the issuer whose user it is.
type Holder = ((Principal, Object), Option<Fingerprint>);

/// Compiles the keys of all applications.
pub(super) fn compile(
    applications: &[spec::Application],
    issuers: &[Arc<Issuer>],
    diagnostics: &mut Diagnostics,
) -> ApiKeys {
    let mut keys = Vec::new();
    let mut seen: HashMap<spec::KeyHash, &crate::span::Span> = HashMap::new();
    for application in applications {
        super::unique_literals(application.api_keys.iter().map(|key| &key.id), "API key", diagnostics);
        for written in &application.api_keys {
            if let Some(first) = seen.insert(written.hash.value, &written.hash.span) {
                let message = format!("this key is here twice, first on line {}", first.line);
                diagnostics.error(DiagnosticCode::DuplicateName, &written.hash.span, message);
            }
            keys.extend(one(application, written, issuers, diagnostics));
        }
    }
    ApiKeys::new(keys)
}

fn one(
    application: &spec::Application,
    written: &spec::ApiKey,
    issuers: &[Arc<Issuer>],
    diagnostics: &mut Diagnostics,
) -> Option<ApiKey> {
    let ((principal, claims), issuer) = match &written.user {
        None => (of_application(application, written, issuers), None),
        Some(user) => of_user(user, (application, written), issuers, diagnostics)?,
    };
    let key_type = if written.sandbox.value { KeyType::Sandbox } else { KeyType::Production };
    let application = OwnApplication { name: application.name.value.as_str().into(), key_type };
    let fingerprint = Fingerprint::of_value(&(&principal, &claims, issuer, &application, written.hash.value));
    Some(ApiKey { hash: written.hash.value, fingerprint, issuer, application, principal, claims })
}

/// The application for itself: its `sub` is the same as with client credentials and its first client id.
fn of_application(
    application: &spec::Application,
    written: &spec::ApiKey,
    issuers: &[Arc<Issuer>],
) -> (Principal, Object) {
    let client_id = client_id(application);
    let mut claims = Object::default();
    if !written.scopes.is_empty() {
        claims.insert("scope", Json::string(scopes(written).join(" ")));
    }
    let issuer = match (&application.issuer, issuers) {
        (Some(name), _) => issuers.iter().find(|issuer| *issuer.name == *name.value),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    let client = client_id.as_deref().unwrap_or(&application.name.value);
    let subject = issuer.map_or_else(|| client.into(), |issuer| issuer.client_subject(client));
    let grant = Grant {
        issuer: "".into(),
        iss: "".into(),
        client_id,
        scopes: scopes(written).into_iter().map(Box::from).collect(),
        organizations: Box::default(),
    };
    let expires_at = written.expires.as_ref().map(|expires| expires.value.0);
    (Principal { grant: Arc::new(grant), subject, kind: PrincipalKind::Application, expires_at }, claims)
}

/// The user, as a token of their issuer would name them.
fn of_user(
    user: &spec::KnownUser,
    (application, written): (&spec::Application, &spec::ApiKey),
    issuers: &[Arc<Issuer>],
    diagnostics: &mut Diagnostics,
) -> Option<Holder> {
    let issuer = super::issuers::named(&user.issuer, issuers, diagnostics)?;
    let mut claims = Object::default();
    if !written.scopes.is_empty() {
        let claim = issuer.scopes_claims.first().cloned().unwrap_or_else(|| "scope".into());
        claims.insert(claim, Json::string(scopes(written).join(" ")));
    }
    for (name, value) in &user.claims {
        claims.insert(name.value.as_str(), Json::string(value.value.0.as_str()));
    }
    let Some((principal, claims)) = issuer.user(&user.name.value, claims) else {
        let message = format!("issuer `{}` makes no `sub` of this user", issuer.name);
        let hint = "its `subject` names claims that are not here: give them under `claims`";
        diagnostics.push(Diagnostic::error(DiagnosticCode::MissingField, &user.span, message).with_hint(hint));
        return None;
    };
    let expires_at = written.expires.as_ref().map(|expires| expires.value.0);
    let grant = Arc::new(Grant { client_id: client_id(application), ..Grant::clone(&principal.grant) });
    Some(((Principal { grant, expires_at, ..principal }, claims), Some(issuer.fingerprint)))
}

fn client_id(application: &spec::Application) -> Option<Box<str>> {
    let mut ids = application.client_ids.iter().chain(&application.sandbox_client_ids);
    ids.next().map(|id| Box::from(&*id.value.0))
}

fn scopes(written: &spec::ApiKey) -> Vec<&str> {
    written.scopes.iter().map(|scope| scope.value.as_str()).collect()
}
