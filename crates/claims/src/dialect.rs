//! A dialect: a vocabulary of claims, and the map from attributes into it.
//!
//! Pure data. Multi-valued attributes and types follow the claim's rule ([`ClaimMapping`]), not the store's answer, so
//! that a backend sees one schema for all users. The built-in dialects are in `dialect/built_in.rs`.

mod built_in;

use crate::{name::Name, names};

/// The JSON type that a claim is written with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ClaimType {
    /// As the store gave it.
    #[default]
    AsIs,
    /// Always a string: for readers that cannot hold a large number.
    String,
}

/// One rule: an attribute becomes a claim.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClaimMapping {
    /// The canonical attribute name.
    pub attribute: Box<str>,
    /// The claim's full name, prefix included.
    pub claim: Name,
    /// True: always an array, also with one value or none.
    pub multi: bool,
    /// The JSON type to write.
    pub claim_type: ClaimType,
}

/// A named vocabulary of claims (a URI) with its map from attributes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Dialect {
    /// The short name in configuration: `wso2`, `oidc`, `scim`, or the operator's.
    pub name: Box<str>,
    /// The URI, such as `http://wso2.org/claims`; empty for `none`.
    pub uri: Box<str>,
    /// What stands before the gateway claims: by default the URI and a slash.
    pub prefix: Box<str>,
    /// The rules, in the order in which claims are written.
    pub mappings: Vec<ClaimMapping>,
    /// The full names of the gateway claims, in the order of [`names::GATEWAY`].
    gateway_claims: Box<[Name]>,
    /// The mark of each rule's attribute, beside one another.
    marks: Box<[u64]>,
}

/// Returns one bit of 64 for a name: where names are sought in a set, most are ruled out by the marks of the set.
pub(crate) fn mark(name: &str) -> u64 {
    let (first, last) = (name.bytes().next().unwrap_or_default(), name.bytes().next_back().unwrap_or_default());
    let place = name.len() + usize::from(first) * 5 + usize::from(last) * 3;
    1 << (place % 64)
}

impl Dialect {
    /// The short names of the built-in dialects.
    pub const BUILT_IN: [&'static str; 4] = ["wso2", "oidc", "scim", "none"];

    /// Makes a dialect: short name, URI, prefix of the gateway claims, and rules.
    pub fn new(name: &str, uri: &str, prefix: &str, mappings: Vec<ClaimMapping>) -> Self {
        let gateway_claims = names::GATEWAY.iter().map(|name| Name::new(&[prefix, name].concat())).collect();
        let marks = mappings.iter().map(|mapping| mark(&mapping.attribute)).collect();
        Self { name: name.into(), uri: uri.into(), prefix: prefix.into(), mappings, gateway_claims, marks }
    }

    /// Returns the built-in dialect of that short name or URI, the URI with or without its final separator.
    ///
    /// `wso2`, `oidc`, `scim`, and `none`, which maps nothing and has no prefix.
    ///
    /// # Examples
    ///
    /// ```
    /// use claims::Dialect;
    ///
    /// let dialect = Dialect::builtin("http://wso2.org/claims");
    /// assert_eq!(dialect.map(|dialect| dialect.prefix), Some("http://wso2.org/claims/".into()));
    /// ```
    pub fn builtin(name_or_uri: &str) -> Option<Self> {
        built_in::find(name_or_uri)
    }

    /// Returns the prefix of a dialect that says none: its URI and a slash, or nothing without a URI.
    pub fn default_prefix(uri: &str) -> String {
        if uri.is_empty() || uri.ends_with('/') { uri.to_owned() } else { format!("{uri}/") }
    }

    /// Returns every gateway claim: its name, and that name in full.
    pub(crate) fn gateway_claims(&self) -> impl Iterator<Item = (&'static str, &Name)> {
        names::GATEWAY.into_iter().zip(&self.gateway_claims)
    }

    /// Returns the rules whose attributes have one of these marks, each with its position.
    pub(crate) fn mappings_marked(&self, marks: u64) -> impl Iterator<Item = (usize, &ClaimMapping)> {
        let marked = self.marks.iter().zip(&self.mappings).enumerate();
        marked.filter(move |(_, (mark, _))| **mark & marks != 0).map(|(position, (_, mapping))| (position, mapping))
    }

    /// Returns the rule for an attribute: the first, where several claims name it.
    pub fn mapping_of(&self, attribute: &str) -> Option<&ClaimMapping> {
        self.mappings.iter().find(|mapping| &*mapping.attribute == attribute)
    }
}
