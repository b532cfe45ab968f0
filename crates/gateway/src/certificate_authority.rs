//! Whose client certificates are trusted, and who their holders are: one entry of `clientCertificates`, resolved.
//!
//! The handshake proved that the client holds its key; everything else is asked here, for each API anew: chain, times
//! and extended key usage (RFC 5280 §6, §4.2.1.12), pins, and the one name that identifies the holder.

mod identity;

use std::{sync::Arc, time::SystemTime};

use claims::{Grant, Object, Principal, PrincipalKind};
use rustls::server::danger::ClientCertVerifier;
use rustls_pki_types::UnixTime;
use x509_parser::{certificate::X509Certificate, prelude::FromDer as _};

use crate::{
    client_certificate::ClientCertificate, fingerprint::Fingerprint, issuer::Issuer, spec::Thumbprint, time::seconds,
};

/// What in a certificate names its holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CertificateIdentity {
    /// The subject's one common name.
    CommonName,
    /// The whole subject, by RFC 4514.
    Subject,
    /// The one e-mail address among the alternative names.
    Email,
    /// The one DNS name among them.
    Dns,
    /// The one URI among them, such as a SPIFFE id.
    Uri,
    /// SHA-256 of the certificate, in hexadecimal.
    Thumbprint,
}

/// What becomes of a certificate when its revocation list does not help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RevocationDoubt {
    /// It is refused.
    Refuse,
    /// It counts as good.
    Allow,
}

/// Certificates that are trusted for one reason.
#[derive(Debug)]
pub struct CertificateAuthority {
    /// The operator's name for it.
    pub name: Box<str>,
    /// Of everything here, and of the issuer.
    pub fingerprint: Fingerprint,
    /// Who may have signed them; `None`: only the pins count.
    pub verifier: Option<Arc<dyn ClientCertVerifier>>,
    /// Only these; empty: all that were signed so.
    pub thumbprints: Box<[Thumbprint]>,
    /// What names the holder.
    pub identity: CertificateIdentity,
    /// Whose user the holder is; `None`: the holder is a client application.
    pub issuer: Option<Arc<Issuer>>,
}

/// Why a certificate makes no caller. The operator's to know, not the client's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateRefusal {
    /// Not X.509.
    #[error("the client certificate is malformed")]
    Malformed,
    /// Not one of the pinned ones.
    #[error("the client certificate is none of the pinned ones")]
    NotPinned,
    /// Not signed by whom it must, out of its time, or not for clients.
    #[error("the client certificate is not trusted here")]
    NotTrusted,
    /// It, or one that vouches for it, has been revoked.
    #[error("the client certificate has been revoked")]
    Revoked,
    /// There is no list of its authority, or none whose time is not over (`crl`).
    #[error("it is not known whether the client certificate has been revoked: {0}")]
    RevocationUnknown(RevocationGap),
    /// Its holder cannot be named: no name of the wanted kind, several, or one with control characters.
    #[error("the client certificate has not exactly one usable name of the kind that identifies its holder")]
    NoIdentity,
}

/// Why a revocation list does not help. The operator's to mend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RevocationGap {
    /// There is none of an authority in the chain.
    #[error("an authority in its chain has no list")]
    Missing,
    /// After its `nextUpdate`.
    #[error("the time of the list is over")]
    Expired,
    /// Not signed by its authority, or of a kind that cannot be read.
    #[error("the list is not usable")]
    Unusable,
}

impl CertificateRefusal {
    /// Says what a verifier found wrong.
    fn of(error: &rustls::Error) -> Self {
        use rustls::CertificateError::{
            ExpiredRevocationList, ExpiredRevocationListContext, Revoked, UnknownRevocationStatus,
        };
        match error {
            rustls::Error::InvalidCertificate(Revoked) => Self::Revoked,
            rustls::Error::InvalidCertificate(UnknownRevocationStatus) => {
                Self::RevocationUnknown(RevocationGap::Missing)
            }
            rustls::Error::InvalidCertificate(ExpiredRevocationList | ExpiredRevocationListContext { .. }) => {
                Self::RevocationUnknown(RevocationGap::Expired)
            }
            rustls::Error::InvalidCertRevocationList(_) => Self::RevocationUnknown(RevocationGap::Unusable),
            _ => Self::NotTrusted,
        }
    }
}

impl CertificateAuthority {
    /// Verifies a certificate, and returns its holder with the claims of it; `expires_at` is the certificate's end.
    ///
    /// # Errors
    ///
    /// [`CertificateRefusal`], the first that applies.
    pub fn holder(
        &self,
        certificate: &ClientCertificate,
        now: SystemTime,
    ) -> Result<(Principal, Object), CertificateRefusal> {
        let pin = Thumbprint(*certificate.thumbprint());
        if !self.thumbprints.is_empty() && !self.thumbprints.contains(&pin) {
            return Err(CertificateRefusal::NotPinned);
        }
        if let Some(verifier) = &self.verifier {
            let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds(now)));
            verifier
                .verify_client_cert(certificate.leaf(), certificate.intermediates(), now)
                .map_err(|error| CertificateRefusal::of(&error))?;
        }
        let (_, parsed) = X509Certificate::from_der(certificate.leaf()).map_err(|_| CertificateRefusal::Malformed)?;
        let validity = parsed.validity();
        let instant = i64::try_from(seconds(now)).unwrap_or(i64::MAX);
        if instant < validity.not_before.timestamp() || instant > validity.not_after.timestamp() {
            return Err(CertificateRefusal::NotTrusted);
        }
        let name = match self.identity {
            CertificateIdentity::Thumbprint => Some(pin.to_string()),
            CertificateIdentity::CommonName
            | CertificateIdentity::Subject
            | CertificateIdentity::Email
            | CertificateIdentity::Dns
            | CertificateIdentity::Uri => identity::name(&parsed, self.identity),
        };
        let name = name.ok_or(CertificateRefusal::NoIdentity)?;
        // The second after the last one that it is good for.
        let expires_at = u64::try_from(validity.not_after.timestamp()).ok().map(|end| end.saturating_add(1));
        self.principal(&name, expires_at).ok_or(CertificateRefusal::NoIdentity)
    }

    /// Makes the principal of a holder: the user by that name, or the client by that id.
    pub(crate) fn principal(&self, name: &str, expires_at: Option<u64>) -> Option<(Principal, Object)> {
        if let Some(issuer) = &self.issuer {
            let (principal, claims) = issuer.user(name, Object::default())?;
            return Some((Principal { expires_at, ..principal }, claims));
        }
        let grant = Grant {
            issuer: "".into(),
            iss: "".into(),
            client_id: Some(name.into()),
            scopes: Box::default(),
            organizations: Box::default(),
        };
        let (grant, kind) = (Arc::new(grant), PrincipalKind::Application);
        Some((Principal { grant, subject: name.into(), kind, expires_at }, Object::default()))
    }
}
