//! The caller of a question: verified from a token, or assumed from a user's name.

use std::{sync::Arc, time::SystemTime};

use claims::{Json, Object, Placeholder, Principal};
use http::{HeaderValue, Request};

use super::{AskedCaller, ExplainError, ExplainedCaller, found::Found};
use crate::{
    access::{Access, Requirement, Scopes},
    authenticate::{Caller, Identity, Moment, Told},
    credential::{CredentialSource, Holds, Place},
    decide::Steps,
    issuer::Issuer,
    known_caller::KnownCaller,
    rejection::{Code, Rejection},
    request::{Connection, RequestHead},
    runtime::Runtime,
    time::seconds,
};

/// Seconds for which an assumed token is valid.
const ASSUMED_LIFE: u64 = 3600;

/// Who calls.
#[derive(Debug)]
pub(super) enum Asked {
    /// Nobody: credentials are ignored on an open operation.
    Nobody,
    /// The bearer of a token.
    Bearer(Arc<KnownCaller>, Option<Arc<Issuer>>),
    /// A user with the token that we assume.
    User(Box<Principal>, Arc<Issuer>, Object),
}

impl Asked {
    /// Finds out who calls; the outer error refuses the call, the inner one the question.
    pub(super) async fn resolve(
        found: &Found<'_>,
        caller: AskedCaller<'_>,
        moment: (&Arc<Runtime>, u64, SystemTime),
    ) -> Result<Result<Self, ExplainError>, Rejection> {
        let requirement = match &found.operation.access {
            Access::Open => return Ok(Ok(Self::Nobody)),
            Access::Optional(requirement) | Access::Secured(requirement) => requirement,
        };
        match caller {
            AskedCaller::User { user, issuer } => Ok(assume(requirement, user, issuer, seconds(moment.2))),
            AskedCaller::Token(token) => bearer(found, requirement, token, moment).await.map(Ok),
        }
    }

    /// Returns who it is, if anybody.
    pub(super) fn known(&self) -> Option<Identity<'_>> {
        match self {
            Self::Nobody => None,
            Self::Bearer(caller, issuer) => Some(caller.identity(issuer.as_deref())),
            Self::User(principal, issuer, claims) => {
                let claims = Told::Open(claims);
                Some(Identity { principal, issuer: Some(issuer), application: None, token: None, claims })
            }
        }
    }

    /// True when there is no token.
    pub(super) fn is_assumed(&self) -> bool {
        match self {
            Self::User(..) => true,
            Self::Nobody | Self::Bearer(..) => false,
        }
    }

    /// Returns the caller, as the explanation shows them.
    pub(super) fn explained(&self) -> Option<ExplainedCaller> {
        match self {
            Self::Nobody => None,
            Self::Bearer(caller, _) => Some(ExplainedCaller { principal: caller.principal.clone(), assumed: None }),
            Self::User(principal, _, claims) => {
                Some(ExplainedCaller { principal: (**principal).clone(), assumed: Some(claims.clone()) })
            }
        }
    }
}

/// Makes the principal of a token that the operation would accept, as far as its configuration says what that is.
fn assume(requirement: &Requirement, user: &str, issuer: Option<&str>, now: u64) -> Result<Asked, ExplainError> {
    let mut issuers = requirement.issuers.iter();
    let chosen = match issuer {
        None => requirement.issuers.first().ok_or(ExplainError::NoIssuer)?,
        Some(name) => issuers.find(|issuer| *issuer.name == *name).ok_or_else(|| ExplainError::UnknownIssuer {
            asked: name.into(),
            known: requirement.issuers.iter().map(|issuer| issuer.name.to_string()).collect(),
        })?,
    };
    let expires_at = now + ASSUMED_LIFE;
    let claims = assumed_claims(chosen, (user, expires_at), &requirement.scopes);
    let principal = chosen.principal(&claims, Some(expires_at));
    let principal =
        principal.map_err(|_| ExplainError::NoSuchUser { issuer: (*chosen.name).into(), user: user.into() })?;
    Ok(Asked::User(Box::new(principal), Arc::clone(chosen), claims))
}

/// Says of the user whatever the issuer's rules ask for: every claim that names them has their name.
fn assumed_claims(issuer: &Issuer, (user, expires_at): (&str, u64), scopes: &Scopes) -> Object {
    let mut claims = Object::default();
    claims.insert("iss", Json::string(&*issuer.rules.issuer));
    claims.insert("sub", Json::string(user));
    for placeholder in issuer.subject.placeholders() {
        match placeholder {
            Placeholder::Token(claim) => claims.insert(claim.clone(), Json::string(user)),
            Placeholder::User(_) | Placeholder::Application(_) | Placeholder::Api(_) | Placeholder::Operation(_) => {}
        }
    }
    claims.insert(issuer.lookup_claim.clone(), Json::string(user));
    claims.insert("exp", expires_at.into());
    claims.insert("iat", (expires_at - ASSUMED_LIFE).into());
    let scopes = match scopes {
        Scopes::AnyOf(scopes) => scopes.first().map(ToString::to_string).unwrap_or_default(),
        Scopes::AllOf(scopes) => scopes.join(" "),
    };
    if !scopes.is_empty() {
        let claim = issuer.scopes_claims.first().cloned().unwrap_or_else(|| "scope".into());
        claims.insert(claim, Json::string(scopes));
    }
    claims
}

/// Authenticates a token by the function that requests use, in the first place where the operation reads one.
async fn bearer(
    found: &Found<'_>,
    requirement: &Requirement,
    token: &str,
    (runtime, revision, now): (&Arc<Runtime>, u64, SystemTime),
) -> Result<Asked, Rejection> {
    let no_place = || Rejection::new(Code::Unauthorized, "this operation reads no access token");
    let reads_tokens = |source: &&CredentialSource| {
        matches!(source.holds, Holds::AccessToken { .. } | Holds::AccessTokenOrPassword { .. })
    };
    let source = requirement.sources.iter().find(reads_tokens).ok_or_else(no_place)?;
    let head = request(&source.place, token)?;
    match found
        .operation
        .access
        .authenticate(&head, Moment { runtime, revision, now: now.into(), trusted_proxies: &[] }, &mut Steps::default())
        .await?
    {
        Caller::Known(caller, issuer) => Ok(Asked::Bearer(caller, issuer)),
        Caller::Anonymous => Ok(Asked::Nobody),
    }
}

/// Makes the head of a request that carries the token.
fn request(place: &Place, token: &str) -> Result<RequestHead, Rejection> {
    let malformed = || Rejection::new(Code::Unauthorized, "the token is not a bearer token");
    let request = match place {
        Place::Header(name) => Request::get("/").header(name, format!("Bearer {token}")),
        Place::Query(name) => {
            let query = url::form_urlencoded::Serializer::new(String::new()).append_pair(name, token).finish();
            Request::get(format!("/?{query}"))
        }
    };
    Ok(RequestHead {
        parts: request.body(()).map_err(|_| malformed())?.into_parts().0,
        connection: Arc::new(Connection::new(([127, 0, 0, 1], 0).into(), false)),
        request_id: HeaderValue::from_static("explain"),
    })
}
