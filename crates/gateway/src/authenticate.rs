//! From an unverified credential to a known caller (backend-jwt.md §0).
//!
//! The issuer is chosen by `iss` first, then only its keys by `kid` and algorithm. What depends on the operation
//! (scopes, audience, trusted issuers) and on the time is checked at every call, also for cached callers.

use std::sync::Arc;

use claims::{AccessToken, Json, Object, Principal, PrincipalKind, TokenError, UnverifiedToken};

use crate::{
    access::{Access, Requirement},
    callers::{CredentialKey, CredentialKind, KnownCaller, Vouchers},
    credential::{self, Credential},
    decide::{Steps, timed},
    issuer::Issuer,
    rejection::{Code, Rejection},
    request::RequestHead,
    runtime::Runtime,
    time::Now,
};

/// Who calls, as far as the operation wants to know.
#[derive(Debug)]
pub enum Caller {
    /// A verified principal, and the issuer that vouches for it.
    Known(Arc<KnownCaller>, Arc<Issuer>),
    /// Nobody, where that is allowed.
    Anonymous,
}

/// A verified principal, as the steps after authentication see it.
#[derive(Clone, Copy)]
pub(crate) struct Identity<'a> {
    /// Who it is.
    pub principal: &'a Principal,
    /// Who vouches for it.
    pub issuer: &'a Issuer,
    /// The access token that it came with; `None` for an assumed one.
    pub token: Option<&'a str>,
}

/// What authentication needs besides the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment<'a> {
    /// The process's state.
    pub runtime: &'a Runtime,
    /// The snapshot's revision: refusals are forgotten with it.
    pub revision: u64,
    /// Now.
    pub now: Now,
}

impl Access {
    /// Authenticates and authorises the request.
    ///
    /// # Errors
    ///
    /// 400 for two credentials, 401 without a valid one, 403 without a needed scope, 503 when an issuer's keys are
    /// not to be had.
    pub(crate) async fn authenticate(
        &self,
        head: &RequestHead,
        moment: Moment<'_>,
        steps: &mut Steps,
    ) -> Result<Caller, Rejection> {
        let requirement = match self {
            Self::Open => return Ok(Caller::Anonymous),
            Self::Optional(requirement) | Self::Secured(requirement) => requirement,
        };
        let found = credential::find(head, &requirement.sources);
        match found.map_err(|rejection| requirement.challenge.complete(rejection))? {
            Some(credential) => requirement.caller(&credential, moment, steps).await,
            None if matches!(self, Self::Optional(_)) => Ok(Caller::Anonymous),
            None => Err(requirement.challenge.missing()),
        }
    }
}

impl Requirement {
    async fn caller(
        &self,
        credential: &Credential<'_>,
        moment: Moment<'_>,
        steps: &mut Steps,
    ) -> Result<Caller, Rejection> {
        let (caller, issuer) = match self.known(credential, moment) {
            Some(known) => known,
            None => Box::pin(timed(&mut steps.authenticate, self.verify(credential, moment))).await?,
        };
        let is_expired = caller.principal.expires_at.is_some_and(|expiry| moment.now.seconds >= expiry);
        if is_expired {
            moment.runtime.callers.remove(CredentialKind::Jwt, &credential.token);
            return Err(self.challenge.invalid(TokenError::Expired));
        }
        let wanted = &credential.source.audience;
        if !wanted.is_empty() && !caller.audience.iter().any(|audience| wanted.contains(audience)) {
            return Err(self.challenge.invalid(TokenError::WrongAudience));
        }
        self.scopes.check(&caller.principal, &self.challenge)?;
        Ok(Caller::Known(caller, issuer))
    }

    /// Finds the caller in the cache, if this operation trusts its issuer and the issuer still its key.
    fn known(&self, credential: &Credential<'_>, moment: Moment<'_>) -> Option<(Arc<KnownCaller>, Arc<Issuer>)> {
        let caller = moment.runtime.callers.get(CredentialKind::Jwt, &credential.token)?;
        let issuer = self.issuers.iter().find(|issuer| issuer.fingerprint == caller.issuer)?;
        issuer.keys.still_vouch_for(&caller).then(|| (caller, Arc::clone(issuer)))
    }

