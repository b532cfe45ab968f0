//! A Backend JWT that was made, and until when it may be served again (backend-jwt.md §6).

use std::{
    fmt::{self, Display, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use claims::{ClaimSet, KeyType, Origin, Source, allocated};
use http::HeaderValue;
use stores::Generation;
use uuid::{Uuid, fmt::Hyphenated};

use crate::{applications::CallingApplication, fingerprint::Fingerprint, known_caller::COUNTS};

/// Which JWT of a caller it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The policy, with everything that shapes its tokens.
    pub policy: Fingerprint,
    /// Production or sandbox.
    pub key_type: KeyType,
}

/// A Backend JWT, ready to be sent. There is one for each end user: what several have in common is in [`JwtOrigin`].
#[derive(Debug)]
pub struct IssuedJwt {
    /// What it was made from.
    pub origin: Arc<JwtOrigin>,
    /// The field's value: `[scheme ]jwt`.
    pub value: HeaderValue,
    /// When it may last be served, in seconds since the epoch.
    pub serve_until: u64,
    /// From when on a new one is made in the background.
    pub renew_at: u64,
    /// True while that goes on.
    pub is_renewing: AtomicBool,
    /// The counters of the attributes in it; dead when one moved.
    pub generations: Generations,
    /// The configuration of applications under which [`JwtOrigin::application`] was last found true of the caller.
    pub applications: AtomicU64,
    /// `jti`
    pub token_id: TokenId,
    /// The caller's JWTs by other policies.
    pub others: Option<Arc<IssuedJwt>>,
}

/// What JWTs of one policy and moment have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct JwtOrigin {
    /// Which of a caller's it is.
    pub slot: Slot,
    /// The key ring's epoch before it was signed.
    pub keys_epoch: u64,
    /// The application in it.
    pub application: CallingApplication,
    /// The beginning of its part of the audit record: JSON members without braces, up to the value of `jti`. Names, times
    /// and sizes; no value.
    pub record: Box<str>,
}

/// A `jti`: a random UUID (RFC 9562 §5.4).
#[derive(Clone, Copy)]
pub struct TokenId([u8; Hyphenated::LENGTH]);

/// The counters of the attributes in a JWT: mostly of one store.
#[derive(Clone, Debug)]
pub enum Generations {
    /// Of one store.
    One(Generation),
    /// Of none or several.
    Several(Box<[Generation]>),
}

impl TokenId {
    /// Makes a new one.
    pub(crate) fn random() -> Self {
        let mut text = [0; Hyphenated::LENGTH];
        Uuid::new_v4().hyphenated().encode_lower(&mut text);
        Self(text)
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        // Digits and hyphens are text.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<Vec<Generation>> for Generations {
    fn from(generations: Vec<Generation>) -> Self {
        match <[Generation; 1]>::try_from(generations) {
            Ok([one]) => Self::One(one),
            Err(several) => Self::Several(several.into()),
        }
    }
}

impl Generations {
    fn are_current(&self) -> bool {
        match self {
            Self::One(generation) => generation.is_current(),
            Self::Several(generations) => generations.iter().all(Generation::is_current),
        }
    }

    fn weight(&self) -> usize {
        match self {
            Self::One(_) => 0,
            Self::Several(generations) => allocated(size_of_val(&**generations)),
        }
    }
}

impl IssuedJwt {
    /// Returns the same one with these after it.
    pub(crate) fn before(&self, others: Option<Arc<Self>>) -> Self {
        Self {
            origin: Arc::clone(&self.origin),
            value: self.value.clone(),
            serve_until: self.serve_until,
            renew_at: self.renew_at,
            is_renewing: self.is_renewing.load(Ordering::Relaxed).into(),
            generations: self.generations.clone(),
            applications: self.applications.load(Ordering::Relaxed).into(),
            token_id: self.token_id,
            others,
        }
    }

