//! Backend JWTs for a caller: cached, or look up → map → sign (backend-jwt.md §6).
//!
//! The hot path is [`Issuance::cached`]: no lock that others wait for, no parsing, no signature. Everything else happens
//! once for each caller and policy, and again ahead of expiry in the background.

use std::sync::{Arc, atomic::Ordering};

use arc_swap::ArcSwapOption;
use claims::{
    Anonymous, BackendJwt, BackendJwtPolicy, Caller as ClaimsCaller, ClaimSet, Common, ComposeError, Composition,
    KeyType, MintError, OmissionNotes, OperationFacts, Principal, TokenId as TokenIdRule,
};
use http::{HeaderName, HeaderValue};

use crate::{
    applications::{Applications, CallingApplication, ToldApplication},
    authenticate::{Caller, Identity},
    decide::{Jwts, Steps, timed},
    fingerprint::Fingerprint,
    issued::{self, IssuedJwt, JwtOrigin, Life, LifeBounds, Slot, TokenId},
    issuer::Issuer,
    keyring::is_slow,
    known_caller::{KnownCaller, OwnApplication, chain},
    rejection::{Code, Rejection},
    runtime::Runtime,
    snapshot::Api,
    time::Now,
    user_lookup::{LookedUp, StoreChoice, look_up},
};

/// The Backend JWT policies of one operation.
#[derive(Debug, Default)]
pub struct Issuance {
    /// One for each header, in the order in which they are set.
    pub policies: Box<[Arc<IssuePolicy>]>,
}

/// One policy, ready to issue.
#[derive(Debug)]
pub struct IssuePolicy {
    /// The resolved parameters.
    pub policy: BackendJwtPolicy,
    /// Of everything that shapes its tokens, except the caller.
    pub fingerprint: Fingerprint,
    /// The header that it sets.
    pub header: HeaderName,
    /// Where attributes come from.
    pub stores: StoreChoice,
    /// The JWTs of calls without a caller.
    pub(crate) anonymous: AnonymousJwts,
    /// What its JWTs have in common.
    pub origins: Common<JwtOrigin>,
    /// Where the policy was written, for `explain` and `disclosures`.
    pub origin: Box<str>,
}

/// The JWTs of calls without a caller: one for each kind of endpoint.
#[derive(Debug, Default)]
pub(crate) struct AnonymousJwts {
    production: ArcSwapOption<IssuedJwt>,
    sandbox: ArcSwapOption<IssuedJwt>,
}

impl AnonymousJwts {
    fn of(&self, key_type: KeyType) -> &ArcSwapOption<IssuedJwt> {
        match key_type {
            KeyType::Production => &self.production,
            KeyType::Sandbox => &self.sandbox,
        }
    }
}

/// What a JWT is issued for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    /// The API.
    pub api: &'a Arc<Api>,
    /// The operation's number.
    pub operation: usize,
    /// The applications of this snapshot.
    pub applications: &'a Arc<Applications>,
    /// The process's state.
    pub runtime: &'a Arc<Runtime>,
    /// Now.
    pub now: Now,
    /// The key ring's epoch, as it was when this call began: what is signed belongs to it, as its times do. What was signed
    /// before is compared with the epoch of the moment.
    pub keys_epoch: u64,
}

/// A composed and signed JWT, before it becomes a cache entry.
#[derive(Debug)]
pub(crate) struct Made {
    /// The claims, with what was left out.
    pub claims: ClaimSet,
    /// `exp`
    pub expires_at: u64,
    /// The cache entry.
    pub jwt: IssuedJwt,
}

impl Issuance {
    /// Returns all JWTs from the cache, if every one of them is there and live.
    pub(crate) fn cached(
        &self,
        caller: &KnownCaller,
        application: &CallingApplication,
        call: Call<'_>,
    ) -> Option<Jwts> {
        if self.policies.is_empty() {
            return Some(Jwts::new());
        }
        let jwts = caller.jwts.load();
        self.policies.iter().map(|policy| policy.cached(jwts.as_ref(), application, call)).collect()
    }

    /// Returns the JWTs of calls without a caller, if every one of them is there and live.
    fn cached_anonymous(&self, application: &CallingApplication, call: Call<'_>) -> Option<Jwts> {
        self.anonymous_policies().map(|policy| policy.cached_anonymous(application, call)).collect()
    }

    fn anonymous_policies(&self) -> impl Iterator<Item = &Arc<IssuePolicy>> {
        self.policies.iter().filter(|policy| match policy.policy.anonymous {
            Anonymous::Mint => true,
            Anonymous::Omit => false,
        })
    }

