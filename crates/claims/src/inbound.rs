//! What an inbound access token must claim (RFC 7519, RFC 8725 §3, RFC 9068 §4), after its signature has been verified.
//!
//! Knows one issuer's rules at a time; who the caller is, is decided elsewhere. `exp` gets no leeway, `nbf` and `iat` get
//! the issuer's clock skew.

use std::sync::Arc;

use crate::{
    algorithm::Algorithm,
    confirmation::Confirmation,
    fingerprint::KeyFingerprint,
    json::{Json, Object},
    verify::{CompactJws, TokenError, VerificationKeys, verify_signature},
};

/// Which `typ` an issuer's access tokens have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TokenType {
    /// None, `JWT` or `at+jwt`: any access token.
    #[default]
    Any,
    /// `at+jwt` only (RFC 9068).
    AccessToken,
}

/// What one issuer's access tokens must claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessTokenRules {
    /// The exact `iss`.
    pub issuer: Arc<str>,
    /// `aud` must name one of these; empty: `aud` is not asked for.
    pub audiences: Vec<Box<str>>,
    /// The accepted `typ`.
    pub token_type: TokenType,
    /// Seconds by which `nbf` and `iat` may lie ahead.
    pub clock_skew: u64,
}

/// A token taken apart, with an issuer to ask for keys: nothing in it is verified yet.
#[derive(Clone, Debug)]
pub struct UnverifiedToken<'a> {
    jws: CompactJws<'a>,
    claims: Object,
}

/// The claims of a token that its issuer signed and that is valid now.
#[derive(Clone, Debug, PartialEq)]
pub struct AccessToken {
    /// All members of the payload.
    pub claims: Object,
    /// `exp` in whole seconds, rounded down: the token is no longer good at that second.
    pub expires_at: u64,
    /// `cnf`: what its holder must prove. To be checked by the caller, at every use.
    pub confirmation: Option<Confirmation>,
    /// The key that verified it; see [`VerificationKeys::trusts`].
    pub key: KeyFingerprint,
}

impl<'a> UnverifiedToken<'a> {
    /// Takes a token apart, header and payload.
    ///
    /// # Errors
    ///
    /// [`TokenError`] as from [`CompactJws::parse`], or [`TokenError::MalformedPayload`].
    pub fn parse(token: &'a str) -> Result<Self, TokenError> {
        let jws = CompactJws::parse(token)?;
        let claims = parse_claims(&jws.unverified_payload()?)?;
        Ok(Self { jws, claims })
    }

    /// Returns the `iss` that the token claims, to choose whose keys and rules to apply.
    pub fn claimed_issuer(&self) -> Option<&str> {
        issuer(&self.claims)
    }

    /// Returns the claims, of a token that was verified before.
    pub fn into_claims(self) -> Object {
        self.claims
    }

    /// Returns the header's `kid`, to decide whether fetching keys can help.
    pub fn kid(&self) -> Option<&str> {
        self.jws.kid()
    }

    /// Verifies the signature, then the claims.
    ///
    /// # Errors
    ///
    /// [`TokenError`]; the signature first, so that a forger learns nothing about the rules.
    pub fn verify(
        self,
        keys: &VerificationKeys,
        allowed: &[Algorithm],
        rules: &AccessTokenRules,
        now: u64,
    ) -> Result<AccessToken, TokenError> {
        let key = verify_signature(&self.jws, keys, allowed)?;
        let expires_at = rules.check(self.jws.typ(), &self.claims, now)?;
        let confirmation = Confirmation::of(&self.claims)?;
        Ok(AccessToken { claims: self.claims, expires_at, confirmation, key })
    }
}

impl AccessTokenRules {
    /// Checks `typ` and the claims, and returns when the token expires.
    ///
    /// # Errors
    ///
    /// [`TokenError`], the first that applies.
    pub fn check(&self, typ: Option<&str>, claims: &Object, now: u64) -> Result<u64, TokenError> {
        self.check_kind(typ, claims)?;
        if issuer(claims) != Some(&*self.issuer) {
            return Err(TokenError::UntrustedIssuer);
        }
        check_audience(claims, &self.audiences)?;
        check_subject(claims)?;
        check_times(claims, now, self.clock_skew)
    }

