//! Who may call an operation.

use std::sync::Arc;

use claims::{Principal, TokenError};
use http::{HeaderValue, header::WWW_AUTHENTICATE};

use crate::{
    credential::CredentialSource,
    issuer::Issuer,
    rejection::{Code, Rejection},
};

/// Whether a credential is asked for.
#[derive(Debug)]
pub enum Access {
    /// Credentials are ignored and removed.
    Open,
    /// None: anonymous; a bad one: 401.
    Optional(Requirement),
    /// A valid one, or 401.
    Secured(Requirement),
}

/// What a credential must be.
#[derive(Debug)]
pub struct Requirement {
    /// Where it may stand.
    pub sources: Box<[CredentialSource]>,
    /// Who may have issued it.
    pub issuers: Box<[Arc<Issuer>]>,
    /// Which scopes it must have.
    pub scopes: Scopes,
    /// Whether its application must have subscribed.
    pub subscription: Subscription,
    /// What `WWW-Authenticate` says besides an error.
    pub challenge: Challenge,
}

/// `subscriptionValidation`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subscription {
    /// Anybody's application.
    NotNeeded,
    /// Only one with a subscription.
    Needed,
}

/// Which scopes are needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scopes {
    /// At least one of these; none listed: no scope is needed.
    AnyOf(Box<[Box<str>]>),
    /// All of these.
    AllOf(Box<[Box<str>]>),
}

/// The parts of a `WWW-Authenticate` answer (RFC 6750 §3, RFC 9728 §5.1).
#[derive(Clone, Debug, Default)]
pub struct Challenge {
    /// `resource_metadata`
    pub resource_metadata: Option<Box<str>>,
}

impl Scopes {
    /// Refuses a principal without the needed scopes.
    ///
    /// # Errors
    ///
    /// [`Code::InsufficientScope`] (403) with the scopes that would do.
    pub fn check(&self, principal: &Principal, challenge: &Challenge) -> Result<(), Rejection> {
        let has = |scope: &str| principal.scopes.iter().any(|held| **held == *scope);
        let (is_enough, needed) = match self {
            Self::AnyOf(scopes) => (scopes.is_empty() || scopes.iter().any(|scope| has(scope)), scopes),
            Self::AllOf(scopes) => (scopes.iter().all(|scope| has(scope)), scopes),
        };
        if is_enough {
            return Ok(());
        }
        let rejection = Rejection::new(Code::InsufficientScope, "the token lacks a scope that this operation needs");
        Err(challenge.with_scope(rejection, &needed.join(" ")))
    }
}

impl Challenge {
    /// Refuses a request without a credential: no error code, as RFC 6750 §3.1 says.
    pub fn missing(&self) -> Rejection {
        let rejection = Rejection::new(Code::Unauthorized, "this operation needs an access token");
        self.answer(rejection, String::new())
    }

    /// Refuses a credential that is not valid.
    pub fn invalid(&self, error: TokenError) -> Rejection {
        let rejection = Rejection::new(Code::Unauthorized, error.to_string());
        self.answer(rejection, format!(r#"error="invalid_token", error_description="{error}""#))
    }

    /// Adds the challenge to a refusal that has none.
    pub fn complete(&self, rejection: Rejection) -> Rejection {
        match rejection.code.status() {
            http::StatusCode::UNAUTHORIZED if rejection.headers.is_empty() => {
                self.answer(rejection, r#"error="invalid_token""#.to_owned())
            }
            http::StatusCode::BAD_REQUEST if rejection.headers.is_empty() => {
                self.answer(rejection, r#"error="invalid_request""#.to_owned())
            }
            _ => rejection,
        }
    }

    fn with_scope(&self, rejection: Rejection, scope: &str) -> Rejection {
        let is_quotable = scope.bytes().all(|byte| (0x20..0x7f).contains(&byte) && byte != b'"' && byte != b'\\');
        let scope = if is_quotable { format!(r#", scope="{scope}""#) } else { String::new() };
        self.answer(rejection, format!(r#"error="insufficient_scope"{scope}"#))
    }

    fn answer(&self, rejection: Rejection, error: String) -> Rejection {
        let metadata = self.resource_metadata.as_ref().map(|url| format!(r#"resource_metadata="{url}""#));
        let parameters: Vec<String> = [error].into_iter().filter(|text| !text.is_empty()).chain(metadata).collect();
        let text =
            if parameters.is_empty() { "Bearer".to_owned() } else { format!("Bearer {}", parameters.join(", ")) };
        match HeaderValue::try_from(text) {
            Ok(value) => rejection.with(WWW_AUTHENTICATE, value),
            Err(_) => rejection.with(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
        }
    }
}