    /// Pairs each JWT with its policy's header.
    pub(crate) fn fields<'a>(
        &'a self,
        jwts: &'a [Arc<IssuedJwt>],
    ) -> impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)> {
        jwts.iter().filter_map(|jwt| {
            let policy = self.policies.iter().find(|policy| policy.fingerprint == jwt.origin.slot.policy)?;
            Some((&policy.header, &jwt.value))
        })
    }

    /// Issues the JWTs for a caller: from the cache, or new ones.
    ///
    /// # Errors
    ///
    /// As the policy says: 403 for unknown users, 500 and 503 when a JWT cannot be made. Never fewer JWTs than policies.
    pub(crate) async fn issue(
        &self,
        caller: &Caller,
        application: &CallingApplication,
        call: Call<'_>,
        steps: &mut Steps,
    ) -> Result<Jwts, Rejection> {
        match caller {
            Caller::Known(caller, issuer) => {
                if let Some(found) = self.cached(caller, application, call) {
                    self.renew_ahead(&found, (caller, issuer), application, call);
                    return Ok(found);
                }
                Box::pin(timed(&mut steps.issue, self.issue_all(caller, issuer.as_deref(), application, call))).await
            }
            Caller::Anonymous => match self.cached_anonymous(application, call) {
                Some(found) => Ok(found),
                None => Box::pin(timed(&mut steps.issue, self.issue_anonymous(application, call))).await,
            },
        }
    }

    /// Starts making the next JWT, off the request path, for each one whose time has come.
    fn renew_ahead(
        &self,
        found: &[Arc<IssuedJwt>],
        (caller, issuer): (&Arc<KnownCaller>, &Option<Arc<Issuer>>),
        application: &CallingApplication,
        call: Call<'_>,
    ) {
        let now = call.now.seconds;
        for (policy, _) in self.policies.iter().zip(found).filter(|(_, jwt)| jwt.should_renew(now)) {
            let (policy, caller, issuer) = (Arc::clone(policy), Arc::clone(caller), issuer.clone());
            let (api, applications, runtime) =
                (Arc::clone(call.api), Arc::clone(call.applications), Arc::clone(call.runtime));
            let (application, operation) = (application.clone(), call.operation);
            call.runtime.background.spawn(async move {
                // In this order: a clock that is put back between the two ends what is signed.
                let keys_epoch = runtime.keyring.epoch();
                let now = Now::from((runtime.clock)());
                let call =
                    Call { api: &api, operation, applications: &applications, runtime: &runtime, now, keys_epoch };
                policy.renew(&caller, issuer.as_deref(), &application, call).await;
            });
        }
    }

    async fn issue_all(
        &self,
        caller: &Arc<KnownCaller>,
        issuer: Option<&Issuer>,
        application: &CallingApplication,
        call: Call<'_>,
    ) -> Result<Jwts, Rejection> {
        let mut jwts = Jwts::new();
        for policy in &self.policies {
            jwts.push(policy.issue(caller, issuer, application, call).await?);
        }
        Ok(jwts)
    }

    async fn issue_anonymous(&self, application: &CallingApplication, call: Call<'_>) -> Result<Jwts, Rejection> {
        let mut jwts = Jwts::new();
        for policy in self.anonymous_policies() {
            jwts.push(policy.issue_anonymous(application, call).await?);
        }
        Ok(jwts)
    }
}

impl IssuePolicy {
    /// Returns the live JWT of this policy, and starts its renewal when it is time.
    fn cached(
        &self,
        first: Option<&Arc<IssuedJwt>>,
        application: &CallingApplication,
        call: Call<'_>,
    ) -> Option<Arc<IssuedJwt>> {
        let slot = self.slot(application);
        let now = call.now.seconds;
        let jwt = chain(first).find(|jwt| jwt.origin.slot == slot)?;
        if !jwt.is_live(call.runtime.keyring.epoch(), now) || self.policy.token_id == TokenIdRule::Unique {
            return None;
        }
        let applications = call.applications.fingerprint().short();
        if jwt.applications.load(Ordering::Relaxed) != applications {
            if jwt.origin.application != *application {
                return None;
            }
            jwt.applications.store(applications, Ordering::Relaxed);
        }
        Some(Arc::clone(jwt))
    }

    async fn issue(
        self: &Arc<Self>,
        caller: &Arc<KnownCaller>,
        issuer: Option<&Issuer>,
        application: &CallingApplication,
        call: Call<'_>,
    ) -> Result<Arc<IssuedJwt>, Rejection> {
        let is_cacheable = self.policy.token_id == TokenIdRule::Cached;
        let _minting = if is_cacheable { Some(caller.minting.take().await) } else { None };
        if let Some(jwt) = self.cached(caller.jwts.load().as_ref(), application, call) {
            return Ok(jwt);
        }
        let made = self.make(Some(caller.identity(issuer)), (application, OmissionNotes::Skipped), call).await?;
        if !is_cacheable {
            return Ok(Arc::new(made.jwt));
        }
        let jwt = caller.keep(&made.jwt, |other| other.is_live(call.runtime.keyring.epoch(), call.now.seconds));
        call.runtime.callers.reweigh(Arc::clone(caller));
        Ok(jwt)
    }

