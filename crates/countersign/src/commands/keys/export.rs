//! `countersign keys export`: what others need of a key, and its private half only when it is asked for.

use anyhow::Context as _;
use claims::{CertificateChain, Json, Object};

use super::store::{KeyStore, Purpose};
use crate::{Process, cli::ExportArguments, output};

/// Prints a key.
///
/// # Errors
///
/// When there is no such key, or it has no certificate to print.
pub(super) fn run(arguments: &ExportArguments, process: &Process) -> anyhow::Result<()> {
    let store = KeyStore::open(&arguments.place, Purpose::Read, process)?;
    let key = &store.find(&arguments.kid)?.key;
    if arguments.private {
        output::message("this is the private key: whoever has it can sign as this gateway");
        output::result_bytes(&key.to_private_jwk(&Object::default())?)?;
        return output::result_line("");
    }
    if arguments.form.certificate {
        let certificate = key.certificate();
        let certificate = certificate.with_context(|| format!("`{}` has no certificate", key.kid()))?;
        return output::result(&pem(certificate));
    }
    let public = Json::Object(key.public_jwk().context("a shared secret is not exported")?);
    if arguments.form.jwks {
        let mut jwks = Object::default();
        jwks.insert("keys", Json::Array(vec![public]));
        return output::result_line(&Json::Object(jwks).to_string());
    }
    output::result_line(&public.to_string())
}

/// Writes certificates as PEM (RFC 7468), the key's own first.
fn pem(certificate: &CertificateChain) -> String {
    let chain = certificate.x5c();
    let mut text = String::new();
    for base64 in chain.as_array().unwrap_or_default().iter().filter_map(Json::as_str) {
        text.push_str("-----BEGIN CERTIFICATE-----\n");
        text.push_str(&wrapped(base64));
        text.push_str("-----END CERTIFICATE-----\n");
    }
    text
}

/// Breaks base64 into lines of 64 characters.
fn wrapped(base64: &str) -> String {
    let mut lines = String::with_capacity(base64.len() + base64.len() / 64 + 1);
    for (position, character) in base64.chars().enumerate() {
        if position > 0 && position % 64 == 0 {
            lines.push('\n');
        }
        lines.push(character);
    }
    lines.push('\n');
    lines
}
