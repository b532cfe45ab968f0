//! Client certificates: whom to trust for them, read from the files that the operator names.

mod revocation_lists;

use std::{sync::Arc, time::SystemTime};

use rustls::{
    RootCertStore,
    crypto::aws_lc_rs,
    server::{VerifierBuilderError, WebPkiClientVerifier, danger::ClientCertVerifier},
};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, pem::PemObject as _};

use super::{issuers, secrets};
use crate::{
    certificate_authority::{CertificateAuthority, RevocationDoubt},
    diagnostic::{Diagnostic, DiagnosticCode, Diagnostics},
    fingerprint::Fingerprint,
    issuer::Issuer,
    spec,
};

/// Compiles all entries.
pub(super) fn compile(
    operator: &spec::Operator,
    known: &[Arc<Issuer>],
    now: SystemTime,
    diagnostics: &mut Diagnostics,
) -> Vec<Arc<CertificateAuthority>> {
    let written = &operator.client_certificates;
    super::unique(written.iter().map(|entry| &entry.name), "set of client certificates", diagnostics);
    written.iter().filter_map(|entry| one(entry, known, now, diagnostics)).map(Arc::new).collect()
}

fn one(
    written: &spec::ClientCertificates,
    known: &[Arc<Issuer>],
    now: SystemTime,
    diagnostics: &mut Diagnostics,
) -> Option<CertificateAuthority> {
    let errors = diagnostics.error_count();
    let ca = written.ca.as_ref().and_then(|path| secrets::bytes(path, diagnostics));
    let lists = revocation_lists::read(&written.crl, now, diagnostics);
    let doubts = (written.crl_unknown.value, written.crl_expired.value);
    let verifier = written.ca.as_ref().zip(ca.as_ref()).and_then(|(path, pem)| {
        let made = verifier(pem, &lists, doubts);
        match made {
            Ok(verifier) => return Some(verifier),
            Err(VerifierBuilderError::InvalidCrl(error)) => {
                let message = format!("a certificate revocation list cannot be used ({error:?})");
                let hint =
                    "it must be of version 2, have a `CRLNumber`, and cover its authority whole (RFC 5280 section 5)";
                let span = written.crl.first().map_or(&path.span, |list| &list.span);
                diagnostics.push(Diagnostic::error(DiagnosticCode::UnusableKey, span, message).with_hint(hint));
            }
            Err(_) => {
                let message = "there is no certificate in this file that can be trusted";
                diagnostics.error(DiagnosticCode::UnusableKey, &path.span, message);
            }
        }
        None
    });
    let issuer = written.issuer.as_ref().and_then(|name| issuers::named(name, known, diagnostics).cloned());
    if diagnostics.error_count() > errors {
        return None;
    }
    let issuer_fingerprint = issuer.as_ref().map(|issuer| issuer.fingerprint);
    let thumbprints: Box<[_]> = written.thumbprints.iter().map(|thumbprint| thumbprint.value).collect();
    let shape = (&written.name.value, &thumbprints, written.identity.value, issuer_fingerprint, doubts);
    let contents = std::iter::once(ca.as_deref().unwrap_or_default()).chain(lists.iter().map(AsRef::as_ref));
    let authority = CertificateAuthority {
        name: written.name.value.as_str().into(),
        fingerprint: Fingerprint::of_value(&shape).and(Fingerprint::of(contents)),
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

/// Trusts what these PEM certificates have signed, for clients, and these lists do not name.
fn verifier(
    pem: &[u8],
    lists: &[CertificateRevocationListDer<'static>],
    (unknown, expired): (RevocationDoubt, RevocationDoubt),
) -> Result<Arc<dyn ClientCertVerifier>, VerifierBuilderError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let added = certificate.ok().and_then(|certificate| roots.add(certificate).ok());
        added.ok_or(VerifierBuilderError::NoRootAnchors)?;
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = builder.with_crls(lists.iter().cloned());
    let builder = match unknown {
        RevocationDoubt::Refuse => builder,
        RevocationDoubt::Allow => builder.allow_unknown_revocation_status(),
    };
    let builder = match expired {
        RevocationDoubt::Refuse => builder.enforce_revocation_expiration(),
        RevocationDoubt::Allow => builder,
    };
    builder.build()
}