    /// Replaces a live JWT ahead of its end; when that fails, the old one is served to its end.
    async fn renew(
        &self,
        caller: &KnownCaller,
        issuer: Option<&Issuer>,
        application: &CallingApplication,
        call: Call<'_>,
    ) {
        match self.make(Some(caller.identity(issuer)), (application, OmissionNotes::Skipped), call).await {
            Ok(made) => {
                caller.keep(&made.jwt, |other| other.is_live(call.runtime.keyring.epoch(), call.now.seconds));
                call.runtime.counters.renewed.add(1);
            }
            Err(rejection) => tracing::warn!(code = rejection.code.text(), "a backend JWT was not renewed"),
        }
    }

    fn cached_anonymous(&self, application: &CallingApplication, call: Call<'_>) -> Option<Arc<IssuedJwt>> {
        let kept = self.anonymous.of(application.key_type).load();
        let jwt = kept.as_ref()?;
        let is_live = jwt.is_live(call.runtime.keyring.epoch(), call.now.seconds);
        (is_live && self.policy.token_id == TokenIdRule::Cached).then(|| Arc::clone(jwt))
    }

    async fn issue_anonymous(
        &self,
        application: &CallingApplication,
        call: Call<'_>,
    ) -> Result<Arc<IssuedJwt>, Rejection> {
        if let Some(jwt) = self.cached_anonymous(application, call) {
            return Ok(jwt);
        }
        let made = self.make(None, (application, OmissionNotes::Skipped), call).await?;
        let jwt = Arc::new(made.jwt);
        self.anonymous.of(application.key_type).store(Some(Arc::clone(&jwt)));
        Ok(jwt)
    }

    /// Makes a JWT: look up, map, sign. Nothing is cached here.
    ///
    /// # Errors
    ///
    /// As [`Issuance::issue`].
    pub(crate) async fn make(
        &self,
        caller: Option<Identity<'_>>,
        (application, notes): (&CallingApplication, OmissionNotes),
        call: Call<'_>,
    ) -> Result<Made, Rejection> {
        let looked_up = match caller {
            Some(caller) => look_up(&self.stores, &self.policy, caller, call.now.time).await?,
            None => LookedUp::nobody(),
        };
        let token_id = TokenId::random();
        let claims = self.compose(caller, (application, notes), &looked_up, (call, token_id.as_str()))?;
        self.count(&claims, call.runtime);
        let (claims, signed) = self.sign(claims, call).await?;
        let inbound = caller.and_then(|caller| caller.principal.expires_at);
        let bounds = LifeBounds {
            issued_at: signed.issued_at,
            expires_at: signed.expires_at,
            inbound_expires_at: inbound.filter(|_| self.policy.cap_to_inbound_token),
            fresh_until: looked_up.fresh_until,
            is_degraded: looked_up.is_degraded(),
        };
        let life = Life::new(bounds, call.now.seconds);
        let origin = JwtOrigin {
            slot: self.slot(application),
            keys_epoch: call.keys_epoch,
            application: application.clone(),
            record: issued::record(self.fingerprint, application.name(), &claims, signed.kid.as_deref()).into(),
        };
        let jwt = IssuedJwt {
            origin: self.origins.share(|known| *known == origin, || Arc::new(origin.clone())),
            value: header_value(&signed.value)?,
            serve_until: life.serve_until,
            renew_at: life.renew_at,
            is_renewing: false.into(),
            generations: looked_up.generations.into(),
            applications: call.applications.fingerprint().short().into(),
            token_id,
            others: None,
        };
        call.runtime.counters.minted.add(1);
        Ok(Made { claims, expires_at: signed.expires_at, jwt })
    }

