//! Who may call an operation.

use std::sync::Arc;

use claims::{DpopProof, Principal, TokenError};
use http::{HeaderName, HeaderValue, header::WWW_AUTHENTICATE};

use crate::{
    api_keys::ApiKeys,
    certificate_authority::CertificateAuthority,
    credential::{CredentialSource, Place},
    issuer::Issuer,
    proof_nonces::ProofNonces,
    rejection::{Code, Rejection},
};

/// The field in which a client is given a nonce (RFC 9449 §8.1).
pub(crate) const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

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
    /// The keys that are known, where one may stand.
    pub api_keys: Arc<ApiKeys>,
    /// Which scopes it must have.
    pub scopes: Scopes,
    /// Whether there must be one, or a certificate alone will do.
    pub credential: CredentialDemand,
    /// Which client certificates count, if any.
    pub certificates: Option<CertificateRequirement>,
    /// Whether its application must have subscribed.
    pub subscription: Subscription,
    /// Whether DPoP proofs need a nonce.
    pub proof_nonces: Option<ProofNonces>,
    /// What `WWW-Authenticate` says besides an error.
    pub challenge: Challenge,
}

/// What a client certificate must be.
#[derive(Debug)]
pub struct CertificateRequirement {
    /// Whether there must be one.
    pub demand: Demand,
    /// Who may vouch for it, in order.
    pub authorities: Box<[Arc<CertificateAuthority>]>,
}

/// Whether something must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// It may be there.
    Optional,
    /// It must.
    Mandatory,
}

/// Whether a credential of the request must be there, where a client certificate counts too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialDemand {
    /// It may be there; without it and without a certificate the caller is anonymous.
    Optional,
    /// It, or a certificate.
    UnlessCertificate,
    /// It must.
    Mandatory,
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

/// What `WWW-Authenticate` offers: a field for each scheme (RFC 6750 §3, RFC 9728 §5.1).
#[derive(Clone, Debug, Default)]
pub struct Challenge {
    /// `resource_metadata`
    pub resource_metadata: Option<Box<str>>,
    /// The schemes, the preferred one first.
    pub schemes: Box<[Scheme]>,
}

/// One way to authenticate, as `WWW-Authenticate` names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `Bearer`: an access token.
    Bearer,
    /// `DPoP`: one that is bound to a key (RFC 9449 §7.1).
    Dpop,
    /// `Basic`: a user's name and password (RFC 7617 §2), and the realm.
    Basic(Box<str>),
    /// `ApiKey`, which no standard names: a key, and where it goes.
    ApiKey(Place),
    /// `ClientCertificate`, which no standard names: what is offered where nothing else is.
    ClientCertificate,
}

impl Scopes {
    /// Refuses a principal without the needed scopes.
    ///
    /// # Errors
    ///
    /// [`Code::InsufficientScope`] (403) with the scopes that would do.
    pub fn check(&self, principal: &Principal, challenge: &Challenge) -> Result<(), Rejection> {
        let has = |scope: &str| principal.grant.scopes.iter().any(|held| **held == *scope);
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

impl Scheme {
    /// Returns what it asks for.
    const fn credential(&self) -> &'static str {
        match self {
            Self::Bearer | Self::Dpop => "an access token",
            Self::Basic(_) => "a user name with a password",
            Self::ApiKey(_) => "an API key",
            Self::ClientCertificate => "a client certificate",
        }
    }
}

impl Challenge {
    /// Refuses a request without a credential: no error code, as RFC 6750 §3.1 says.
    pub fn missing(&self) -> Rejection {
        let mut wanted: Vec<&str> = self.schemes.iter().map(Scheme::credential).collect();
        wanted.dedup();
        let wanted = format!("this operation needs {}", wanted.join(" or "));
        self.answer(Rejection::new(Code::Unauthorized, wanted), "")
    }

