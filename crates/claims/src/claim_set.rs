//! The claim set: the payload of a Backend JWT, with where each claim came from and what is not in it.

use crate::json::Json;

/// Where a claim came from, strongest first: a weaker origin never overrides a stronger one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `iss sub aud exp iat nbf jti`.
    Registered,
    /// A gateway claim of the dialect.
    Gateway,
    /// A `customClaims` entry.
    Custom,
    /// A user attribute, with its source and age.
    Attribute {
        /// The attribute.
        attribute: Box<str>,
        /// Which store.
        source: crate::attributes::Source,
        /// When it answered, in seconds since the epoch.
        as_of: u64,
    },
    /// A claim of the inbound token.
    Token,
}

/// One member of the payload.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// The full name.
    pub name: Box<str>,
    /// The value.
    pub value: Json,
    /// Where it came from.
    pub origin: Origin,
    /// The rule that put it there, for `explain`: `dialect wso2: email → emailaddress`.
    pub rule: Box<str>,
}

/// Why an attribute or a claim is not in the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OmissionReason {
    /// The store has no value.
    NotInStore,
    /// The store does not let the gateway read it.
    NotReadable,
    /// The dialect does not map it.
    NotMapped,
    /// The policy's `claims` or the operator's sensitive list leaves it out.
    NotAllowed,
    /// `keep` matched no value.
    Filtered,
    /// A stronger source has that claim.
    Overridden,
    /// `excludedClaims`, or a `tokenClaims` list without it.
    Excluded,
    /// `onOversize: drop`.
    DroppedForSize,
    /// The answer was older than `staleFor`.
    StaleRefused,
    /// The store has no such user.
    UserNotFound,
}

impl OmissionReason {
    /// Returns the stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotInStore => "not_in_store",
            Self::NotReadable => "not_readable",
            Self::NotMapped => "not_mapped",
            Self::NotAllowed => "not_allowed",
            Self::Filtered => "filtered",
            Self::Overridden => "overridden",
            Self::Excluded => "excluded",
            Self::DroppedForSize => "dropped_for_size",
            Self::StaleRefused => "stale_refused",
            Self::UserNotFound => "user_not_found",
        }
    }
}

/// An attribute or a claim that is not in the token, with its one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Omission {
    /// The attribute's or the claim's name.
    pub name: Box<str>,
    /// Why.
    pub reason: OmissionReason,
}

/// The JWT's payload, in its fixed order, and what was left out of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClaimSet {
    /// The members, in the order in which they are written.
    pub claims: Vec<Claim>,
    /// What is not there.
    pub omissions: Vec<Omission>,
}
