//! A listener's certificate and key, replaceable while connections are served.
//!
//! ALPN offers HTTP/2 and HTTP/1.1; no early data (RFC 8470: a replayed request would be minted for twice). The crypto
//! provider is the process's default, installed by the binary.

mod client_certificate;

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::{
    RootCertStore, ServerConfig,
    crypto::CryptoProvider,
    server::{ClientHello, ResolvesServerCert, VerifierBuilderError, WebPkiClientVerifier},
    sign::CertifiedKey,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject};
use thiserror::Error;

/// Why a certificate or key cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// Not PEM, or without the section that is needed.
    #[error("the certificate or private key is not readable PEM")]
    Pem(#[source] pem::Error),
    /// No certificate in the file.
    #[error("there is no certificate")]
    NoCertificate,
    /// The key is not one we can use, or not the certificate's.
    #[error("the private key cannot be used with the certificate")]
    Key(#[source] rustls::Error),
    /// A certificate that is no authority's.
    #[error("a certificate cannot vouch for clients")]
    Authority(#[source] rustls::Error),
    /// Authorities that nobody can be checked against.
    #[error("no certificate vouches for clients")]
    Authorities(#[source] VerifierBuilderError),
    /// The binary installed no crypto provider.
    #[error("there is no crypto provider")]
    NoProvider,
}

/// Whether clients are asked for a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientCertificates {
    /// No.
    Ignored,
    /// Yes, and they need not have one: each API decides whom it trusts.
    Requested,
    /// Yes, and only those get in for whom one of these authorities vouches.
    Required {
        /// Their certificates, as PEM.
        authorities_pem: Vec<u8>,
    },
}

/// What a TLS listener shows to its clients.
#[derive(Debug)]
pub struct TlsIdentity {
    certificate: Arc<Certificate>,
    config: Arc<ServerConfig>,
}

impl TlsIdentity {
    /// Makes an identity of a certificate chain and its key, both PEM.
    ///
    /// # Errors
    ///
    /// [`TlsError`] when they cannot be used.
    pub fn new(certificate_pem: &[u8], key_pem: &[u8], clients: ClientCertificates) -> Result<Self, TlsError> {
        let key = certified_key(certificate_pem, key_pem)?;
        let certificate = Arc::new(Certificate(ArcSwap::from_pointee(key)));
        let resolver: Arc<dyn ResolvesServerCert> = Arc::clone(&certificate) as _;
        let builder = ServerConfig::builder();
        let builder = match clients {
            ClientCertificates::Ignored => builder.with_no_client_auth(),
            ClientCertificates::Requested => {
                builder.with_client_cert_verifier(Arc::new(client_certificate::AnyCertificate::new()?))
            }
            ClientCertificates::Required { authorities_pem } => {
                let mut roots = RootCertStore::empty();
                for authority in CertificateDer::pem_slice_iter(&authorities_pem) {
                    roots.add(authority.map_err(TlsError::Pem)?).map_err(TlsError::Authority)?;
                }
                let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build();
                builder.with_client_cert_verifier(verifier.map_err(TlsError::Authorities)?)
            }
        };
        let mut config = builder.with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { certificate, config: Arc::new(config) })
    }

    /// Replaces certificate and key for all handshakes from now on.
    ///
    /// # Errors
    ///
    /// [`TlsError`]; the old ones then stay.
    pub fn replace(&self, certificate_pem: &[u8], key_pem: &[u8]) -> Result<(), TlsError> {
        self.certificate.0.store(Arc::new(certified_key(certificate_pem, key_pem)?));
        Ok(())
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }
}

#[derive(Debug)]
struct Certificate(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

fn certified_key(certificate_pem: &[u8], key_pem: &[u8]) -> Result<CertifiedKey, TlsError> {
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(certificate_pem).collect::<Result<_, _>>().map_err(TlsError::Pem)?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate);
    }
    let key = PrivateKeyDer::from_pem_slice(key_pem).map_err(TlsError::Pem)?;
    let provider = CryptoProvider::get_default().ok_or(TlsError::NoProvider)?;
    CertifiedKey::from_der(chain, key, provider).map_err(TlsError::Key)
}
