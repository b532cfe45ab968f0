//! From a token that only its issuer can read to its caller.
//!
//! Nobody's token is shown to somebody else's server, unless the operator says so of both.

use std::{sync::Arc, time::Duration};

use claims::{Confirmation, Json, Object, TokenError};

use super::{Moment, Refusal};
use crate::{
    access::Requirement,
    introspection::{ActiveToken, Asked, Introspection, Opinion, Verifier},
    issuer::{self, Issuer},
    known_caller::{CredentialKind, KnownCaller, Vouchers},
};

/// The longest opaque token that is asked about.
const LONGEST: usize = 4096;

impl Requirement {
    /// Returns the issuers that are asked about a token that nobody else can read: those whose tokens begin so, or else
    /// those whose tokens are told by nothing. There are several only where the operator lets each see the others'.
    pub(super) fn introspecting(&self, token: &str) -> Vec<&Arc<Issuer>> {
        let of = |prefix: fn(&str, &Introspection) -> bool| -> Vec<&Arc<Issuer>> {
            let is_asked = |issuer: &&Arc<Issuer>| issuer.introspection.as_ref().is_some_and(|it| prefix(token, it));
            self.issuers.iter().filter(is_asked).collect()
        };
        let own = of(|token, asked| asked.token_prefix.as_ref().is_some_and(|prefix| token.starts_with(&**prefix)));
        if own.is_empty() { of(|_, asked| asked.token_prefix.is_none()) } else { own }
    }

    /// Finds the caller of an opaque token in the cache, while its issuer's word is fresh.
    pub(super) fn known_opaque(&self, token: &[u8], moment: Moment<'_>) -> Option<(Arc<KnownCaller>, Arc<Issuer>)> {
        let mut asked = self.issuers.iter().filter(|issuer| issuer.introspection.is_some()).peekable();
        asked.peek()?;
        let caller = moment.runtime.callers.get(CredentialKind::Opaque, token)?;
        let issuer = asked.find(|issuer| issuer.fingerprint == caller.vouching.by)?;
        let ttl = issuer.introspection.as_ref()?.ttl.as_secs();
        caller.is_checked(moment.now.seconds, ttl).then(|| (caller, Arc::clone(issuer)))
    }
}

/// Asks issuers in turn; the first that knows the token vouches for it. One that cannot be asked is no refusal.
pub(super) async fn introspect_in_turn(
    issuers: &[&Arc<Issuer>],
    token: &str,
    moment: Moment<'_>,
) -> Result<(Arc<KnownCaller>, Arc<Issuer>), Refusal> {
    let mut last = Refusal::Token(TokenError::NotCompact);
    for issuer in issuers {
        match (introspect(issuer, token, moment).await, &last) {
            (Ok(caller), _) => return Ok((caller, Arc::clone(issuer))),
            (Err(_), Refusal::Silent { .. }) => {}
            (Err(refusal), _) => last = refusal,
        }
    }
    Err(last)
}

/// Asks the issuer, and makes or renews the caller. What the issuer refuses is remembered for a moment.
///
/// An answer that a session's end overtook is not relied on: the issuer is asked once more, and has the last word.
pub(super) async fn introspect(
    issuer: &Arc<Issuer>,
    token: &str,
    moment: Moment<'_>,
) -> Result<Arc<KnownCaller>, Refusal> {
    match introspect_once(issuer, token, moment).await? {
        Answered::Said(caller) => Ok(caller),
        Answered::Overtaken => match introspect_once(issuer, token, moment).await? {
            Answered::Said(caller) => Ok(caller),
            Answered::Overtaken => Err(Refusal::Told(TokenError::Inactive)),
        },
    }
}

/// What an issuer's word is worth.
enum Answered {
    /// It holds.
    Said(Arc<KnownCaller>),
    /// The user's session ended after the issuer was asked.
    Overtaken,
}

