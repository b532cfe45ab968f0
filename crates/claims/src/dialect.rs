//! A dialect: a vocabulary of claims, and the map from attributes into it.

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
    pub claim: Box<str>,
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
}

impl Dialect {
    /// Returns the full name of the gateway claim `name`.
    pub fn gateway_claim(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}
