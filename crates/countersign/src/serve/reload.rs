//! What the process says about its configuration in the log, and what it reads again besides.

use std::{path::PathBuf, sync::Arc};

use claims::SigningKey;
use control::{ConfigurationFiles, Reload};
use dataplane::TlsIdentity;
use gateway::{Diagnostics, DirectoryError, Gateway, Severity};

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

/// Takes up new signing keys, and says which.
pub(super) fn rotated(
    outcome: Result<Vec<Arc<SigningKey>>, DirectoryError>,
    files: &ConfigurationFiles,
    gateway: &Gateway,
) {
    match outcome {
        Ok(made) if made.is_empty() => {}
        Ok(made) => {
            for key in made {
                tracing::info!(algorithm = %key.algorithm(), kid = key.kid(), "announced a new signing key");
            }
            report(&files.reload_if_changed(gateway));
        }
        Err(error) => {
            let error = anyhow::Error::from(error);
            tracing::error!("cannot rotate the signing keys: {error:#}");
        }
    }
}

/// Replaces certificates whose files have changed; a broken file leaves the old one.
pub(super) fn certificates(identities: &[(Arc<TlsIdentity>, PathBuf, PathBuf)]) {
    for (identity, certificate, key) in identities {
        let replaced = std::fs::read(certificate).and_then(|chain| std::fs::read(key).map(|key| (chain, key)));
        let outcome = replaced
            .map_err(|error| error.to_string())
            .and_then(|(chain, key)| identity.replace(&chain, &key).map_err(|error| error.to_string()));
        if let Err(error) = outcome {
            tracing::error!(certificate = %certificate.display(), error, "the old certificate stays");
        }
    }
}
