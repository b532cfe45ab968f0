//! Which certificates the gateway trusts when it is the client: the system's, and the operator's private CA beside them.
//!
//! One place for every connection to user stores and issuers. One provider, aws-lc-rs, named here and not left to a
//! default of the process; TLS 1.2 and 1.3. Does not know addresses or protocols.

use std::sync::{Arc, LazyLock};

use base64::{Engine, engine::general_purpose::STANDARD};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, pem::PemObject};

/// Why nothing can be trusted: the operator must act.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TlsError {
    /// The CA's text is no PEM, or holds no certificate.
    #[error("no certificate in PEM")]
    NoCertificate,
    /// A certificate of the CA's text cannot be a root.
    #[error("a certificate cannot be used")]
    Certificate(#[source] rustls::Error),
    /// The provider and the protocol versions do not fit: a bug.
    #[error("no TLS")]
    Provider(#[source] rustls::Error),
}

/// The system's roots, read once: they are many.
static SYSTEM_ROOTS: LazyLock<RootCertStore> = LazyLock::new(|| {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "a system root certificate cannot be read");
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    roots
});

/// Makes the client's side of TLS: the system's roots, and beside them the certificates of `ca` (PEM).
///
/// # Errors
///
/// [`TlsError`] when `ca` holds no certificate, or one that cannot be a root.
pub fn tls_client(ca: Option<&[u8]>) -> Result<ClientConfig, TlsError> {
    let mut roots = SYSTEM_ROOTS.clone();
    if let Some(pem) = ca {
        add(&mut roots, pem)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().map_err(TlsError::Provider)?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Returns the same as PEM, for a driver that builds its client itself.
pub(crate) fn trusted_pem(ca: Option<&[u8]>) -> Vec<u8> {
    let mut pem = ca.map(<[u8]>::to_vec).unwrap_or_default();
    for certificate in rustls_native_certs::load_native_certs().certs {
        pem.extend_from_slice(b"\n-----BEGIN CERTIFICATE-----\n");
        for line in STANDARD.encode(&certificate).as_bytes().chunks(64) {
            pem.extend_from_slice(line);
            pem.push(b'\n');
        }
        pem.extend_from_slice(b"-----END CERTIFICATE-----\n");
    }
    pem
}

fn add(roots: &mut RootCertStore, pem: &[u8]) -> Result<(), TlsError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates = certificates.map_err(|_| TlsError::NoCertificate)?;
    if certificates.is_empty() {
        return Err(TlsError::NoCertificate);
    }
    certificates.into_iter().try_for_each(|certificate| roots.add(certificate)).map_err(TlsError::Certificate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_refused() {
        for pem in ["", "no PEM", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"] {
            assert!(matches!(tls_client(Some(pem.as_bytes())), Err(TlsError::NoCertificate)), "{pem}");
        }
        let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(matches!(tls_client(Some(garbage.as_bytes())), Err(TlsError::Certificate(_))));
    }
}
