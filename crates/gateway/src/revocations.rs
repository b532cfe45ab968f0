//! Whose say is over before their token is: told to the open streams at once.
//!
//! A stream lives longer than the request that opened it, so the decision about that request has to end with the caller's
//! session. Nothing is kept here: whoever enforces subscribes, ends the streams that match, and looks once more at those
//! that open meanwhile. New requests are not this module's: they are decided anew each time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use claims::{Json, PrincipalKind};
use tokio::sync::broadcast;

use crate::known_caller::KnownCaller;

/// Revocations that a subscriber may be late with. One that is later yet learns that it missed some.
const MOST_WAITING: usize = 4096;

/// How long streams live and how many there may be, as the operator says (`gateway.streams`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamLimits {
    /// Beyond the expiry of the caller's token.
    pub grace: Duration,
    /// Without anything passing.
    pub idle_timeout: Duration,
    /// How many of those that take a seat may be open at a time: each WebSocket, each event stream.
    pub most: u64,
}

/// How many ended sessions are remembered; the oldest go first.
const MOST_ENDED: usize = 100_000;

/// Seconds for which one is remembered: longer than an access token should live.
const REMEMBERED: u64 = 24 * 3600;

/// Tells subscribers whose streams end, and remembers whose tokens are good no longer.
#[derive(Debug)]
pub struct Revocations {
    sender: broadcast::Sender<Arc<Revoked>>,
    ended: Mutex<Ended>,
}

/// What has ended.
#[derive(Debug, Default)]
struct Ended {
    what: HashMap<Revoked, End>,
    /// How many did so far.
    count: u64,
}

/// An end.
#[derive(Clone, Copy, Debug, Default)]
struct End {
    /// Tokens that were issued until then are refused; in seconds since the epoch.
    at: u64,
    /// Its number.
    number: u64,
}

/// Whose streams end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Revoked {
    /// An end user by the name that user stores know, with or without a domain before it, in any case (ASCII).
    User {
        /// The name.
        user: Box<str>,
        /// Whose users, by the operator's names of the issuers; `None`: all of them.
        issuers: Option<Box<[Arc<str>]>>,
    },
    /// A subject of an issuer (RFC 9493 §3.2.3).
    Subject {
        /// `iss`
        iss: Box<str>,
        /// `sub`
        sub: Box<str>,
    },
    /// A session of an issuer: the claim `sid` (of `OpenID` Connect's logout).
    Session {
        /// `iss`
        iss: Box<str>,
        /// `sid`
        sid: Box<str>,
    },
    /// One access token.
    Token {
        /// `iss`
        iss: Box<str>,
        /// `jti`
        jti: Box<str>,
    },
}

impl Default for Revocations {
    fn default() -> Self {
        Self { sender: broadcast::Sender::new(MOST_WAITING), ended: Mutex::default() }
    }
}

impl Revocations {
    /// Ends the streams of whoever this is about, on all workers.
    pub fn revoke(&self, revoked: Revoked) {
        // Without a subscriber there is no stream.
        let _ = self.sender.send(Arc::new(revoked));
    }

    /// Refuses the tokens that were issued up to `at`, in seconds since the epoch, to a subject or for a session.
    pub(crate) fn end(&self, revoked: Revoked, at: u64) {
        let mut ended = self.ended();
        ended.count += 1;
        let number = ended.count;
        let what = &mut ended.what;
        if what.len() >= MOST_ENDED {
            what.retain(|_, end| end.at + REMEMBERED > at);
        }
        if what.len() >= MOST_ENDED
            && let Some(oldest) = what.iter().min_by_key(|(_, end)| end.at).map(|(oldest, _)| oldest.clone())
        {
            what.remove(&oldest);
        }
        let end = what.entry(revoked).or_default();
        *end = End { at: at.max(end.at), number };
    }

    /// Returns how many sessions have ended so far: to be asked before a question whose answer one may overtake.
    pub(crate) fn ends(&self) -> u64 {
        self.ended().count
    }

    /// True when the caller's token was issued before its subject or session ended. A token without `iat` was.
    pub(crate) fn have_ended(&self, caller: &KnownCaller) -> bool {
        self.is_ended(caller, |end, issued_at| issued_at <= end.at)
    }

    /// True when the caller's subject or session ended after [`Revocations::ends`] returned `ends`.
    pub(crate) fn have_ended_since(&self, caller: &KnownCaller, ends: u64) -> bool {
        self.is_ended(caller, |end, _| end.number > ends)
    }

    /// True when an end counts, of those that the caller's claims are about; it is shown with their `iat`.
    fn is_ended(&self, caller: &KnownCaller, counts: impl Fn(&End, u64) -> bool) -> bool {
        let ended = self.ended();
        if ended.what.is_empty() {
            return false;
        }
        let claims = caller.claims();
        let issued_at = claims.get("iat").and_then(Json::as_u64).unwrap_or(0);
        let text = |name: &str| claims.get(name).and_then(Json::as_str).map(Box::<str>::from);
        let iss = || Box::<str>::from(&*caller.principal.grant.iss);
        let candidates = [
            text("sub").map(|sub| Revoked::Subject { iss: iss(), sub }),
            text("sid").map(|sid| Revoked::Session { iss: iss(), sid }),
            text("jti").map(|jti| Revoked::Token { iss: iss(), jti }),
        ];
        candidates.iter().flatten().filter_map(|candidate| ended.what.get(candidate)).any(|end| counts(end, issued_at))
    }