    /// Checks what the issuer says about an active token (RFC 7662 §2.2), and returns when it expires, if it says so.
    ///
    /// `iss` and `exp` may be missing there: the issuer itself was asked, and just now.
    ///
    /// # Errors
    ///
    /// [`TokenError`], the first that applies.
    pub fn check_introspected(&self, claims: &Object, now: u64) -> Result<Option<u64>, TokenError> {
        let is_other = |claim: &str, kinds: &[&str]| {
            claims
                .get(claim)
                .and_then(Json::as_str)
                .is_some_and(|kind| kinds.iter().any(|other| kind.eq_ignore_ascii_case(other)))
        };
        // Servers know refresh and ID tokens by the same end point, and call them so.
        if is_other("token_type", &["refresh_token", "id_token"]) || is_other("typ", &["Refresh", "Offline", "ID"]) {
            return Err(TokenError::WrongType);
        }
        if claims.get("iss").is_some() && issuer(claims) != Some(&*self.issuer) {
            return Err(TokenError::UntrustedIssuer);
        }
        check_audience(claims, &self.audiences)?;
        check_subject(claims)?;
        if claims.get("exp").is_none() {
            let mut lasting = claims.clone();
            lasting.insert("exp", LAST_SECOND.into());
            return check_times(&lasting, now, self.clock_skew).map(|_| None);
        }
        check_times(claims, now, self.clock_skew).map(Some)
    }

    fn check_kind(&self, typ: Option<&str>, claims: &Object) -> Result<(), TokenError> {
        // RFC 7515 §4.1.9: `application/` may be left out, and media types know no case.
        let typ = typ.map(str::to_ascii_lowercase);
        let typ = typ.as_deref().map(|typ| typ.strip_prefix("application/").unwrap_or(typ));
        match (typ, self.token_type) {
            (Some("at+jwt"), _) | (Some("jwt") | None, TokenType::Any) => {}
            (Some(_) | None, TokenType::Any | TokenType::AccessToken) => return Err(TokenError::WrongType),
        }
        if claims.get("at_hash").is_some() || claims.get("c_hash").is_some() {
            return Err(TokenError::IdToken);
        }
        Ok(())
    }
}

/// Insists on one of these audiences; with none, on `aud` being well-formed.
pub(crate) fn check_audience(claims: &Object, audiences: &[Box<str>]) -> Result<(), TokenError> {
    let named: Vec<&str> = match claims.get("aud") {
        None => Vec::new(),
        Some(Json::String(audience)) => vec![audience],
        Some(Json::Array(named)) => {
            named.iter().map(Json::as_str).collect::<Option<_>>().ok_or(TokenError::WrongAudience)?
        }
        Some(Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_)) => {
            return Err(TokenError::WrongAudience);
        }
    };
    let is_ours = audiences.is_empty() || audiences.iter().any(|ours| named.contains(&&**ours));
    if is_ours { Ok(()) } else { Err(TokenError::WrongAudience) }
}

/// Insists on `sub` being a text, where there is one.
pub(crate) fn check_subject(claims: &Object) -> Result<(), TokenError> {
    let is_malformed = claims.get("sub").is_some_and(|sub| sub.as_str().is_none_or(str::is_empty));
    if is_malformed { Err(TokenError::MalformedSubject) } else { Ok(()) }
}

/// Checks `exp`, `nbf` and `iat`, and returns when the token expires.
pub(crate) fn check_times(claims: &Object, now: u64, clock_skew: u64) -> Result<u64, TokenError> {
    let expires_at = time(claims, "exp", Rounding::Down)?.ok_or(TokenError::NoExpiry)?;
    let not_before = time(claims, "nbf", Rounding::Up)?;
    let issued_at = time(claims, "iat", Rounding::Up)?;
    let latest = now.saturating_add(clock_skew);
    if expires_at <= now {
        return Err(TokenError::Expired);
    }
    if not_before.is_some_and(|not_before| not_before > latest) {
        return Err(TokenError::NotYetValid);
    }
    if issued_at.is_some_and(|issued_at| issued_at > latest) {
        return Err(TokenError::IssuedInFuture);
    }
    Ok(expires_at)
}

/// Reads a payload: a strict JSON object.
pub(crate) fn parse_claims(payload: &[u8]) -> Result<Object, TokenError> {
    match Json::parse(payload) {
        Ok(Json::Object(claims)) => Ok(claims),
        Ok(Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_)) | Err(_) => {
            Err(TokenError::MalformedPayload)
        }
    }
}

/// Returns `iss`.
pub(crate) fn issuer(claims: &Object) -> Option<&str> {
    claims.get("iss").and_then(Json::as_str)
}

#[derive(Clone, Copy)]
enum Rounding {
    Down,
    Up,
}

/// 9999-12-31T23:59:59Z: what lies beyond is no date but an attempt at an overflow.
const LAST_SECOND: u64 = 253_402_300_799;

/// Reads a `NumericDate` (RFC 7519 §2): a JSON number, fraction allowed, in the years 1970 to 9999. Negative ones are long past.
fn time(claims: &Object, name: &str, rounding: Rounding) -> Result<Option<u64>, TokenError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let number = value.as_number().ok_or(TokenError::MalformedTime)?;
    if number.is_negative() {
        return Ok(Some(0));
    }
    let seconds = match rounding {
        Rounding::Down => number.floor(),
        Rounding::Up => number.ceil(),
    };
    seconds.filter(|seconds| *seconds <= LAST_SECOND).map(Some).ok_or(TokenError::MalformedTime)
}

#[cfg(test)]
mod tests;
