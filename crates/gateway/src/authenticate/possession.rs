//! Whether who sends a bound token holds the key that it is bound to: by the connection's certificate (RFC 8705 §3), or
//! by a DPoP proof (RFC 9449 §7).

use claims::{Confirmation, DpopError, DpopProof, ProvedRequest};
use http::HeaderName;
use url::Url;

use super::Moment;
use crate::{
    access::Requirement,
    credential::{Credential, Presented},
    path::NormalPath,
    proofs::Seen,
    rejection::{Code, Rejection},
    request::RequestHead,
};

const DPOP: HeaderName = HeaderName::from_static("dpop");

impl Requirement {
    /// Checks what a token is bound to. To be called at every use.
    ///
    /// # Errors
    ///
    /// 401 when it is not proved that the sender holds the key; 503 when too many proofs are remembered.
    pub(super) fn check_possession(
        &self,
        confirmation: Option<&Confirmation>,
        credential: &Credential<'_>,
        head: &RequestHead,
        moment: Moment<'_>,
    ) -> Result<(), Rejection> {
        let refuse = |reason: &str| self.challenge.not_possessed(reason);
        let Some(confirmation) = confirmation else {
            return Err(refuse("a token that is not bound to a key is no DPoP token"));
        };
        if let Some(wanted) = &confirmation.certificate
            && head.connection.certificate().is_none_or(|shown| shown.thumbprint() != wanted)
        {
            return Err(self.challenge.invalid(claims::TokenError::BoundToKey));
        }
        match (confirmation.dpop_key, credential.presented) {
            // A password is no token, and does not come here.
            (None, Presented::Bearer | Presented::Basic) => Ok(()),
            (None, Presented::Dpop) => Err(refuse("the token is not bound to a DPoP key")),
            (Some(_), Presented::Bearer | Presented::Basic) => {
                Err(refuse("the token is bound to a DPoP key, and needs a proof"))
            }
            (Some(wanted), Presented::Dpop) => self.check_proof(&wanted, credential, head, moment),
        }
    }

    fn check_proof(
        &self,
        wanted: &[u8; 32],
        credential: &Credential<'_>,
        head: &RequestHead,
        moment: Moment<'_>,
    ) -> Result<(), Rejection> {
        let invalid = |error: DpopError| self.challenge.invalid_proof(&error.to_string());
        let mut fields = head.parts.headers.get_all(DPOP).iter();
        let (Some(field), None) = (fields.next(), fields.next()) else {
            return Err(self.challenge.invalid_proof("there must be one DPoP proof"));
        };
        let text = field.to_str().map_err(|_| invalid(DpopError::Malformed))?;
        let request = ProvedRequest {
            method: head.parts.method.as_str(),
            access_token: &credential.bytes,
            now: moment.now.seconds,
        };
        let proof = DpopProof::verify(text, request).map_err(invalid)?;
        if !is_address_of(&proof.url, head, moment) {
            return Err(self.challenge.invalid_proof("the DPoP proof is for another address"));
        }
        if proof.key != *wanted {
            return Err(self.challenge.not_possessed("the DPoP proof is of another key than the token's"));
        }
        if let Some(nonces) = self.proof_nonces {
            let (key, now) = (&moment.runtime.nonce_key, moment.now.seconds);
            if !proof.nonce.as_deref().is_some_and(|nonce| key.knows(nonce, nonces, now)) {
                return Err(self.challenge.use_nonce(key.current(nonces, now)));
            }
        }
        match moment.runtime.proofs.see(&proof, moment.now.seconds) {
            Seen::First => Ok(()),
            Seen::Again => Err(self.challenge.invalid_proof("the DPoP proof was used before")),
            Seen::Full => Err(Rejection::new(Code::Overloaded, "too many DPoP proofs are remembered")
                .with(http::header::RETRY_AFTER, http::HeaderValue::from_static("30"))),
        }
    }
}

/// True when `htu` is the request's address, query and fragment aside (RFC 9449 §4.3): as this gateway sees it, or as a
/// trusted proxy says that the client did.
fn is_address_of(htu: &str, head: &RequestHead, moment: Moment<'_>) -> bool {
    let Ok(claimed) = Url::parse(htu) else { return false };
    let authority = head.parts.uri.authority().map(http::uri::Authority::as_str);
    let host = authority.or_else(|| text(head, "host")).unwrap_or_default();
    let scheme = if head.connection.is_secure { "https" } else { "http" };
    let is_here = is_origin(&claimed, scheme, host);
    let is_proxied = moment.is_from_trusted_proxy(head)
        && is_origin(
            &claimed,
            text(head, "x-forwarded-proto").unwrap_or(scheme),
            text(head, "x-forwarded-host").unwrap_or(host),
        );
    (is_here || is_proxied) && is_path(&claimed, head.parts.uri.path())
}

fn is_origin(claimed: &Url, scheme: &str, authority: &str) -> bool {
    let Ok(seen) = Url::parse(&format!("{scheme}://{authority}/")) else { return false };
    claimed.origin() == seen.origin() && claimed.username().is_empty() && claimed.password().is_none()
}

/// Compares paths as they are routed. What is no normal path is no request's.
fn is_path(claimed: &Url, path: &str) -> bool {
    match (NormalPath::parse(claimed.path()), NormalPath::parse(path)) {
        (Ok(claimed), Ok(path)) => claimed.as_str() == path.as_str(),
        (Err(_), _) | (_, Err(_)) => false,
    }
}

fn text<'a>(head: &'a RequestHead, name: &str) -> Option<&'a str> {
    head.parts.headers.get(name)?.to_str().ok()
}
