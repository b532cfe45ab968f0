//! Explains one caller's Backend JWTs for one operation: where each claim comes from, and why all else is not there.
//!
//! Makes them by the very functions that requests use ([`crate::IssuePolicy`]), with the state that it is given: a
//! command's own, or the running gateway's. Nothing is cached, and nothing is forwarded.

mod asked;
mod found;
mod json;
mod policies;
mod written;

use std::{sync::Arc, time::SystemTime};

use claims::{Anonymous, ClaimSet, Object, Omission, OmissionKind, OmissionNotes, OmissionReason, Principal};
use http::StatusCode;

pub use self::policies::ExplainedPolicy;
pub use self::written::{WrittenQuestion, WrittenQuestionError};
use self::{asked::Asked, found::Found};
use crate::{
    applications::CallingApplication,
    authenticate::Identity,
    compile::Compiled,
    issue::{Call, IssuePolicy, Made, application_of},
    rejection::{Code, Rejection},
    runtime::Runtime,
    time::seconds,
    user_lookup::STALE_REFUSED,
};

/// What is to be explained.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The API's name; `name:version` where there are several versions.
    pub api: &'a str,
    /// Verb and path: an operation's template, or a path that it matches, with or without the API's base.
    pub operation: &'a str,
    /// Who calls.
    pub caller: AskedCaller<'a>,
}

/// Who calls, in an explanation.
#[derive(Clone, Copy, Debug)]
pub enum AskedCaller<'a> {
    /// A user without a token: what a token would say is assumed.
    User {
        /// The value of the issuer's `lookup` claim.
        user: &'a str,
        /// The issuer's name; `None`: the first that the operation trusts.
        issuer: Option<&'a str>,
    },
    /// The bearer of an access token, which is verified.
    Token(&'a str),
}

/// Why a question has no answer: whoever asks must ask another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExplainError {
    /// No API of that name.
    #[error("there is no API `{asked}`; there are {}", known.join(", "))]
    UnknownApi {
        /// What was asked for.
        asked: Box<str>,
        /// `name:version` of all.
        known: Vec<String>,
    },
    /// Several versions.
    #[error("API `{asked}` has several versions; name one: {}", known.join(", "))]
    SeveralVersions {
        /// What was asked for.
        asked: Box<str>,
        /// `name:version` of those.
        known: Vec<String>,
    },
    /// The API's definition is broken.
    #[error("the definition of API `{0}` is broken: it answers 503 to every call")]
    BrokenApi(Box<str>),
    /// No operation of that verb and path.
    #[error("API `{api}` has no operation `{asked}`; it has {}", known.join(", "))]
    UnknownOperation {
        /// The API.
        api: Box<str>,
        /// What was asked for.
        asked: Box<str>,
        /// Verb and target of all.
        known: Vec<String>,
    },
    /// The named issuer is none that the operation trusts.
    #[error("the operation trusts no issuer `{asked}`; it trusts {}", known.join(", "))]
    UnknownIssuer {
        /// What was asked for.
        asked: Box<str>,
        /// The names of those.
        known: Vec<String>,
    },
    /// The operation trusts no issuer at all.
    #[error("the operation trusts no issuer, so nobody can call it")]
    NoIssuer,
    /// Nobody can be called that.
    #[error("no token of issuer `{issuer}` can name the user `{user}`")]
    NoSuchUser {
        /// The issuer's name.
        issuer: Box<str>,
        /// The user.
        user: Box<str>,
    },
}

/// What would reach the backend, and what would not.
#[derive(Debug)]
pub struct Explanation {
    /// The API's name.
    pub api: Box<str>,
    /// Its version.
    pub version: Box<str>,
    /// Verb and target.
    pub operation: Box<str>,
    /// When it was made, in seconds since the epoch.
    pub now: u64,
    /// Who calls; `None`: nobody, or the credential was refused.
    pub caller: Option<ExplainedCaller>,
    /// Why the call is refused before any JWT is made.
    pub refusal: Option<Refusal>,
    /// One for each Backend JWT policy of the operation.
    pub jwts: Vec<ExplainedJwt>,
    /// What the other policies of the operation do, in the order in which they act.
    pub policies: Vec<ExplainedPolicy>,
}

/// The principal of an explanation.
#[derive(Clone, Debug)]
pub struct ExplainedCaller {
    /// The principal.
    pub principal: Principal,
    /// The token claims that were assumed; `None`: there was a token.
    pub assumed: Option<Object>,
}

/// Why a call is not forwarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: StatusCode,
    /// The stable code.
    pub code: &'static str,
    /// What the client learns.
    pub detail: Box<str>,
}

/// One policy's JWT.
#[derive(Debug)]
pub struct ExplainedJwt {
    /// The policy.
    pub policy: Arc<IssuePolicy>,
    /// What becomes of it.
    pub outcome: JwtOutcome,
}

