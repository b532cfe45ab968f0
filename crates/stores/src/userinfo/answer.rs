//! What a `UserInfo` endpoint answers (`OpenID` Connect Core §5.3.2): claims in JSON, or in a signed JWT.

use claims::{Json, Object, TokenError};
use http::StatusCode;

use crate::http_client::HttpAnswer;

/// An answer, taken apart.
pub(super) enum Statement {
    /// Claims as they are.
    Plain(Object),
    /// A JWT that nobody has verified yet.
    Signed(String),
}

/// Why an answer does not count. Holds no value of a user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum UserInfoFault {
    #[error("the UserInfo endpoint answered {0}")]
    Status(StatusCode),
    #[error("the UserInfo endpoint answered {0} to a question without a token")]
    WithoutToken(StatusCode),
    #[error("it is neither JSON nor a JWT but `{0}`")]
    MediaType(Box<str>),
    #[error("it is no JSON object")]
    Json,
    #[error("it is not signed")]
    NotSigned,
    #[error("its signature does not count: {0}")]
    Signature(TokenError),
    #[error("the issuer's keys are not known")]
    NoKeys,
    #[error("its `iss` is not the issuer")]
    Issuer,
    #[error("its `aud` names none of the configured clients")]
    Audience,
    #[error("it has expired")]
    Expired,
    #[error("its `sub` is not the user's")]
    OtherSubject,
}

/// Takes an answer apart.
pub(super) fn read(answer: &HttpAnswer) -> Result<Statement, UserInfoFault> {
    if answer.status != StatusCode::OK {
        return Err(UserInfoFault::Status(answer.status));
    }
    match &*answer.media_type() {
        "application/json" => object(&answer.body).map(Statement::Plain),
        "application/jwt" => {
            let text =
                std::str::from_utf8(&answer.body).map_err(|_| UserInfoFault::Signature(TokenError::NotCompact))?;
            Ok(Statement::Signed(text.trim().to_owned()))
        }
        other => Err(UserInfoFault::MediaType(other.into())),
    }
}

/// Reads a JSON object.
pub(super) fn object(json: &[u8]) -> Result<Object, UserInfoFault> {
    match Json::parse(json) {
        Ok(Json::Object(claims)) => Ok(claims),
        Ok(Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_)) | Err(_) => {
            Err(UserInfoFault::Json)
        }
    }
}

/// Checks what a signed answer claims about itself: `iss` always, `aud` where clients are configured, `exp` if it is there.
pub(super) fn check(claims: &Object, iss: &str, audiences: &[Box<str>], now: u64) -> Result<(), UserInfoFault> {
    if claims.get("iss").and_then(Json::as_str) != Some(iss) {
        return Err(UserInfoFault::Issuer);
    }
    let named: Vec<&str> = match claims.get("aud") {
        Some(Json::Array(named)) => named.iter().filter_map(Json::as_str).collect(),
        Some(one) => one.as_str().into_iter().collect(),
        None => Vec::new(),
    };
    if !audiences.is_empty() && !named.iter().any(|name| audiences.iter().any(|audience| **audience == **name)) {
        return Err(UserInfoFault::Audience);
    }
    match claims.get("exp").map(|exp| exp.as_number().and_then(claims::Number::floor)) {
        None => Ok(()),
        Some(Some(exp)) if now < exp => Ok(()),
        Some(_) => Err(UserInfoFault::Expired),
    }
}