async fn introspect_once(issuer: &Arc<Issuer>, token: &str, moment: Moment<'_>) -> Result<Answered, Refusal> {
    let Some(introspection) = &issuer.introspection else { return Err(TokenError::NotCompact.into()) };
    if !is_token(token) {
        return Err(TokenError::NotCompact.into());
    }
    let callers = &moment.runtime.callers;
    // Another issuer may think otherwise.
    let asked = moment.revision ^ issuer.fingerprint.short();
    let refusal = || callers.refusal(CredentialKind::Opaque, token, asked, moment.now.seconds);
    if let Some(error) = refusal() {
        return Err(Refusal::Told(error));
    }
    moment.runtime.counters.verifications.add(1);
    let verifier = || Verifier {
        keys: issuer.keys.clone(),
        algorithms: issuer.algorithms.clone(),
        rules: issuer.rules.clone(),
        ends: moment.runtime.revocations.ends(),
    };
    let known = || {
        let caller = callers.get(CredentialKind::Opaque, token.as_bytes())?;
        let is_fresh = caller.is_checked(moment.now.seconds, introspection.ttl.as_secs());
        (is_fresh && caller.vouching.by == issuer.fingerprint).then_some(caller)
    };
    let asking = introspection.ask(
        token,
        (verifier, moment.runtime.revocations.ends(), || known().is_some() || refusal().is_some()),
        (&moment.runtime.background, moment.now),
    );
    let (opinion, _aboard) = match asking.await {
        Asked::Told(opinion, aboard) => (opinion, aboard),
        Asked::KnownMeanwhile => {
            let refused = || refusal().map_or(Refusal::Silent { retry_after: Duration::from_secs(1) }, Refusal::Told);
            return known().map(Answered::Said).ok_or_else(refused);
        }
    };
    match opinion {
        Opinion::Active(active) => {
            let check_at = moment.now.seconds + introspection.ttl.as_secs();
            let caller = caller(issuer, (token, &active), check_at, moment).map_err(Refusal::Told)?;
            // Asked after it is in the cache: an end takes it out of there, or is seen here.
            if moment.runtime.revocations.have_ended_since(&caller, active.ends) {
                callers.remove(CredentialKind::Opaque, token.as_bytes());
                return Ok(Answered::Overtaken);
            }
            Ok(Answered::Said(caller))
        }
        Opinion::Refused(error) => {
            callers.refuse(CredentialKind::Opaque, token, asked, (error, moment.now.seconds));
            Err(Refusal::Told(error))
        }
        Opinion::Unusable => Err(Refusal::Told(TokenError::UnusableAnswer)),
        Opinion::Unknown { retry_after } => Err(Refusal::Silent { retry_after }),
    }
}

/// Makes the caller; what is known of the same one stays, with its Backend JWTs.
fn caller(
    issuer: &Arc<Issuer>,
    (token, active): (&str, &ActiveToken),
    check_at: u64,
    moment: Moment<'_>,
) -> Result<Arc<KnownCaller>, TokenError> {
    let claims = with_subject(issuer, &active.claims);
    let principal = issuer.principal(&claims, active.expires_at)?;
    let known = moment.runtime.callers.get(CredentialKind::Opaque, token.as_bytes());
    let is_same = |known: &Arc<KnownCaller>| {
        known.vouching.by == issuer.fingerprint && known.principal == principal && known.has_claims(&claims)
    };
    if let Some(known) = known.filter(is_same) {
        known.check_again_at(check_at);
        return Ok(known);
    }
    let confirmation = Confirmation::of(&claims)?;
    let told_application = issuer.told_application(&claims);
    let vouchers = Vouchers::of(CredentialKind::Opaque, issuer.fingerprint);
    let mut vouchers = Vouchers { check_at, confirmation, told_application, ..vouchers };
    vouchers.vouching.audience = issuer::strings(claims.get("aud"));
    Ok(moment.runtime.remember(token.as_bytes(), (principal, &claims), vouchers))
}

/// Gives a token that a client got for itself the `sub` that RFC 9068 §2.2 gives it: servers leave `sub` and `username`
/// out where there is no user (RFC 7662 §2.2).
fn with_subject(issuer: &Issuer, claims: &Object) -> Object {
    let mut claims = claims.clone();
    let names_a_user = ["sub", "username", &issuer.lookup_claim].iter().any(|claim| claims.get(claim).is_some());
    if let (false, Some(Json::String(client))) = (names_a_user, claims.get("client_id").cloned()) {
        claims.insert("sub", Json::String(client));
    }
    claims
}

/// True for what RFC 6750 §2.1 calls a `b64token`: nothing else is shown to anybody.
fn is_token(token: &str) -> bool {
    let body = token.trim_end_matches('=');
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    !body.is_empty() && token.len() <= LONGEST && body.bytes().all(is_plain)
}