    /// True while it may be served: in time, its key trusted and its attributes not invalidated.
    pub fn is_live(&self, keys_epoch: u64, now: u64) -> bool {
        now < self.serve_until && self.origin.keys_epoch == keys_epoch && self.generations.are_current()
    }

    /// True for the one request that should start making the next one.
    pub fn should_renew(&self, now: u64) -> bool {
        now >= self.renew_at && !self.is_renewing.swap(true, Ordering::Relaxed)
    }

    /// Appends its part of the audit record: JSON members without braces.
    pub fn write_record(&self, line: &mut Vec<u8>) {
        line.extend_from_slice(self.origin.record.as_bytes());
        line.extend_from_slice(&self.token_id.0);
        line.extend_from_slice(b"\",\"jwtBytes\":");
        line.extend_from_slice(itoa::Buffer::new().format(self.value.len()).as_bytes());
    }

    /// Estimates the bytes held, with its part of what is shared.
    pub fn weight(&self) -> usize {
        // The field's value counts its uses in a place of its own.
        let value = allocated(self.value.len()) + allocated(2 * COUNTS);
        let origin = allocated(COUNTS + size_of::<JwtOrigin>()) + allocated(self.origin.record.len());
        let origin = origin / Arc::strong_count(&self.origin);
        allocated(COUNTS + size_of::<Self>()) + value + self.generations.weight() + origin
    }
}

/// Seconds for which a JWT from stale or missing attributes is served.
pub(crate) const DEGRADED_LIFE: u64 = 5;

/// Until when a JWT may be served, and from when it is renewed: seconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    /// The end.
    pub serve_until: u64,
    /// The start of renewal.
    pub renew_at: u64,
}

/// What bounds a JWT's life.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LifeBounds {
    /// `iat`
    pub issued_at: u64,
    /// `exp`
    pub expires_at: u64,
    /// The inbound token's `exp`, if it bounds this one's.
    pub inbound_expires_at: Option<u64>,
    /// Until when those of its attributes are fresh that are not stale; `None`: it has none.
    pub fresh_until: Option<u64>,
    /// True for attributes that are stale or were left out.
    pub is_degraded: bool,
}

impl Life {
    /// Computes the life of a JWT that is made at `now`.
    pub(crate) fn new(bounds: LifeBounds, now: u64) -> Self {
        let LifeBounds { issued_at, expires_at, inbound_expires_at, fresh_until, is_degraded } = bounds;
        let is_capped = inbound_expires_at.is_some_and(|inbound| inbound <= expires_at);
        let reserve = if is_capped { 0 } else { expires_at.saturating_sub(issued_at).div_ceil(5) };
        let degraded_until = if is_degraded { now + DEGRADED_LIFE } else { u64::MAX };
        let serve_until = (expires_at - reserve).min(degraded_until).min(fresh_until.unwrap_or(u64::MAX));
        let life = serve_until.saturating_sub(now);
        let renew_at = if is_capped && serve_until == expires_at { u64::MAX } else { serve_until - (life / 5).min(30) };
        Self { serve_until, renew_at }
    }
}