    async fn verify(
        &self,
        credential: &Credential<'_>,
        moment: Moment<'_>,
    ) -> Result<(Arc<KnownCaller>, Arc<Issuer>), Rejection> {
        let Moment { runtime, revision, now } = moment;
        let text = std::str::from_utf8(&credential.token);
        let token = text.map_err(|_| self.challenge.invalid(TokenError::NotCompact))?;
        if let Some(error) = runtime.callers.refusal(CredentialKind::Jwt, token, revision, now.seconds) {
            return Err(self.challenge.invalid(error));
        }
        match self.verify_jwt(token, moment).await {
            Ok((caller, issuer)) => {
                let caller = Arc::new(caller);
                runtime.callers.insert(Arc::clone(&caller));
                Ok((caller, issuer))
            }
            Err(Refusal::Token(error)) => {
                if is_lasting(error) {
                    runtime.callers.refuse(CredentialKind::Jwt, token, revision, (error, now.seconds));
                }
                Err(self.challenge.invalid(error))
            }
            Err(Refusal::NoKeys) => Err(Rejection::new(Code::IssuerUnavailable, "the issuer's keys cannot be had")
                .with(http::header::RETRY_AFTER, http::HeaderValue::from_static("5"))),
        }
    }

    async fn verify_jwt(&self, text: &str, moment: Moment<'_>) -> Result<(KnownCaller, Arc<Issuer>), Refusal> {
        let token = UnverifiedToken::parse(text)?;
        let iss = token.claimed_issuer().ok_or(TokenError::UntrustedIssuer)?;
        let issuer = self.issuers.iter().find(|issuer| *issuer.rules.issuer == *iss);
        let issuer = issuer.ok_or(TokenError::UntrustedIssuer)?;
        moment.runtime.counters.verifications.add(1);
        let (verified, keys_generation) = verify_with_keys(token, issuer, moment).await?;
        let AccessToken { claims, expires_at, key } = verified;
        let audience = strings(claims.get("aud"));
        let principal = issuer.principal(claims, expires_at)?;
        let user_tag = moment.runtime.user_tag(&principal.issuer, &principal.subject);
        let vouchers = Vouchers { issuer: issuer.fingerprint, key, keys_generation, audience, user_tag };
        let credential = CredentialKey::new(CredentialKind::Jwt, text);
        Ok((KnownCaller::new(credential, principal, vouchers), Arc::clone(issuer)))
    }
}

/// Why a token does not make a caller.
#[derive(Debug)]
enum Refusal {
    /// The token is at fault.
    Token(TokenError),
    /// The issuer's keys are not to be had.
    NoKeys,
}

impl From<TokenError> for Refusal {
    fn from(error: TokenError) -> Self {
        Self::Token(error)
    }
}

/// True for what the token itself is at fault for, whatever operation it is sent to, also in a moment.
fn is_lasting(error: TokenError) -> bool {
    match error {
        TokenError::UnknownKid | TokenError::UntrustedIssuer | TokenError::NotYetValid | TokenError::IssuedInFuture => {
            false
        }
        TokenError::TooLong
        | TokenError::NotCompact
        | TokenError::Encrypted
        | TokenError::MalformedHeader
        | TokenError::UnsupportedHeader
        | TokenError::UnsupportedAlgorithm
        | TokenError::AlgorithmNotAllowed
        | TokenError::WrongKey
        | TokenError::AmbiguousKey
        | TokenError::BadSignature
        | TokenError::MalformedPayload
        | TokenError::WrongType
        | TokenError::IdToken
        | TokenError::BoundToKey
        | TokenError::WrongAudience
        | TokenError::MalformedSubject
        | TokenError::NoExpiry
        | TokenError::MalformedTime
        | TokenError::Expired => true,
    }
}