    fn ended(&self) -> MutexGuard<'_, Ended> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a receiver of all revocations from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Revoked>> {
        self.sender.subscribe()
    }
}

impl Revoked {
    /// True when this is about the caller.
    pub fn matches(&self, caller: &KnownCaller) -> bool {
        let grant = &caller.principal.grant;
        match self {
            Self::User { user, issuers } => {
                issuers.as_ref().is_none_or(|issuers| issuers.contains(&grant.issuer))
                    && names_user(&caller.principal.kind, user)
            }
            Self::Subject { iss, sub } => **iss == *grant.iss && caller.says("sub", sub),
            Self::Session { iss, sid } => **iss == *grant.iss && caller.says("sid", sid),
            Self::Token { iss, jti } => **iss == *grant.iss && caller.says("jti", jti),
        }
    }
}

fn names_user(kind: &PrincipalKind, user: &str) -> bool {
    match kind {
        PrincipalKind::EndUser { lookup } => {
            let without_domain = lookup.rsplit_once('/').map_or(&**lookup, |(_, name)| name);
            lookup.eq_ignore_ascii_case(user) || without_domain.eq_ignore_ascii_case(user)
        }
        PrincipalKind::Application => false,
    }
}

#[cfg(test)]
mod tests {
    use claims::Object;

    use super::*;
    use crate::{
        callers::Callers,
        fingerprint::Fingerprint,
        known_caller::{CredentialKind, UserTag, Vouchers, tests::principal},
    };

    fn caller(kind: PrincipalKind) -> Arc<KnownCaller> {
        let mut claims = Object::default();
        for (claim, value) in [("sub", "s-1"), ("sid", "session-1"), ("jti", "token-1")] {
            claims.insert(claim, Json::String(value.into()));
        }
        let vouchers = Vouchers::of(CredentialKind::Opaque, Fingerprint::default());
        Callers::new(1 << 20).remember(b"token", (principal("corp/s-1", kind), &claims), vouchers, UserTag::new(b"tag"))
    }

    fn check(lookup: &str, revoked: &Revoked, expected: bool) {
        let kind = PrincipalKind::EndUser { lookup: lookup.into() };
        assert_eq!(revoked.matches(&caller(kind)), expected, "{lookup} {revoked:?}");
    }

    fn user(user: &str, issuers: Option<&[&str]>) -> Revoked {
        Revoked::User {
            user: user.into(),
            issuers: issuers.map(|names| names.iter().map(|name| (*name).into()).collect()),
        }
    }

    #[test]
    fn a_user_is_meant_by_name_at_the_issuers_that_know_it() {
        check("alice", &user("alice", None), true);
        check("Alice", &user("alice", Some(&["partner", "corp"])), true);
        check("CORP/alice", &user("alice", None), true);
        check("CORP/alice", &user("corp/Alice", None), true);
        check("alice", &user("alice", Some(&["partner"])), false);
        check("alice2", &user("alice", None), false);
        check("alice", &user("", None), false);
        assert!(!user("app", None).matches(&caller(PrincipalKind::Application)));
    }

    #[test]
    fn an_end_counts_for_what_was_asked_before_it() {
        let revocations = Revocations::default();
        let session = |iss: &str| Revoked::Session { iss: iss.into(), sid: "session-1".into() };
        let caller = caller(PrincipalKind::Application);
        revocations.end(session("https://other.example.com"), 100);
        let before = revocations.ends();
        assert!(!revocations.have_ended_since(&caller, 0));
        revocations.end(session("https://idp.example.com"), 100);
        assert!(revocations.have_ended_since(&caller, before));
        assert!(!revocations.have_ended_since(&caller, revocations.ends()));
    }

    #[test]
    fn sessions_subjects_and_tokens_belong_to_their_issuer() {
        for (iss, expected) in [("https://idp.example.com", true), ("https://other.example.com", false)] {
            let iss: Box<str> = iss.into();
            check("alice", &Revoked::Subject { iss: iss.clone(), sub: "s-1".into() }, expected);
            check("alice", &Revoked::Session { iss: iss.clone(), sid: "session-1".into() }, expected);
            check("alice", &Revoked::Token { iss, jti: "token-1".into() }, expected);
        }
        let iss: Box<str> = "https://idp.example.com".into();
        check("alice", &Revoked::Subject { iss: iss.clone(), sub: "s-2".into() }, false);
        check("alice", &Revoked::Session { iss: iss.clone(), sid: "s-1".into() }, false);
        check("alice", &Revoked::Token { iss, jti: "session-1".into() }, false);
    }
}
