//! `dialects`: vocabularies of claims, besides the built-in ones.

use crate::span::Spanned;

/// One vocabulary.
#[derive(Clone, Debug, PartialEq)]
pub struct Dialect {
    /// `name`
    pub name: Spanned<String>,
    /// `uri`
    pub uri: Spanned<String>,
    /// `prefix`; absent: the URI and a slash.
    pub prefix: Option<Spanned<String>>,
    /// `claims`
    pub claims: Vec<DialectClaim>,
}

/// One claim of a dialect.
#[derive(Clone, Debug, PartialEq)]
pub struct DialectClaim {
    /// `attribute`: the canonical name.
    pub attribute: Spanned<String>,
    /// `claim`: its name here, without the prefix.
    pub claim: Spanned<String>,
    /// `multi`: always an array.
    pub multi: Spanned<bool>,
    /// `type`
    pub value_type: Spanned<ClaimValueType>,
}

/// How values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClaimValueType {
    /// `any`: as the store gives them.
    Any,
    /// `string`: for readers that cannot take numbers.
    String,
}
