//! `crl`: lists of certificates that have been revoked (RFC 5280 §5), read when the configuration is.
//!
//! Whose signature a list bears is looked at when it is used: it may be of an authority that only a client sends.

use std::{path::PathBuf, time::SystemTime};

use rustls_pki_types::{CertificateRevocationListDer, pem::PemObject as _};
use x509_parser::{prelude::FromDer as _, revocation_list::CertificateRevocationList};

use crate::{
    compile::secrets,
    diagnostic::{Diagnostic, DiagnosticCode, Diagnostics},
    span::Spanned,
    time::seconds,
};

/// Reads the lists of all files; what cannot be read is reported.
pub(super) fn read(
    files: &[Spanned<PathBuf>],
    now: SystemTime,
    diagnostics: &mut Diagnostics,
) -> Vec<CertificateRevocationListDer<'static>> {
    let mut lists = Vec::new();
    for file in files {
        let Some(bytes) = secrets::bytes(file, diagnostics) else { continue };
        let found = lists_in(bytes);
        if found.is_empty() {
            let message = "there is no certificate revocation list in this file".to_owned();
            diagnostics.error(DiagnosticCode::UnusableKey, &file.span, message);
        }
        for list in &found {
            check(list, file, now, diagnostics);
        }
        lists.extend(found);
    }
    lists
}

/// Reads PEM, or one list in DER. What is neither gives nothing.
fn lists_in(bytes: Vec<u8>) -> Vec<CertificateRevocationListDer<'static>> {
    const SEQUENCE: u8 = 0x30;
    if bytes.first() == Some(&SEQUENCE) {
        return vec![CertificateRevocationListDer::from(bytes)];
    }
    CertificateRevocationListDer::pem_slice_iter(&bytes).collect::<Result<_, _>>().unwrap_or_default()
}

/// Reports a list that cannot be read, or whose time is over already.
fn check(
    list: &CertificateRevocationListDer<'_>,
    file: &Spanned<PathBuf>,
    now: SystemTime,
    diagnostics: &mut Diagnostics,
) {
    let Ok((_, parsed)) = CertificateRevocationList::from_der(list) else {
        let message = "a certificate revocation list in this file cannot be read".to_owned();
        diagnostics.error(DiagnosticCode::UnusableKey, &file.span, message);
        return;
    };
    let now = i64::try_from(seconds(now)).unwrap_or(i64::MAX);
    if parsed.next_update().is_some_and(|next| next.timestamp() < now) {
        let message = "the time of this certificate revocation list is over".to_owned();
        let hint =
            "put the authority's current list in its place: until then `crlExpired` says what becomes of its clients";
        let diagnostic = Diagnostic::warning(DiagnosticCode::WeakSetting, &file.span, message);
        diagnostics.push(diagnostic.with_hint(hint));
    }
}
