//! From an unverified credential to a known caller (backend-jwt.md §0).
//!
//! The issuer is chosen by `iss` first, then only its keys by `kid` and algorithm. What depends on the operation
//! (scopes, audience, trusted issuers) and on the time is checked at every call, also for cached callers.

mod api_key;
mod certificate;
mod opaque;
mod password;
mod possession;

use std::{sync::Arc, time::Duration};

use claims::{AccessToken, Object, PackedObject, Principal, TokenError, UnverifiedToken};
use ipnet::IpNet;

use crate::{
    access::{Access, Requirement},
    credential::{self, Credential, Holds, Presented},
    decide::{Steps, timed},
    issuer::{self, Issuer},
    issuer_keys::IssuerKeys,
    known_caller::{CredentialKind, KnownCaller, OwnApplication, Vouchers, claims_in},
    rejection::{Code, Rejection},
    request::RequestHead,
    runtime::Runtime,
    time::Now,
};

/// Who calls, as far as the operation wants to know.
#[derive(Debug)]
pub enum Caller {
    /// A verified principal, and the issuer whose user or client it is; `None`: an application of the operator's file,
    /// by a credential from there.
    Known(Arc<KnownCaller>, Option<Arc<Issuer>>),
    /// Nobody, where that is allowed.
    Anonymous,
}

/// A verified principal, as the steps after authentication see it.
#[derive(Clone, Copy)]
pub(crate) struct Identity<'a> {
    /// Who it is.
    pub principal: &'a Principal,
    /// Whose user or client it is; `None`: nobody's but the operator's.
    pub issuer: Option<&'a Issuer>,
    /// The application that the credential itself belongs to.
    pub application: Option<&'a OwnApplication>,
    /// The access token that it came with; `None` for an assumed one.
    pub token: Option<&'a str>,
    /// What the credential says.
    pub claims: Told<'a>,
}

/// A credential's claims, as they are kept.
#[derive(Clone, Copy)]
pub(crate) enum Told<'a> {
    /// As they are.
    Open(&'a Object),
    /// Packed.
    Packed(&'a PackedObject),
    /// In the token, which was verified.
    InToken(Option<&'a str>),
}

impl Identity<'_> {
    /// Returns the credential's claims, before any renaming. Takes some microseconds.
    pub(crate) fn credential_claims(&self) -> Object {
        match self.claims {
            Told::Open(claims) => claims.clone(),
            Told::Packed(claims) => claims.open(),
            Told::InToken(token) => claims_in(token),
        }
    }

    /// Returns the credential's claims, after the issuer's `claimMappings`. Takes some microseconds.
    pub(crate) fn claims(&self) -> Object {
        let claims = self.credential_claims();
        self.issuer.map(|issuer| issuer.renamed(&claims).into_owned()).unwrap_or(claims)
    }
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
    /// Whose `X-Forwarded-*` is believed.
    pub trusted_proxies: &'a [IpNet],
}

impl Moment<'_> {
    /// True when the connection's other end is one of the trusted proxies.
    fn is_from_trusted_proxy(&self, head: &RequestHead) -> bool {
        let peer = head.connection.peer.ip().to_canonical();
        self.trusted_proxies.iter().any(|network| network.contains(&peer))
    }
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
        if let Some(certificates) = &requirement.certificates {
            let authenticating = self.authenticate_with_certificate((requirement, certificates), head, moment, steps);
            return Box::pin(authenticating).await;
        }
        let found = credential::find(head, &requirement.sources);
        match found.map_err(|rejection| requirement.challenge.complete(rejection))? {
            Some(credential) => match requirement.known_caller(&credential, head, moment) {
                Some(known) => known,
                None => requirement.caller(&credential, head, moment, steps).await,
            },
            None if matches!(self, Self::Optional(_)) => Ok(Caller::Anonymous),
            None => Err(requirement.challenge.missing()),
        }
    }
}

impl Requirement {
    /// Returns the holder of an access token that is known already, as most callers are: without waiting.
    fn known_caller(
        &self,
        credential: &Credential<'_>,
        head: &RequestHead,
        moment: Moment<'_>,
    ) -> Option<Result<Caller, Rejection>> {
        let (Holds::AccessToken { audience } | Holds::AccessTokenOrPassword { audience }) = &credential.source.holds
        else {
            return None;
        };
        if credential.presented == Presented::Basic {
            return None;
        }
        let known = self.known(&credential.bytes, moment)?;
        Some(self.admit_token(known, (credential, audience), head, moment))
    }

