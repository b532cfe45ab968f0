//! Why a token is refused: the client's fault, unless a variant says otherwise. Never quotes the token.

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TokenError {
    /// Longer than [`crate::CompactJws::MAX_LENGTH`].
    #[error("the token is too long")]
    TooLong,
    /// Not three segments of strict base64url.
    #[error("the token is not a compact JWS")]
    NotCompact,
    /// Five segments, or `enc` in the header: encrypted tokens are not supported.
    #[error("the token is encrypted")]
    Encrypted,
    /// The header is no JSON object with a string `alg`, or has a member of the wrong type.
    #[error("the token's header is malformed")]
    MalformedHeader,
    /// `crit` (RFC 7515 §4.1.11), `b64` (RFC 7797) or `zip`.
    #[error("the token's header asks for an extension that is not supported")]
    UnsupportedHeader,
    /// `alg` names no algorithm, or `none`.
    #[error("the token's algorithm is not supported")]
    UnsupportedAlgorithm,
    /// The issuer's tokens may not be signed with this algorithm.
    #[error("the token's algorithm is not allowed for its issuer")]
    AlgorithmNotAllowed,
    /// No key has that `kid`. Perhaps the issuer has rotated: fetch its JWKS again.
    #[error("no key has the token's `kid`")]
    UnknownKid,
    /// The key with that `kid` is for other algorithms.
    #[error("the token's key is not for its algorithm")]
    WrongKey,
    /// Several different keys fit: the token has no `kid`, or the issuer's keys share one.
    #[error("several keys fit the token, and its `kid` does not say which")]
    AmbiguousKey,
    /// The signature does not verify.
    #[error("the token's signature is wrong")]
    BadSignature,
    /// The payload is not a strict JSON object.
    #[error("the token's payload is not a JSON object")]
    MalformedPayload,
    /// `typ` says that this is another kind of token.
    #[error("the token's `typ` is not that of an access token")]
    WrongType,
    /// `at_hash` or `c_hash`: an ID token.
    #[error("an ID token is not an access token")]
    IdToken,
    /// `cnf`: only the holder of a key may use the token, and it has not been proved who that is.
    #[error("the token is bound to a key, and the request does not prove that it holds it")]
    BoundToKey,
    /// `iss` is missing or another one.
    #[error("the token's issuer is not trusted")]
    UntrustedIssuer,
    /// `aud` is missing, malformed or without ours.
    #[error("the token is for another audience")]
    WrongAudience,
    /// `sub` is not a string, or empty.
    #[error("the token's `sub` is not a text")]
    MalformedSubject,
    /// `exp` is missing.
    #[error("the token never expires")]
    NoExpiry,
    /// `exp`, `nbf` or `iat` is not a time.
    #[error("a time in the token is malformed")]
    MalformedTime,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` lies ahead.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `iat` lies ahead.
    #[error("the token was issued in the future")]
    IssuedInFuture,
    /// Its issuer, when asked, says that it is not active (RFC 7662 §2.2).
    #[error("the token is not active")]
    Inactive,
    /// Its issuer, when asked, gave an answer that cannot be relied on.
    #[error("the token's issuer gave no usable answer about it")]
    UnusableAnswer,
}

impl TokenError {
    /// Returns the stable code, for logs, metrics and tests.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::TooLong => "token_too_long",
            Self::NotCompact => "not_compact_jws",
            Self::Encrypted => "encrypted_token",
            Self::MalformedHeader => "malformed_header",
            Self::UnsupportedHeader => "unsupported_header",
            Self::UnsupportedAlgorithm => "unsupported_algorithm",
            Self::AlgorithmNotAllowed => "algorithm_not_allowed",
            Self::UnknownKid => "unknown_kid",
            Self::WrongKey => "wrong_key",
            Self::AmbiguousKey => "ambiguous_key",
            Self::BadSignature => "bad_signature",
            Self::MalformedPayload => "malformed_payload",
            Self::WrongType => "wrong_type",
            Self::IdToken => "id_token",
            Self::BoundToKey => "bound_to_key",
            Self::UntrustedIssuer => "untrusted_issuer",
            Self::WrongAudience => "wrong_audience",
            Self::MalformedSubject => "malformed_subject",
            Self::NoExpiry => "no_expiry",
            Self::MalformedTime => "malformed_time",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::IssuedInFuture => "issued_in_future",
            Self::Inactive => "inactive",
            Self::UnusableAnswer => "unusable_answer",
        }
    }
}