    fn compose(
        &self,
        caller: Option<Identity<'_>>,
        (application, notes): (&CallingApplication, OmissionNotes),
        looked_up: &LookedUp,
        (call, jti): (Call<'_>, &str),
    ) -> Result<ClaimSet, Rejection> {
        let nowhere = OperationFacts { target: Box::default(), verb: Box::default() };
        let operation = call.api.operations.get(call.operation).map_or(&nowhere, |operation| &operation.facts);
        let described = application.described();
        let token = caller.map(|caller| (caller.principal, caller.claims()));
        let composition = Composition {
            policy: &self.policy,
            api: call.api.facts(application.key_type),
            operation,
            caller: token
                .as_ref()
                .map_or(ClaimsCaller::Anonymous, |(principal, claims)| ClaimsCaller::Known(principal, claims)),
            application: described.as_ref(),
            user: looked_up.user(),
            store_attributes: &looked_up.gives,
            notes,
        };
        claims::compose(&composition, call.now.seconds, jti).map_err(|error| refuse_composition(&error))
    }

    fn count(&self, claims: &ClaimSet, runtime: &Runtime) {
        runtime.counters.overridden_claims.add(claims.overridden);
        runtime.counters.unfit_claims.add(claims.issues.len() as u64);
        for issue in &claims.issues {
            tracing::warn!(policy = %self.fingerprint, claim = %issue.claim, "a claim was left out: {}", issue.problem);
        }
    }

    /// Fits the claims into the header's bound and signs them, slow signatures off the worker.
    async fn sign(&self, claims: ClaimSet, call: Call<'_>) -> Result<(ClaimSet, BackendJwt), Rejection> {
        let key = call.runtime.keyring.signing_key(&self.policy, call.now.seconds).map_err(|problem| {
            call.runtime.counters.signing_failures.add(1);
            tracing::error!(policy = %self.fingerprint, algorithm = %self.policy.algorithm, "{problem}");
            signing_failed()
        })?;
        let mut claims = claims;
        let signed = if is_slow(self.policy.algorithm) {
            let (policy, mut set) = (self.policy.clone(), claims);
            let signing = call.runtime.background.spawn_blocking(move || {
                let signed = claims::mint(&mut set, &policy, key.as_deref());
                (set, signed)
            });
            let (set, signed) = signing.await.map_err(|_| signing_failed())?;
            claims = set;
            signed
        } else {
            claims::mint(&mut claims, &self.policy, key.as_deref())
        };
        let signed = signed.map_err(|error| self.refuse_mint(&error, call))?;
        Ok((claims, signed))
    }

    fn refuse_mint(&self, error: &MintError, call: Call<'_>) -> Rejection {
        tracing::error!(api = %call.api.name, policy = %self.fingerprint, "{error}");
        match error {
            MintError::TooLarge { claims, .. } => {
                tracing::error!(?claims, "claims and how many values they have");
                call.runtime.counters.too_large.add(1);
                Rejection::new(Code::BackendJwtTooLarge, "the backend JWT exceeds the policy's `maxHeaderBytes`")
            }
            MintError::NoKey(_) | MintError::NoCertificate(_) | MintError::Claim(_) | MintError::Signing(_) => {
                call.runtime.counters.signing_failures.add(1);
                signing_failed()
            }
        }
    }

    fn slot(&self, application: &CallingApplication) -> Slot {
        Slot { policy: self.fingerprint, key_type: application.key_type }
    }
}

/// Finds the application behind a caller.
pub(crate) fn calling_application(caller: &Caller, api: &Api, applications: &Applications) -> CallingApplication {
    match caller {
        Caller::Known(caller, _) => {
            let own = caller.vouching.application.as_ref();
            application_of((&caller.principal, own), caller.told_application(), api, applications)
        }
        Caller::Anonymous => CallingApplication::default(),
    }
}

/// Finds the application that a credential belongs to, or else that of the principal's client, or that of which the token
/// tells.
pub(crate) fn application_of(
    (principal, own): (&Principal, Option<&OwnApplication>),
    told: Option<&ToldApplication>,
    api: &Api,
    applications: &Applications,
) -> CallingApplication {
    let facts = &api.production;
    if let Some(own) = own {
        return applications.named(own, &facts.name, &facts.version);
    }
    let configured = applications.of(principal, &facts.name, &facts.version);
    match told {
        Some(told) if !configured.is_known() => told.calling(&facts.name, &facts.version),
        Some(_) | None => configured,
    }
}

fn refuse_composition(error: &ComposeError) -> Rejection {
    tracing::warn!("no backend JWT: {error}");
    match error {
        ComposeError::MissingClaim { .. } => {
            Rejection::new(Code::MissingClaim, "a claim that this operation requires has no value")
        }
        ComposeError::Expired => Rejection::new(Code::Unauthorized, "the token has expired"),
        ComposeError::NoSubject | ComposeError::Conversion { .. } => {
            Rejection::new(Code::SigningFailed, "the backend JWT could not be built")
        }
    }
}

fn header_value(value: &str) -> Result<HeaderValue, Rejection> {
    HeaderValue::from_str(value)
        .map_err(|_| Rejection::new(Code::SigningFailed, "the backend JWT is not a header value"))
}

fn signing_failed() -> Rejection {
    Rejection::new(Code::SigningFailed, "the backend JWT could not be signed")
}
