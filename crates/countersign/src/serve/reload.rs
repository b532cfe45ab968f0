//! What the process says about its configuration: in the log, in `/readyz`, to the worker and to the operator.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use control::Reload;
use dataplane::{Decision, Document, Facts, Refusal, TlsIdentity};
use gateway::{Compiled, Diagnostics, Gateway, JWKS_MAX_AGE, Published, Severity};
use http::HeaderValue;
use serde_json::json;

/// Logs every diagnostic, each with its place.
pub(super) fn log(diagnostics: &Diagnostics) {
    for diagnostic in diagnostics.iter() {
        match diagnostic.severity {
            Severity::Error => tracing::error!("{diagnostic}"),
            Severity::Warning => tracing::warn!("{diagnostic}"),
        }
    }
}

/// Logs what a reload came to.
pub(super) fn report(outcome: &Reload) {
    match outcome {
        Reload::Unchanged => {}
        Reload::Applied(diagnostics) => {
            log(diagnostics);
            tracing::info!("the new configuration is running");
        }
        Reload::Refused(diagnostics) => {
            log(diagnostics);
            tracing::error!("the new configuration is broken; the old one keeps running");
        }
    }
}

/// Replaces certificates whose files have changed; a broken file leaves the old one.
pub(super) fn certificates(identities: &[(Arc<TlsIdentity>, PathBuf, PathBuf)]) {
    for (identity, certificate, key) in identities {
        let replaced = std::fs::read(certificate).and_then(|chain| std::fs::read(key).map(|key| (chain, key)));
        let outcome = replaced.map_err(|error| error.to_string()).and_then(|(chain, key)| {
            identity.replace(&chain, &key).map_err(|error| error.to_string())
        });
        if let Err(error) = outcome {
            tracing::error!(certificate = %certificate.display(), error, "the old certificate stays");
        }
    }
}

/// Answers an operator who asked for a reload.
pub(super) fn answer(outcome: &Reload) -> Result<String, Refusal> {
    match outcome {
        Reload::Unchanged | Reload::Applied(_) => Ok(r#"{"applied":true}"#.to_owned()),
        Reload::Refused(diagnostics) => Err(Refusal::Failed(diagnostics.to_string())),
    }
}

/// Returns the JSON document of `/readyz`.
pub(super) fn readiness(gateway: &Gateway) -> String {
    let published = gateway.published();
    let status = gateway.status();
    json!({
        "ready": true,
        "revision": published.snapshot.revision,
        "fingerprint": published.snapshot.fingerprint.to_string(),
        "appliedAt": status.applied_at,
        "brokenApis": status.broken_apis,
        "refusedConfiguration": {
            "isPending": !status.refused.is_empty(),
            "at": status.refused_at,
            "errors": status.refused,
        },
    })
    .to_string()
}

/// Returns a decision with what the audit record says about it.
pub(super) fn facts(published: &Compiled, decision: gateway::Decision) -> Decision {
    let gateway::Decision { outcome, record } = decision;
    let api = record.api.and_then(|api| published.snapshot.apis.get(api));
    let operation = api.zip(record.operation).and_then(|(api, operation)| api.operations.get(operation));
    let facts = Facts {
        operation: api.zip(operation).map(|(api, operation)| (Arc::clone(&api.name), Arc::clone(&operation.label))),
        user: record.caller.map(|caller| Arc::clone(&caller.user_tag)),
        jwts: record.jwts.iter().map(|jwt| Arc::clone(&jwt.record)).collect(),
        revision: published.snapshot.revision,
        route: record.steps.route,
        authenticate: record.steps.authenticate,
        issue: record.steps.issue,
    };
    Decision { outcome, facts }
}

/// Returns the key or discovery document at a path.
pub(super) fn document(gateway: &Gateway, path: &str, now: SystemTime) -> Option<Document> {
    let published = gateway.published();
    let document = match published.snapshot.documents.at(path)? {
        Published::Jwks => {
            let seconds = now.duration_since(UNIX_EPOCH).map(|since| since.as_secs()).unwrap_or_default();
            gateway.runtime().keyring.jwks(seconds)
        }
        Published::Discovery(document) => document.clone(),
    };
    Some(Document {
        body: document.body,
        content_type: HeaderValue::from_static(document.content_type),
        etag: HeaderValue::from_str(&document.etag).ok()?,
        cache_control: HeaderValue::from_str(&format!("max-age={JWKS_MAX_AGE}")).ok()?,
    })
}
