//! A dialect: a vocabulary of claims, and the map from attributes into it.
//!
//! Pure data. Multi-valued attributes and types follow the claim's rule ([`ClaimMapping`]), not the store's answer, so
//! that a backend sees one schema for all users. The built-in dialects are in `dialect/built_in.rs`.

mod built_in;

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
    /// The short names of the built-in dialects.
    pub const BUILT_IN: [&'static str; 4] = ["wso2", "oidc", "scim", "none"];

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
    /// assert_eq!(dialect.map(|dialect| dialect.gateway_claim("enduser")), Some("http://wso2.org/claims/enduser".into()));
    /// ```
    pub fn builtin(name_or_uri: &str) -> Option<Self> {
        built_in::find(name_or_uri)
    }

    /// Returns the prefix of a dialect that says none: its URI and a slash, or nothing without a URI.
    pub fn default_prefix(uri: &str) -> String {
        if uri.is_empty() || uri.ends_with('/') { uri.to_owned() } else { format!("{uri}/") }
    }

    /// Returns the full name of the gateway claim `name`.
    pub fn gateway_claim(&self, name: &str) -> String {
        [&self.prefix, name].concat()
    }

    /// Returns the rule for an attribute: the first, where several claims name it.
    pub fn mapping_of(&self, attribute: &str) -> Option<&ClaimMapping> {
        self.mappings.iter().find(|mapping| &*mapping.attribute == attribute)
    }
}
