//! `cnf`: which key the holder of a token must prove to have (RFC 7800 §3.1).
//!
//! Says what must be proved; whether it is, the caller finds out: the certificate of the connection (RFC 8705), or a proof
//! in the request (RFC 9449, see [`crate::DpopProof`]).

use crate::{
    algorithm::Encoding,
    json::{Json, Object},
    verify::TokenError,
};

/// What the holder of a token must prove. At least one of these is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// `x5t#S256`: SHA-256 of the client certificate (RFC 8705 §3.1).
    pub certificate: Option<[u8; 32]>,
    /// `jkt`: the RFC 7638 thumbprint of the DPoP key (RFC 9449 §6.1).
    pub dpop_key: Option<[u8; 32]>,
}

impl Confirmation {
    /// Reads a token's `cnf`; `None`: it has none, and is a bearer token.
    ///
    /// # Errors
    ///
    /// [`TokenError::BoundToKey`] when something else must be proved, or what is there is malformed: an unknown condition
    /// is not passed over.
    pub fn of(claims: &Object) -> Result<Option<Self>, TokenError> {
        let Some(written) = claims.get("cnf") else { return Ok(None) };
        let members = written.as_object().ok_or(TokenError::BoundToKey)?;
        let mut confirmation = Self { certificate: None, dpop_key: None };
        for (name, value) in members.iter() {
            let thumbprint = thumbprint(value).ok_or(TokenError::BoundToKey)?;
            match name {
                "x5t#S256" => confirmation.certificate = Some(thumbprint),
                "jkt" => confirmation.dpop_key = Some(thumbprint),
                _ => return Err(TokenError::BoundToKey),
            }
        }
        if members.is_empty() { Err(TokenError::BoundToKey) } else { Ok(Some(confirmation)) }
    }
}

/// Reads 32 bytes in base64url.
pub(crate) fn thumbprint(value: &Json) -> Option<[u8; 32]> {
    Encoding::Base64Url.decode(value.as_str()?).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cnf: &str, expected: Result<Option<(bool, bool)>, TokenError>) {
        let Ok(Json::Object(claims)) = Json::parse(format!(r#"{{"cnf":{cnf}}}"#).as_bytes()) else { panic!("{cnf}") };
        let found = Confirmation::of(&claims).map(|found| {
            found.map(|confirmation| (confirmation.certificate.is_some(), confirmation.dpop_key.is_some()))
        });
        assert_eq!(found, expected, "{cnf}");
    }

    #[test]
    fn only_what_can_be_checked_is_read() {
        let thumbprint = "A".repeat(43);
        check(&format!(r#"{{"jkt":"{thumbprint}"}}"#), Ok(Some((false, true))));
        check(&format!(r#"{{"x5t#S256":"{thumbprint}"}}"#), Ok(Some((true, false))));
        check(&format!(r#"{{"x5t#S256":"{thumbprint}","jkt":"{thumbprint}"}}"#), Ok(Some((true, true))));
        let refused = Err(TokenError::BoundToKey);
        for cnf in ["{}", "null", "[]", r#""x""#, r#"{"jkt":"AA"}"#, r#"{"jkt":7}"#, r#"{"jwk":{}}"#] {
            check(cnf, refused);
        }
        check(&format!(r#"{{"jkt":"{thumbprint}","kid":"1"}}"#), refused);
        check(&format!(r#"{{"jkt":"{thumbprint}="}}"#), refused);
        assert_eq!(Confirmation::of(&Object::default()), Ok(None));
    }
}
