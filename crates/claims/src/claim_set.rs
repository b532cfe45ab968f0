//! The claim set: the payload of a Backend JWT, with where each claim came from and what is not in it.
//!
//! Made by `compose`, signed by `mint`, printed by `explain`. Values are in the payload only: everything else here may
//! be logged.

use std::{fmt, sync::Arc};

use crate::{
    dialect::Dialect,
    json::{Json, write_members},
    name::Name,
};

/// Where a claim came from, strongest first: a weaker origin never overrides a stronger one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `iss sub aud exp iat nbf jti`.
    Registered,
    /// A gateway claim of the dialect, or one of `attributes_as_of attributes_omitted claims_dropped`.
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
    pub name: Name,
    /// The value.
    pub value: Json,
    /// Where it came from.
    pub origin: Origin,
    /// The rule that put it there, for `explain`: `dialect wso2: email → emailaddress`.
    pub rule: Rule,
}

/// The rule that put a claim into the token; costs nothing until it is displayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A policy parameter, or a part of the contract, by its name.
    Named(&'static str),
    /// A dialect's mapping, by its position.
    Dialect(Arc<Dialect>, usize),
}

impl From<&'static str> for Rule {
    fn from(name: &'static str) -> Self {
        Self::Named(name)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name),
            Self::Dialect(dialect, position) => match dialect.mappings.get(*position) {
                Some(mapping) => write!(f, "dialect {}: {} → {}", dialect.name, mapping.attribute, mapping.claim),
                None => write!(f, "dialect {}", dialect.name),
            },
        }
    }
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

impl fmt::Display for OmissionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// What an omission's name is the name of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OmissionKind {
    /// An attribute of the user.
    Attribute,
    /// A claim of the inbound token, of the gateway or of the policy.
    Claim,
}

/// An attribute or a claim that is not in the token, with its one reason.
///
/// An attribute whose `keep` patterns matched no value is listed too: its claim, where it is multi-valued, is `[]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Omission {
    /// Attribute or claim.
    pub kind: OmissionKind,
    /// The attribute's or the claim's name.
    pub name: Box<str>,
    /// Why.
    pub reason: OmissionReason,
}

/// Whether what is left out is noted by name: an explanation needs that, a request does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OmissionNotes {
    /// Every omission is noted.
    #[default]
    Kept,
    /// Omissions are not noted; see [`ClaimSet::overridden`].
    Skipped,
}

/// What is wrong with one claim's values, for the log and a metric; the claim was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimIssue {
    /// The claim's full name.
    pub claim: Box<str>,
    /// What is wrong.
    pub problem: ClaimProblem,
}

/// Why an attribute's values do not make its claim. Names the attribute, never a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimProblem {
    /// The dialect says one value; never joined into a string, never the first.
    #[error("attribute `{attribute}` has {count} values, and the claim takes one: say `multi: true` in the dialect")]
    SeveralValues {
        /// The attribute.
        attribute: Box<str>,
        /// How many values it has.
        count: usize,
    },
}

/// The JWT's payload, in its fixed order, and what was left out of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClaimSet {
    /// The members, in the order in which they are written. Names are unique.
    pub claims: Vec<Claim>,
    /// What is not there; empty where notes are [skipped](OmissionNotes::Skipped).
    pub omissions: Vec<Omission>,
    /// How many omissions gave way to a stronger source.
    pub overridden: u64,
    /// What should have been there, and could not be.
    pub issues: Vec<ClaimIssue>,
    notes: OmissionNotes,
}

impl ClaimSet {
    /// Makes an empty set with room for so many claims.
    pub(crate) fn with_capacity(claims: usize, notes: OmissionNotes) -> Self {
        Self { claims: Vec::with_capacity(claims), notes, ..Self::default() }
    }

    /// True when omissions are noted.
    pub(crate) fn notes_omissions(&self) -> bool {
        self.notes == OmissionNotes::Kept
    }

    /// Returns the claim of that full name.
    pub fn get(&self, name: &str) -> Option<&Claim> {
        self.claims.iter().find(|claim| &*claim.name == name)
    }

    /// Appends the payload: a compact JSON object, members in order, UTF-8.
    pub fn write_payload(&self, out: &mut Vec<u8>) {
        write_members(self.claims.iter().map(|claim| (&claim.name, &claim.value)), Name::write_to, out);
    }

    /// Returns the payload.
    pub fn payload(&self) -> Vec<u8> {
        let mut payload = Vec::with_capacity(1024);
        self.write_payload(&mut payload);
        payload
    }

    /// Appends a claim. The caller vouches that its name is not there yet.
    pub(crate) fn push(&mut self, name: impl Into<Name>, value: Json, origin: Origin, rule: Rule) {
        self.claims.push(Claim { name: name.into(), value, origin, rule });
    }

    /// Notes that a claim is left out.
    pub(crate) fn omit_claim(&mut self, name: &str, reason: OmissionReason) {
        self.overridden += u64::from(reason == OmissionReason::Overridden);
        if self.notes_omissions() {
            self.omissions.push(Omission { kind: OmissionKind::Claim, name: name.into(), reason });
        }
    }

    /// Notes that an attribute is left out; the first reason stays.
    pub(crate) fn omit_attribute(&mut self, name: &str, reason: OmissionReason) {
        let kind = OmissionKind::Attribute;
        if !self.notes_omissions() {
            self.overridden += u64::from(reason == OmissionReason::Overridden);
        } else if !self.omissions.iter().any(|omission| omission.kind == kind && &*omission.name == name) {
            self.overridden += u64::from(reason == OmissionReason::Overridden);
            self.omissions.push(Omission { kind, name: name.into(), reason });
        }
    }
}