/// What becomes of a JWT.
#[derive(Debug)]
pub enum JwtOutcome {
    /// It is sent.
    Sent(Box<SentJwt>),
    /// Nothing is sent, as the policy says.
    NotSent(&'static str),
    /// The call is refused.
    Refused {
        /// Why.
        refusal: Refusal,
        /// What the refusal means for each attribute.
        omissions: Vec<Omission>,
    },
}

/// A JWT as it would be sent.
#[derive(Debug)]
pub struct SentJwt {
    /// The claims, with what was left out; each thing once.
    pub claims: ClaimSet,
    /// The field's value.
    pub value: Box<str>,
    /// The `kid` of the key that signed it; `None`: unsigned.
    pub kid: Option<Box<str>>,
    /// The bytes of the whole field line, as `maxHeaderBytes` counts them.
    pub header_bytes: usize,
    /// `exp`
    pub expires_at: u64,
}

/// Explains a caller's Backend JWTs for an operation.
///
/// # Errors
///
/// [`ExplainError`] when the question names what is not there. A call that is refused is an explanation, too.
pub async fn explain(
    compiled: &Compiled,
    runtime: &Arc<Runtime>,
    question: Question<'_>,
    now: SystemTime,
) -> Result<Explanation, ExplainError> {
    let snapshot = &compiled.snapshot;
    let found = Found::find(snapshot, &question)?;
    let mut explanation = Explanation {
        api: found.api.name.as_ref().into(),
        version: found.api.production.version.clone(),
        operation: format!("{} {}", found.operation.facts.verb, found.operation.facts.target).into(),
        now: seconds(now),
        caller: None,
        refusal: None,
        jwts: Vec::new(),
        policies: policies::of(found.operation.treatment.as_deref()),
    };
    let asked = match Asked::resolve(&found, question.caller, (runtime, snapshot.revision, now)).await {
        Ok(asked) => asked?,
        Err(rejection) => return Ok(explanation.refused(&rejection)),
    };
    explanation.caller = asked.explained();
    let application = match application(&found, &asked, compiled) {
        Ok(application) => application,
        Err(rejection) => return Ok(explanation.refused(&rejection)),
    };
    let call = Call {
        api: found.api,
        operation: found.number,
        applications: &snapshot.applications,
        runtime,
        now: now.into(),
        keys_epoch: runtime.keyring.epoch(),
    };
    for policy in &found.operation.backend_jwts.policies {
        let outcome = outcome(policy, asked.known(), &application, call).await;
        explanation.jwts.push(ExplainedJwt { policy: Arc::clone(policy), outcome });
    }
    Ok(explanation)
}

/// Finds the caller's application, as [`crate::Snapshot::decide`] does.
fn application(found: &Found<'_>, asked: &Asked, compiled: &Compiled) -> Result<CallingApplication, Rejection> {
    let application = match asked.known() {
        Some(known) => {
            let Identity { principal, issuer, application, .. } = known;
            let told = issuer.and_then(|issuer| issuer.told_application(&known.credential_claims()));
            let applications = &compiled.snapshot.applications;
            application_of((principal, application), told.as_ref(), found.api, applications)
        }
        None => CallingApplication::default(),
    };
    let key_type = found.operation.key_type(&application)?;
    let application = application.with_key_type(key_type);
    // Without a token there is no client either, so nothing can be said about its subscription.
    if !asked.is_assumed() {
        found.operation.access.require_subscription(&application)?;
    }
    Ok(application)
}

async fn outcome(
    policy: &IssuePolicy,
    caller: Option<Identity<'_>>,
    application: &CallingApplication,
    call: Call<'_>,
) -> JwtOutcome {
    if caller.is_none() && policy.policy.anonymous == Anonymous::Omit {
        return JwtOutcome::NotSent("nobody is known on this call, and the policy says `anonymous: omit`");
    }
    match policy.make(caller, (application, OmissionNotes::Kept), call).await {
        Ok(made) => JwtOutcome::Sent(Box::new(SentJwt::new(made, policy, call))),
        Err(rejection) => {
            let omissions = omissions(policy, &rejection);
            JwtOutcome::Refused { refusal: Refusal::of(&rejection), omissions }
        }
    }
}

impl SentJwt {
    fn new(made: Made, policy: &IssuePolicy, call: Call<'_>) -> Self {
        let Made { mut claims, expires_at, jwt } = made;
        let mut seen: Vec<(OmissionKind, Box<str>)> = Vec::new();
        claims.omissions.retain(|omission| {
            let key = (omission.kind, omission.name.clone());
            let is_new = !seen.contains(&key);
            seen.push(key);
            is_new
        });
        let value: Box<str> = String::from_utf8_lossy(jwt.value.as_bytes()).into();
        let key = call.runtime.keyring.signing_key(&policy.policy, call.now.seconds).ok().flatten();
        Self {
            header_bytes: policy.policy.header.len() + 2 + value.len(),
            claims,
            value,
            kid: key.map(|key| key.kid().into()),
            expires_at,
        }
    }
}

/// Says what a refusal means for the attributes that the policy would send.
fn omissions(policy: &IssuePolicy, rejection: &Rejection) -> Vec<Omission> {
    let reason = match rejection.code {
        Code::UnknownUser => OmissionReason::UserNotFound,
        Code::UserStoreUnavailable if rejection.detail == STALE_REFUSED => OmissionReason::StaleRefused,
        Code::UserStoreUnavailable | Code::AmbiguousUser => OmissionReason::NotReadable,
        _ => return Vec::new(),
    };
    let mut omissions: Vec<Omission> = Vec::new();
    for mapping in policy.policy.mappings() {
        if omissions.iter().all(|known| &*known.name != mapping.attribute) {
            omissions.push(Omission { kind: OmissionKind::Attribute, name: mapping.attribute.into(), reason });
        }
    }
    omissions
}

impl Explanation {
    fn refused(self, rejection: &Rejection) -> Self {
        Self { refusal: Some(Refusal::of(rejection)), ..self }
    }

    /// True when the call would not be forwarded.
    pub fn is_refused(&self) -> bool {
        let is_refused = |jwt: &ExplainedJwt| match jwt.outcome {
            JwtOutcome::Refused { .. } => true,
            JwtOutcome::Sent(_) | JwtOutcome::NotSent(_) => false,
        };
        self.refusal.is_some() || self.jwts.iter().any(is_refused)
    }
}

impl Refusal {
    fn of(rejection: &Rejection) -> Self {
        Self { status: rejection.code.status(), code: rejection.code.text(), detail: rejection.detail.as_ref().into() }
    }
}