/// Writes the beginning of a JWT's part of the audit record: policy, application, `kid`, and claim names with source and
/// time; no value.
pub(crate) fn record(policy: Fingerprint, application: Option<&str>, claims: &ClaimSet, kid: Option<&str>) -> String {
    let mut text = String::with_capacity(1024);
    let _ = write!(text, r#""policy":"{policy}""#);
    if let Some(application) = application {
        let _ = write!(text, r#","application":{}"#, quoted(application));
    }
    let kid = kid.unwrap_or("none");
    let _ = write!(text, r#","kid":{},"claims":{{"#, quoted(kid));
    for (index, claim) in claims.claims.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        let _ = match &claim.origin {
            Origin::Attribute { source: Source::Store(store), as_of, .. } => {
                write!(text, "{}:{{\"source\":{},\"asOf\":{as_of}}}", quoted(&claim.name), quoted(store))
            }
            Origin::Attribute { source: Source::UserInfo(issuer), as_of, .. } => {
                write!(text, "{}:{{\"source\":{},\"asOf\":{as_of}}}", quoted(&claim.name), quoted(issuer))
            }
            Origin::Attribute { source: Source::Token, .. } | Origin::Token => {
                write!(text, "{}:\"token\"", quoted(&claim.name))
            }
            Origin::Registered => write!(text, "{}:\"registered\"", quoted(&claim.name)),
            Origin::Gateway => write!(text, "{}:\"gateway\"", quoted(&claim.name)),
            Origin::Custom => write!(text, "{}:\"custom\"", quoted(&claim.name)),
        };
    }
    text.push_str(r#"},"jti":""#);
    text
}

/// Writes a text as a JSON string; most are plain. Control characters of both blocks are escaped: application and claim
/// names may be a token's, and must not move a terminal's cursor.
fn quoted(text: &str) -> Quoted<'_> {
    Quoted(text)
}

struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_plain = |byte| matches!(byte, b' ' | b'!' | b'#'..=b'[' | b']'..=b'~');
        if self.0.bytes().all(is_plain) {
            return write!(f, "\"{}\"", self.0);
        }
        f.write_char('"')?;
        for character in self.0.chars() {
            match character {
                '"' | '\\' => write!(f, "\\{character}")?,
                control if control.is_control() => write!(f, "\\u{:04x}", u32::from(control))?,
                other => f.write_char(other)?,
            }
        }
        f.write_char('"')
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(bounds: LifeBounds, expected: u64) {
        assert_eq!(Life::new(bounds, 1000).serve_until, expected, "{bounds:?}");
    }

    #[test]
    fn a_jwt_is_served_for_four_fifths_of_its_life() {
        let bounds = LifeBounds {
            issued_at: 1000,
            expires_at: 2000,
            inbound_expires_at: None,
            fresh_until: None,
            is_degraded: false,
        };
        check(bounds, 1800);
        check(LifeBounds { issued_at: 990, ..bounds }, 1798);
        check(LifeBounds { fresh_until: Some(1300), ..bounds }, 1300);
        check(LifeBounds { is_degraded: true, fresh_until: Some(1300), ..bounds }, 1005);
        check(LifeBounds { is_degraded: true, fresh_until: Some(1002), ..bounds }, 1002);
        check(LifeBounds { inbound_expires_at: Some(2000), ..bounds }, 2000);
        check(LifeBounds { inbound_expires_at: Some(5000), ..bounds }, 1800);
    }

    proptest! {
        #[test]
        fn a_quoted_text_is_itself_and_has_no_control_character(text in "[ -~\\u{0}-\\u{1f}\\u{7f}-\\u{9f}é漢]{0,24}") {
            let written = quoted(&text).to_string();
            prop_assert!(!written.chars().any(char::is_control));
            prop_assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
        }

        #[test]
        fn no_jwt_outlives_its_bounds(
            ttl in 1_u64..90_000,
            inbound in prop::option::of(1_u64..90_000),
            fresh in prop::option::of(0_u64..90_000),
            skew in 0_u64..60,
            is_degraded: bool,
        ) {
            let now = 1_000_000;
            let expires_at = now + inbound.map_or(ttl, |inbound| inbound.min(ttl));
            let inbound_expires_at = inbound.map(|inbound| now + inbound);
            let fresh_until = fresh.map(|fresh| now + fresh);
            let issued_at = now - skew;
            let bounds = LifeBounds { issued_at, expires_at, inbound_expires_at, fresh_until, is_degraded };
            let life = Life::new(bounds, now);
            prop_assert!(life.serve_until <= expires_at);
            prop_assert!(fresh_until.is_none_or(|fresh| life.serve_until <= fresh));
            prop_assert!(!is_degraded || life.serve_until <= now + DEGRADED_LIFE);
            let left = expires_at - life.serve_until.min(expires_at);
            prop_assert!(Some(expires_at) == inbound_expires_at || left * 5 >= expires_at - issued_at);
        }
    }
}