    /// Refuses an access token that is not valid.
    pub fn invalid(&self, error: TokenError) -> Rejection {
        let rejection = Rejection::new(Code::Unauthorized, error.to_string());
        self.answer(rejection, &format!(r#"error="invalid_token", error_description="{error}""#))
    }

    /// Refuses a token whose sender has not proved to hold its key.
    pub fn not_possessed(&self, reason: &str) -> Rejection {
        let rejection = Rejection::new(Code::Unauthorized, reason.to_owned());
        self.answer_dpop(rejection, &format!(r#"error="invalid_token", error_description="{reason}""#))
    }

    /// Refuses a DPoP proof (RFC 9449 §7.1).
    pub fn invalid_proof(&self, reason: &str) -> Rejection {
        let rejection = Rejection::new(Code::Unauthorized, reason.to_owned());
        self.answer_dpop(rejection, &format!(r#"error="invalid_dpop_proof", error_description="{reason}""#))
    }

    /// Asks for a DPoP proof with this nonce (RFC 9449 §9).
    pub fn use_nonce(&self, nonce: HeaderValue) -> Rejection {
        const REASON: &str = "the DPoP proof needs the nonce that the gateway gives";
        let rejection = Rejection::new(Code::Unauthorized, REASON);
        let error = format!(r#"error="use_dpop_nonce", error_description="{REASON}""#);
        self.answer_dpop(rejection, &error).with(DPOP_NONCE, nonce)
    }

    /// Refuses an API key that is not valid, without saying why: the operator knows.
    pub fn invalid_key(&self) -> Rejection {
        self.answer(Rejection::new(Code::Unauthorized, "the API key is not valid"), "")
    }

    /// Refuses a name and a password, without saying which of them is wrong.
    pub fn invalid_password(&self) -> Rejection {
        self.answer(Rejection::new(Code::Unauthorized, "the user name or the password is not valid"), "")
    }

    /// Refuses a connection without a client certificate.
    pub fn no_certificate(&self) -> Rejection {
        self.answer(Rejection::new(Code::Unauthorized, "this operation needs a client certificate"), "")
    }

    /// Refuses a client certificate that is not trusted here, without saying why: the operator knows.
    pub fn invalid_certificate(&self) -> Rejection {
        self.answer(Rejection::new(Code::Unauthorized, "the client certificate is not trusted here"), "")
    }

    /// Adds the challenge to a refusal that has none.
    pub fn complete(&self, rejection: Rejection) -> Rejection {
        match rejection.code.status() {
            http::StatusCode::UNAUTHORIZED if rejection.headers.is_empty() => {
                self.answer(rejection, r#"error="invalid_token""#)
            }
            http::StatusCode::BAD_REQUEST if rejection.headers.is_empty() => {
                self.answer(rejection, r#"error="invalid_request""#)
            }
            _ => rejection,
        }
    }

    fn with_scope(&self, rejection: Rejection, scope: &str) -> Rejection {
        let is_quotable = scope.bytes().all(|byte| (0x20..0x7f).contains(&byte) && byte != b'"' && byte != b'\\');
        let scope = if is_quotable { format!(r#", scope="{scope}""#) } else { String::new() };
        self.answer(rejection, &format!(r#"error="insufficient_scope"{scope}"#))
    }

    /// Adds a field for each scheme; `error` is about the bearer token.
    fn answer(&self, rejection: Rejection, error: &str) -> Rejection {
        self.answer_each(rejection, error, "")
    }

    /// Adds a field for each scheme; `error` is about the DPoP token.
    fn answer_dpop(&self, rejection: Rejection, error: &str) -> Rejection {
        self.answer_each(rejection, "", error)
    }

    fn answer_each(&self, rejection: Rejection, bearer_error: &str, dpop_error: &str) -> Rejection {
        self.schemes.iter().fold(rejection, |rejection, scheme| {
            let text = match scheme {
                Scheme::Bearer => self.parameters("Bearer", bearer_error, None),
                Scheme::Dpop => self.parameters("DPoP", dpop_error, Some(dpop_algorithms())),
                Scheme::Basic(realm) => format!(r#"Basic realm="{realm}", charset="UTF-8""#),
                Scheme::ApiKey(Place::Header(name)) => format!(r#"ApiKey in="header", name="{name}""#),
                Scheme::ClientCertificate => "ClientCertificate".to_owned(),
                Scheme::ApiKey(Place::Query(name)) => format!(r#"ApiKey in="query", name="{name}""#),
            };
            match HeaderValue::try_from(text) {
                Ok(value) => rejection.with(WWW_AUTHENTICATE, value),
                Err(_) => rejection.with(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
            }
        })
    }

    fn parameters(&self, scheme: &str, error: &str, further: Option<String>) -> String {
        let metadata = self.resource_metadata.as_ref().map(|url| format!(r#"resource_metadata="{url}""#));
        let error = Some(error.to_owned()).filter(|error| !error.is_empty());
        let parameters: Vec<String> = error.into_iter().chain(further).chain(metadata).collect();
        if parameters.is_empty() { scheme.to_owned() } else { format!("{scheme} {}", parameters.join(", ")) }
    }
}

/// `algs`: what a proof may be signed with.
fn dpop_algorithms() -> String {
    let names: Vec<&str> = DpopProof::ALGORITHMS.into_iter().map(claims::Algorithm::name).collect();
    format!(r#"algs="{}""#, names.join(" "))
}