    /// Verifies a credential that is not known yet.
    async fn caller(
        &self,
        credential: &Credential<'_>,
        head: &RequestHead,
        moment: Moment<'_>,
        steps: &mut Steps,
    ) -> Result<Caller, Rejection> {
        match (&credential.source.holds, credential.presented) {
            (Holds::AccessTokenOrPassword { .. }, Presented::Basic) | (Holds::Password, _) => {
                Box::pin(self.password_holder(credential, head, moment, steps)).await
            }
            (Holds::AccessToken { audience } | Holds::AccessTokenOrPassword { audience }, _) => {
                let verifying = timed(&mut steps.authenticate, self.verify(&credential.bytes, moment));
                self.admit_token(Box::pin(verifying).await?, (credential, audience), head, moment)
            }
            (Holds::ApiKey, _) => self.key_holder(&credential.bytes, moment),
        }
    }

    /// Checks of a token's holder what depends on the operation, the time and the request.
    fn admit_token(
        &self,
        (caller, issuer): (Arc<KnownCaller>, Arc<Issuer>),
        (credential, wanted): (&Credential<'_>, &[Box<str>]),
        head: &RequestHead,
        moment: Moment<'_>,
    ) -> Result<Caller, Rejection> {
        let is_expired = caller.principal.expires_at.is_some_and(|expiry| moment.now.seconds >= expiry);
        if is_expired {
            moment.runtime.callers.remove(caller.vouching.kind, &credential.bytes);
            return Err(self.challenge.invalid(TokenError::Expired));
        }
        let confirmation = caller.confirmation();
        if confirmation.is_some() || credential.presented == Presented::Dpop {
            self.check_possession(confirmation, credential, head, moment)?;
        }
        if !wanted.is_empty() && !caller.vouching.audience.iter().any(|audience| wanted.contains(audience)) {
            return Err(self.challenge.invalid(TokenError::WrongAudience));
        }
        self.scopes.check(&caller.principal, &self.challenge)?;
        Ok(Caller::Known(caller, Some(issuer)))
    }

    /// Finds the caller in the cache, if this operation trusts its issuer and the issuer still its key.
    fn known(&self, token: &[u8], moment: Moment<'_>) -> Option<(Arc<KnownCaller>, Arc<Issuer>)> {
        let Some(caller) = moment.runtime.callers.get(CredentialKind::Jwt, token) else {
            return self.known_opaque(token, moment);
        };
        let issuer = self.issuers.iter().find(|issuer| issuer.fingerprint == caller.vouching.by)?;
        let keys = issuer.keys.as_ref()?;
        keys.still_vouch_for(&caller).then(|| (caller, Arc::clone(issuer)))
    }

    async fn verify(&self, token: &[u8], moment: Moment<'_>) -> Result<(Arc<KnownCaller>, Arc<Issuer>), Rejection> {
        let Moment { runtime, revision, now, .. } = moment;
        let text = std::str::from_utf8(token);
        let token = text.map_err(|_| self.challenge.invalid(TokenError::NotCompact))?;
        if let Some(error) = runtime.callers.refusal(CredentialKind::Jwt, token, revision, now.seconds) {
            return Err(self.challenge.invalid(error));
        }
        match self.verify_token(token, moment).await {
            // Asked after it is in the cache: a revocation takes it out of there, or is seen here. Of an opaque token its
            // issuer was asked just now, and it need not say when that was issued.
            Ok((caller, _))
                if caller.vouching.kind == CredentialKind::Jwt && runtime.revocations.have_ended(&caller) =>
            {
                runtime.callers.remove(CredentialKind::Jwt, token.as_bytes());
                Err(self.challenge.invalid(TokenError::Inactive))
            }
            Ok(verified) => Ok(verified),
            Err(Refusal::Token(error)) => {
                if is_lasting(error) {
                    runtime.callers.refuse(CredentialKind::Jwt, token, revision, (error, now.seconds));
                }
                Err(self.challenge.invalid(error))
            }
            Err(Refusal::Told(error)) => Err(self.challenge.invalid(error)),
            Err(Refusal::NoKeys) => Err(unavailable("the issuer's keys cannot be had", Duration::from_secs(5))),
            Err(Refusal::Silent { retry_after }) => Err(unavailable("the token's issuer cannot be asked", retry_after)),
        }
    }

    /// Verifies a token by its issuer's keys, or asks its issuer: which one, its form says.
    async fn verify_token(&self, text: &str, moment: Moment<'_>) -> Result<(Arc<KnownCaller>, Arc<Issuer>), Refusal> {
        let token = match UnverifiedToken::parse(text) {
            Ok(token) => token,
            // No JWT that anybody here could read.
            Err(error @ (TokenError::NotCompact | TokenError::Encrypted | TokenError::MalformedHeader)) => {
                let asked = self.introspecting(text);
                if asked.is_empty() {
                    return Err(error.into());
                }
                return opaque::introspect_in_turn(&asked, text, moment).await;
            }
            Err(error) => return Err(error.into()),
        };
        let iss = token.claimed_issuer().ok_or(TokenError::UntrustedIssuer)?;
        let issuer = self.issuers.iter().find(|issuer| *issuer.rules.issuer == *iss);
        let issuer = issuer.ok_or(TokenError::UntrustedIssuer)?;
        let Some(keys) = &issuer.keys else {
            return Ok((opaque::introspect(issuer, text, moment).await?, Arc::clone(issuer)));
        };
        moment.runtime.counters.verifications.add(1);
        let (verified, keys_generation) = verify_with_keys(token, (issuer, keys), moment).await?;
        let AccessToken { claims, expires_at, confirmation, key } = verified;
        let principal = issuer.principal(&claims, Some(expires_at))?;
        let told_application = issuer.told_application(&claims);
        let vouchers = Vouchers::of(CredentialKind::Jwt, issuer.fingerprint);
        let mut vouchers = Vouchers { confirmation, told_application, ..vouchers };
        vouchers.vouching.key = Some(key);
        vouchers.vouching.keys_generation = keys_generation.into();
        vouchers.vouching.audience = issuer::strings(claims.get("aud"));
        Ok((moment.runtime.remember(text.as_bytes(), (principal, &claims), vouchers), Arc::clone(issuer)))
    }
}

/// Why a token does not make a caller.
#[derive(Debug)]
enum Refusal {
    /// The token is at fault.
    Token(TokenError),
    /// Its issuer says so: one among several, perhaps.
    Told(TokenError),
    /// The issuer's keys are not to be had.
    NoKeys,
    /// The issuer cannot be asked.
    Silent {
        /// When to try again.
        retry_after: Duration,
    },
}

fn unavailable(detail: &'static str, retry_after: Duration) -> Rejection {
    // Rounded up: who comes earlier is refused again.
    let seconds = retry_after.as_millis().div_ceil(1000).clamp(1, 3600) as u64;
    Rejection::new(Code::IssuerUnavailable, detail).with(http::header::RETRY_AFTER, http::HeaderValue::from(seconds))
}

impl From<TokenError> for Refusal {
    fn from(error: TokenError) -> Self {
        Self::Token(error)
    }
}

/// True for what the token itself is at fault for, whatever operation it is sent to, also in a moment.
fn is_lasting(error: TokenError) -> bool {
    match error {
        TokenError::UnknownKid
        | TokenError::UntrustedIssuer
        | TokenError::NotYetValid
        | TokenError::IssuedInFuture
        | TokenError::Inactive
        | TokenError::UnusableAnswer => false,
        // Soon seen; and where an issuer is asked, the token may be good.
        TokenError::TooLong | TokenError::NotCompact | TokenError::Encrypted | TokenError::MalformedHeader => false,
        TokenError::UnsupportedHeader
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
    (issuer, issuer_keys): (&Issuer, &Arc<IssuerKeys>),
    moment: Moment<'_>,
) -> Result<(AccessToken, u64), Refusal> {
    let now = moment.now.seconds;
    let attempt = |token: UnverifiedToken<'_>| {
        let current = issuer_keys.current();
        let keys = current.keys.as_ref().ok_or(Refusal::NoKeys)?;
        let verified = token.verify(keys, &issuer.algorithms, &issuer.rules, now)?;
        Ok((verified, current.generation))
    };
    match attempt(token.clone()) {
        Err(Refusal::NoKeys | Refusal::Token(TokenError::UnknownKid)) => {}
        outcome => return outcome,
    }
    let (keys, at) = (Arc::clone(issuer_keys), moment.now.time);
    let refreshing = moment.runtime.background.spawn(async move { keys.refresh_for_unknown_kid(at).await });
    if refreshing.await.is_err() {
        return Err(Refusal::NoKeys);
    }
    attempt(token)
}
