//! Client certificates: whom to trust for them, read from the files that the operator names.

use std::sync::Arc;

use rustls::{
    RootCertStore,
    crypto::aws_lc_rs,
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};

use super::{issuers, secrets};
use crate::{
    certificate_authority::CertificateAuthority,
    diagnostic::{Diagnostic, DiagnosticCode, Diagnostics},
    fingerprint::Fingerprint,
    issuer::Issuer,
    spec,
};

/// Compiles all entries.
pub(super) fn compile(
    operator: &spec::Operator,
    known: &[Arc<Issuer>],
    diagnostics: &mut Diagnostics,
) -> Vec<Arc<CertificateAuthority>> {
    let written = &operator.client_certificates;
    super::unique(written.iter().map(|entry| &entry.name), "set of client certificates", diagnostics);
    written.iter().filter_map(|entry| one(entry, known, diagnostics)).map(Arc::new).collect()
}

fn one(
    written: &spec::ClientCertificates,
    known: &[Arc<Issuer>],
    diagnostics: &mut Diagnostics,
) -> Option<CertificateAuthority> {
    let errors = diagnostics.error_count();
    let ca = written.ca.as_ref().and_then(|path| secrets::bytes(path, diagnostics));
    let verifier = written.ca.as_ref().zip(ca.as_ref()).and_then(|(path, pem)| {
        let made = verifier(pem);
        if made.is_none() {
            let message = "there is no certificate in this file that can be trusted";
            diagnostics.error(DiagnosticCode::UnusableKey, &path.span, message);
        }
        made
    });
    let issuer = written.issuer.as_ref().and_then(|name| issuers::named(name, known, diagnostics).cloned());
    if diagnostics.error_count() > errors {
        return None;
    }
    let issuer_fingerprint = issuer.as_ref().map(|issuer| issuer.fingerprint);
    let thumbprints: Box<[_]> = written.thumbprints.iter().map(|thumbprint| thumbprint.value).collect();
    let shape = (&written.name.value, &thumbprints, written.identity.value, issuer_fingerprint);
    let authority = CertificateAuthority {
        name: written.name.value.as_str().into(),
        fingerprint: Fingerprint::of_value(&shape).and(Fingerprint::of([ca.unwrap_or_default().as_slice()])),
        verifier,
        thumbprints,
        identity: written.identity.value,
        issuer,
    };
    if authority.principal("somebody", None).is_none() {
        let message = "the issuer makes no `sub` of a name alone";
        let hint = "its `subject` names claims besides `sub` and its `lookup` claim, which a certificate has not";
        let span = written.issuer.as_ref().map_or(&written.span, |issuer| &issuer.span);
        diagnostics.push(Diagnostic::error(DiagnosticCode::ConflictingFields, span, message).with_hint(hint));
        return None;
    }
    Some(authority)
}

/// Trusts what these PEM certificates have signed, for clients.
fn verifier(pem: &[u8]) -> Option<Arc<dyn ClientCertVerifier>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        roots.add(certificate.ok()?).ok()?;
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().ok()
}