/// Verifies with the issuer's keys; an unknown `kid` may fetch them anew, once.
async fn verify_with_keys(
    token: UnverifiedToken<'_>,
    issuer: &Issuer,
    moment: Moment<'_>,
) -> Result<(AccessToken, u64), Refusal> {
    let now = moment.now.seconds;
    let attempt = |token: UnverifiedToken<'_>| {
        let current = issuer.keys.current();
        let keys = current.keys.as_ref().ok_or(Refusal::NoKeys)?;
        let verified = token.verify(keys, &issuer.algorithms, &issuer.rules, now)?;
        Ok((verified, current.generation))
    };
    match attempt(token.clone()) {
        Err(Refusal::NoKeys | Refusal::Token(TokenError::UnknownKid)) => {}
        outcome => return outcome,
    }
    let (keys, at) = (Arc::clone(&issuer.keys), moment.now.time);
    let refreshing = moment.runtime.background.spawn(async move { keys.refresh_for_unknown_kid(at).await });
    if refreshing.await.is_err() {
        return Err(Refusal::NoKeys);
    }
    attempt(token)
}

impl Issuer {
    /// Makes the principal of verified claims.
    pub(crate) fn principal(&self, claims: Object, expires_at: u64) -> Result<Principal, TokenError> {
        let token_claims = self.renamed(claims);
        let subject: Box<str> =
            self.subject.resolve_subject(&token_claims).map(Into::into).ok_or(TokenError::MalformedSubject)?;
        let client_id = self.consumer_key_claims.iter().find_map(|claim| text(token_claims.get(claim)));
        let is_application = is_client_credentials(&token_claims, client_id);
        let client_id: Option<Box<str>> = client_id.map(Box::from);
        let (kind, subject) = if is_application {
            let subject = client_id.clone().unwrap_or(subject);
            (PrincipalKind::Application, subject)
        } else {
            let lookup = text(token_claims.get(&self.lookup_claim)).ok_or(TokenError::MalformedSubject)?;
            (PrincipalKind::EndUser { lookup: lookup.into() }, subject)
        };
        Ok(Principal {
            issuer: Arc::clone(&self.name),
            iss: Arc::from(&*self.rules.issuer),
            subject,
            kind,
            client_id,
            scopes: scopes(token_claims.get(&self.scopes_claim)),
            organizations: strings(token_claims.get("organizations")),
            token_claims,
            expires_at: Some(expires_at),
        })
    }

    fn renamed(&self, mut claims: Object) -> Object {
        for (remote, local) in &self.claim_mappings {
            if let Some(value) = claims.get(remote).cloned() {
                claims.insert(local.clone(), value);
            }
        }
        claims
    }
}

/// True for a token that a client got for itself: RFC 9068 §2.2 (`sub` is the client id), or its issuer says so.
fn is_client_credentials(claims: &Object, client_id: Option<&str>) -> bool {
    let says = |claim: &str, value: &str| text(claims.get(claim)) == Some(value);
    let is_own_subject = client_id.is_some() && text(claims.get("sub")) == client_id;
    is_own_subject || says("aut", "APPLICATION") || says("gty", "client-credentials") || says("idtyp", "app")
}

fn text(value: Option<&Json>) -> Option<&str> {
    value.and_then(Json::as_str).filter(|text| !text.is_empty())
}

/// Reads scopes: a space-separated string (RFC 9068 §2.2.3) or an array.
fn scopes(value: Option<&Json>) -> Box<[Box<str>]> {
    match value {
        Some(Json::String(list)) => list.split(' ').filter(|scope| !scope.is_empty()).map(Box::from).collect(),
        Some(Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_)) | None => strings(value),
    }
}

/// Reads a string or an array of strings.
fn strings(value: Option<&Json>) -> Box<[Box<str>]> {
    match value {
        Some(Json::String(text)) => [text.clone()].into(),
        Some(Json::Array(values)) => values.iter().filter_map(Json::as_str).map(Box::from).collect(),
        Some(Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_)) | None => Box::default(),
    }
}
