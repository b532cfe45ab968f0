//! Which attribute becomes which claim under a policy: the dialect's rules with the policy's renames.

use super::{BackendJwtPolicy, ClaimSelection};
use crate::{
    claim_set::Rule,
    compose::{TENANT_ATTRIBUTE, TENANT_CLAIM},
    dialect::{ClaimType, mark},
    name::Name,
    pattern,
    template::Placeholder,
};

/// Attributes that are multi-valued where no dialect says so: `claimMappings` may name what the dialect does not map.
const MULTI_VALUED: [&str; 2] = ["groups", "roles"];

/// One attribute and its claim, under one policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttributeMapping<'a> {
    /// The canonical attribute name.
    pub attribute: &'a str,
    /// The claim's full name.
    pub claim: &'a Name,
    /// True: always an array.
    pub multi: bool,
    /// The JSON type to write.
    pub claim_type: ClaimType,
    /// Where the dialect says so; `None`: `claimMappings` does.
    position: Option<usize>,
}

/// What a policy's `claims` says of one attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection<'a> {
    /// Send it: only the values that match one of the patterns; all, where there is none.
    Send {
        /// The `keep` patterns.
        keep: &'a [Box<str>],
    },
    /// Leave it out.
    NotAllowed,
}

impl Selection<'_> {
    /// True when `keep` lets a value through.
    pub fn keeps(&self, value: &str) -> bool {
        match self {
            Self::Send { keep } => keep.is_empty() || keep.iter().any(|wanted| pattern::matches(wanted, value)),
            Self::NotAllowed => false,
        }
    }
}

impl BackendJwtPolicy {
    /// Returns all mappings, in the order in which claims are written: the dialect's, renamed in place by
    /// `claimMappings`, then the attributes that only `claimMappings` names.
    ///
    /// A renamed attribute has one claim, however many the dialect gives it. Allowed or not: see
    /// [`BackendJwtPolicy::selection`].
    pub fn mappings(&self) -> impl Iterator<Item = AttributeMapping<'_>> {
        self.mappings_marked(u64::MAX)
    }

    /// As [`BackendJwtPolicy::mappings`], of attributes with one of these [marks](mark) only: a dialect maps far more
    /// attributes than a user has.
    pub(crate) fn mappings_marked(&self, marks: u64) -> impl Iterator<Item = AttributeMapping<'_>> {
        self.dialect_mappings(marks).chain(self.own_mappings().filter(move |own| mark(own.attribute) & marks != 0))
    }

    fn dialect_mappings(&self, marks: u64) -> impl Iterator<Item = AttributeMapping<'_>> {
        let mappings = &self.dialect.mappings;
        self.dialect.mappings_marked(marks).filter_map(move |(position, mapping)| {
            let renamed = self.renamed(&mapping.attribute);
            let is_again = || mappings.iter().take(position).any(|earlier| earlier.attribute == mapping.attribute);
            if renamed.is_some() && is_again() {
                return None;
            }
            Some(AttributeMapping {
                attribute: &mapping.attribute,
                claim: renamed.unwrap_or(&mapping.claim),
                multi: mapping.multi,
                claim_type: mapping.claim_type,
                position: renamed.is_none().then_some(position),
            })
        })
    }

    fn own_mappings(&self) -> impl Iterator<Item = AttributeMapping<'_>> {
        self.claim_mappings.iter().enumerate().filter_map(|(position, (claim, attribute))| {
            let is_known = self.dialect.mappings.iter().any(|mapping| mapping.attribute == *attribute)
                || self.claim_mappings.iter().take(position).any(|(_, earlier)| earlier == attribute);
            (!is_known).then(|| AttributeMapping {
                attribute,
                claim,
                multi: MULTI_VALUED.contains(&&**attribute),
                claim_type: ClaimType::AsIs,
                position: None,
            })
        })
    }

    /// True for a claim that the dialect or `claimMappings` names; the dialect's may be renamed, and so not written.
    pub(crate) fn names_claim(&self, claim: &str) -> bool {
        let mut dialects = self.dialect.mappings.iter().map(|mapping| &mapping.claim);
        dialects.any(|name| **name == *claim) || self.claim_mappings.iter().any(|(name, _)| **name == *claim)
    }

    /// Returns the rule behind a mapping of this policy.
    pub(crate) fn rule(&self, mapping: &AttributeMapping<'_>) -> Rule {
        match mapping.position {
            Some(position) => Rule::Dialect(self.dialect.clone(), position),
            None => Rule::Named("claimMappings"),
        }
    }

    fn renamed(&self, attribute: &str) -> Option<&Name> {
        self.claim_mappings.iter().find(|(_, renamed)| &**renamed == attribute).map(|(claim, _)| claim)
    }

    /// Returns what `claims` and the sensitive list say of an attribute.
    pub fn selection(&self, attribute: &str) -> Selection<'_> {
        match self.listed(attribute) {
            Selection::Send { .. } if self.sensitive.forbids(attribute) => Selection::NotAllowed,
            selection @ (Selection::Send { .. } | Selection::NotAllowed) => selection,
        }
    }

    /// True when the attribute, or that a user lacks it, may show in a JWT of this policy.
    pub fn uses(&self, attribute: &str) -> bool {
        let is_mapped = || self.dialect.mappings.iter().any(|mapping| *mapping.attribute == *attribute);
        let is_named = attribute == TENANT_ATTRIBUTE || is_mapped() || self.renamed(attribute).is_some();
        let is_sent = is_named && self.selection(attribute) != Selection::NotAllowed;
        is_sent || (self.is_in_custom_claim(attribute) && !self.sensitive.forbids(attribute))
    }

    /// Returns the attribute with the tenant's id, and the gateway claim that it fills, if it may be sent.
    pub fn tenant(&self) -> Option<(&'static str, &str)> {
        let mut claims = self.dialect.gateway_claims();
        let (_, claim) = claims.find(|(name, _)| *name == TENANT_CLAIM)?;
        (self.selection(TENANT_ATTRIBUTE) != Selection::NotAllowed).then_some((TENANT_ATTRIBUTE, &**claim))
    }

    /// True when a custom claim is made of the attribute.
    pub(crate) fn is_in_custom_claim(&self, attribute: &str) -> bool {
        let mut placeholders = self.custom_claims.iter().flat_map(|custom| custom.value.placeholders());
        placeholders.any(|placeholder| matches!(placeholder, Placeholder::User(name) if &**name == attribute))
    }

    /// Returns what `claims` alone says.
    pub(crate) fn listed(&self, attribute: &str) -> Selection<'_> {
        let keep: &[Box<str>] = match &self.claims {
            ClaimSelection::All => &[],
            ClaimSelection::Only(rules) => match rules.iter().find(|rule| &*rule.attribute == attribute) {
                Some(rule) => &rule.keep,
                None => return Selection::NotAllowed,
            },
        };
        Selection::Send { keep }
    }
}
