//! Reads an introspection answer: plain JSON (RFC 7662 §2.2), or signed (RFC 9701 §5).

use std::{sync::Arc, time::Duration};

use claims::{CompactJws, Json, Object, TokenError, verify};
use stores::HttpAnswer;

use super::{ActiveToken, Introspection, SignedAnswers, Verifier};
use crate::{issuer::strings, time::Now};

/// The media type of signed answers.
pub(super) const SIGNED: &str = "application/token-introspection+jwt";

/// What is known of a token after asking.
#[derive(Clone, Debug)]
pub(crate) enum Opinion {
    /// It is good.
    Active(Arc<ActiveToken>),
    /// It is not, or not for us.
    Refused(TokenError),
    /// The server's answer cannot be relied on.
    Unusable,
    /// The server could not be asked.
    Unknown {
        /// When to try again.
        retry_after: Duration,
    },
}

/// Why an answer cannot be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum AnswerProblem {
    /// Of another media type than was asked for.
    #[error("it is of another media type")]
    MediaType,
    /// Not a JSON object with a boolean `active`.
    #[error("it is no JSON object with a boolean `active`")]
    Malformed,
    /// Its signature, `typ`, `iss`, `aud` or `iat` is wrong.
    #[error("it is not signed as it must be: {0}")]
    Signature(TokenError),
    /// The issuer's keys are not to be had.
    #[error("the issuer's keys are not there to verify it")]
    NoKeys,
}

/// Reads an answer with status 200.
pub(super) fn read(
    answer: &HttpAnswer,
    (asked, verifier): (&Introspection, &Verifier),
    now: Now,
) -> Result<Opinion, AnswerProblem> {
    let mut members = match asked.signed_answers {
        SignedAnswers::None if answer.is_of(&["application/json"]) => object(&answer.body)?,
        SignedAnswers::Required if answer.is_of(&[SIGNED]) => signed(&answer.body, &asked.client_id, verifier, now)?,
        SignedAnswers::None | SignedAnswers::Required => return Err(AnswerProblem::MediaType),
    };
    match members.remove("active") {
        Some(Json::Bool(true)) => {}
        Some(Json::Bool(false)) => return Ok(Opinion::Refused(TokenError::Inactive)),
        Some(Json::Null | Json::Number(_) | Json::String(_) | Json::Array(_) | Json::Object(_)) | None => {
            return Err(AnswerProblem::Malformed);
        }
    }
    Ok(match verifier.rules.check_introspected(&members, now.seconds) {
        Ok(expires_at) => Opinion::Active(Arc::new(ActiveToken { claims: members, expires_at, ends: verifier.ends })),
        Err(error) => Opinion::Refused(error),
    })
}

fn object(body: &[u8]) -> Result<Object, AnswerProblem> {
    match Json::parse(body) {
        Ok(Json::Object(members)) => Ok(members),
        Ok(Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_)) | Err(_) => {
            Err(AnswerProblem::Malformed)
        }
    }
}

/// Verifies a signed answer: by the issuer, for us, and of this kind alone (RFC 9701 §5, §8.1).
fn signed(body: &[u8], client_id: &str, verifier: &Verifier, now: Now) -> Result<Object, AnswerProblem> {
    let current = verifier.keys.as_ref().map(|keys| keys.current());
    let keys = current.as_ref().and_then(|current| current.keys.as_ref()).ok_or(AnswerProblem::NoKeys)?;
    let text = std::str::from_utf8(body).map_err(|_| AnswerProblem::Malformed)?;
    let jws = CompactJws::parse(text.trim()).map_err(AnswerProblem::Signature)?;
    let typ = jws.typ().map(str::to_ascii_lowercase);
    let typ = typ.as_deref().map(|typ| typ.strip_prefix("application/").unwrap_or(typ));
    if typ != Some("token-introspection+jwt") {
        return Err(AnswerProblem::Signature(TokenError::WrongType));
    }
    let verified = verify(&jws, keys, &verifier.algorithms).map_err(AnswerProblem::Signature)?;
    let mut claims = object(&verified.payload)?;
    if claims.get("iss").and_then(Json::as_str) != Some(&verifier.rules.issuer) {
        return Err(AnswerProblem::Signature(TokenError::UntrustedIssuer));
    }
    if !strings(claims.get("aud")).iter().any(|audience| **audience == *client_id) {
        return Err(AnswerProblem::Signature(TokenError::WrongAudience));
    }
    let issued_at = claims.get("iat").and_then(Json::as_number).and_then(claims::Number::ceil);
    match issued_at {
        None => return Err(AnswerProblem::Signature(TokenError::MalformedTime)),
        Some(at) if at > now.seconds.saturating_add(verifier.rules.clock_skew) => {
            return Err(AnswerProblem::Signature(TokenError::IssuedInFuture));
        }
        // An old answer may be about a token that was taken back since.
        Some(at) if at.saturating_add(OLDEST).saturating_add(verifier.rules.clock_skew) < now.seconds => {
            return Err(AnswerProblem::Signature(TokenError::Expired));
        }
        Some(_) => {}
    }
    match claims.remove("token_introspection") {
        Some(Json::Object(members)) => Ok(members),
        Some(Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_)) | None => {
            Err(AnswerProblem::Malformed)
        }
    }
}

/// Seconds that a signed answer may be old.
const OLDEST: u64 = 60;
