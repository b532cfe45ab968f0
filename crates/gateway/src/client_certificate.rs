//! The certificate that a client showed in the TLS handshake: it holds the key, and nothing else is known yet.
//!
//! Whom it names, and who trusts it, is each API's question: see `certificate_authority.rs`.

use aws_lc_rs::digest::{SHA256, digest};
use rustls_pki_types::CertificateDer;

/// A client's certificate with those that it sent to vouch for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    leaf: CertificateDer<'static>,
    intermediates: Box<[CertificateDer<'static>]>,
    thumbprint: [u8; 32],
}

impl ClientCertificate {
    /// Takes what the handshake left: the client's own certificate first. `None`: it sent none.
    pub fn new(chain: &[CertificateDer<'_>]) -> Option<Self> {
        let (leaf, intermediates) = chain.split_first()?;
        let mut thumbprint = [0; 32];
        for (byte, digested) in thumbprint.iter_mut().zip(digest(&SHA256, leaf).as_ref()) {
            *byte = *digested;
        }
        let intermediates = intermediates.iter().map(|certificate| certificate.clone().into_owned()).collect();
        Some(Self { leaf: leaf.clone().into_owned(), intermediates, thumbprint })
    }

    /// Returns the client's own certificate.
    pub fn leaf(&self) -> &CertificateDer<'static> {
        &self.leaf
    }

    /// Returns what the client sent to vouch for it.
    pub fn intermediates(&self) -> &[CertificateDer<'static>] {
        &self.intermediates
    }

    /// Returns SHA-256 of the client's own certificate: `x5t#S256` in binary (RFC 8705 §3.1).
    pub fn thumbprint(&self) -> &[u8; 32] {
        &self.thumbprint
    }
}
