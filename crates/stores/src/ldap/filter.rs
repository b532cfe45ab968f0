//! The operator's search filters (RFC 4515), read when the configuration is loaded, filled in for each user.
//!
//! A filter is taken apart so that a mistake has its place, so that `{user}` and `{dn}` stand where a value stands and
//! nowhere else, and so that it is known which attributes are compared with the user's name. Nothing is asked here.

mod parser;

use std::fmt;

use ldap3::ldap_escape;

use self::parser::Parser;
use crate::user_store::UserMatch;

/// What a placeholder stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Placeholder {
    /// `{user}`: the user's name.
    User,
    /// `{dn}`: the distinguished name of his entry, or of a group that he is in.
    Dn,
}

/// A part of a filter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Piece {
    Text(String),
    Placeholder(Placeholder),
}

/// An attribute that a filter compares with the user's name, and the text around the name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Compared {
    pub(super) attribute: Box<str>,
    before: Box<[u8]>,
    after: Box<[u8]>,
}

/// A filter with placeholders.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Template {
    pieces: Vec<Piece>,
    compared: Vec<Compared>,
    attributes: Vec<Box<str>>,
}

/// The filter that finds a user's entry, with `{user}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UserFilter {
    template: Template,
    user_match: UserMatch,
}

/// The filter that finds groups, with `{dn}` or `{user}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GroupFilter {
    template: Template,
}

/// Why a filter is not acceptable, and where: the operator must act.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("character {position}: {problem}")]
pub struct FilterError {
    /// The character at which it goes wrong, from 1.
    pub position: usize,
    /// What is wrong there.
    pub problem: FilterProblem,
}

/// What is wrong with a filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterProblem {
    /// Something else should stand here.
    #[error("{0} is expected here")]
    Expected(&'static str),
    /// Something follows the filter.
    #[error("the filter ends before this; several are joined by `(&…)` or `(|…)`")]
    Trailing,
    /// A backslash without two hexadecimal digits.
    #[error("a backslash needs two hexadecimal digits, such as `\\2a` for `*` (RFC 4515 section 3)")]
    Escape,
    /// A character that a value holds only escaped.
    #[error("`{0}` must be written as `\\{code:02x}`", code = u32::from(*.0))]
    Unescaped(char),
    /// A placeholder that the gateway does not know.
    #[error("`{{{0}}}` is no placeholder of this filter; a brace itself is written as `\\7b`")]
    UnknownPlaceholder(Box<str>),
    /// A placeholder next to other text, where it must stand alone.
    #[error("`{{{0}}}` must be the whole value here")]
    NotAlone(&'static str),
    /// A name would become a part of a distinguished name.
    #[error("a distinguished name is not put together of `{{user}}`; search for the entry and use `{{dn}}`")]
    WithinDistinguishedName,
    /// The filter would give everybody the same answer.
    #[error("the filter does not use {0}")]
    NoPlaceholder(&'static str),
    /// Nothing tells which attribute is the name.
    #[error("`userMatch: exact` needs `(attribute={{user}})` in the filter, not negated and without `*`")]
    NothingToCompare,
    /// A walk up the groups goes from name to distinguished name.
    #[error("`nested` needs `{{dn}}` in the filter and no `{{user}}`")]
    NotNestable,
    /// Too deep.
    #[error("more than {0} filters within one another")]
    TooDeep(usize),
    /// The library does not take it.
    #[error("no search filter (RFC 4515)")]
    Refused,
}

impl UserFilter {
    /// Reads the filter that finds a user's entry.
    ///
    /// # Errors
    ///
    /// [`FilterError`]: no filter of RFC 4515, no `{user}`, another placeholder, or, for [`UserMatch::Exact`], nothing
    /// that could be compared.
    pub fn parse(text: &str, user_match: UserMatch) -> Result<Self, FilterError> {
        let template = Template::parse(text, &[Placeholder::User])?;
        if !template.has(Placeholder::User) {
            return Err(FilterError::whole(FilterProblem::NoPlaceholder("`{user}`")));
        }
        if user_match == UserMatch::Exact && template.compared.is_empty() {
            return Err(FilterError::whole(FilterProblem::NothingToCompare));
        }
        Ok(Self { template, user_match })
    }

    /// Returns the filter for one user.
    pub(super) fn fill(&self, user: &str) -> String {
        self.template.fill(user, "")
    }

    /// Returns the attributes of which one must be the user's name; none when the server's word is enough.
    pub(super) fn compared(&self) -> &[Compared] {
        match self.user_match {
            UserMatch::Exact => &self.template.compared,
            UserMatch::Store => &[],
        }
    }

    /// Returns the attributes that the filter speaks of.
    pub(super) fn attributes(&self) -> impl Iterator<Item = &str> {
        self.template.attributes.iter().map(AsRef::as_ref)
    }
}

impl GroupFilter {
    /// Reads the filter that finds the groups of a user, and with `is_nested` those of a group.
    ///
    /// # Errors
    ///
    /// [`FilterError`]: no filter of RFC 4515, neither `{dn}` nor `{user}`, another placeholder, or one beside other text.
    pub fn parse(text: &str, is_nested: bool) -> Result<Self, FilterError> {
        let template = Template::parse(text, &[Placeholder::User, Placeholder::Dn])?;
        match (template.has(Placeholder::Dn), template.has(Placeholder::User)) {
            (false, false) => Err(FilterError::whole(FilterProblem::NoPlaceholder("`{dn}` or `{user}`"))),
            (_, true) if is_nested => Err(FilterError::whole(FilterProblem::NotNestable)),
            (_, true) | (true, false) => Ok(Self { template }),
        }
    }

    /// Returns the filter for one user, or for one group by its distinguished name.
    pub(super) fn fill(&self, user: &str, dn: &str) -> String {
        self.template.fill(user, dn)
    }

    /// Returns the attributes that the filter speaks of.
    pub(super) fn attributes(&self) -> impl Iterator<Item = &str> {
        self.template.attributes.iter().map(AsRef::as_ref)
    }
}

impl Compared {
    /// True when `value` is `user`'s name, byte for byte.
    pub(super) fn names(&self, value: &[u8], user: &str) -> bool {
        let inner = value.strip_prefix(&*self.before).and_then(|rest| rest.strip_suffix(&*self.after));
        inner == Some(user.as_bytes())
    }
}

impl Template {
    fn parse(text: &str, placeholders: &[Placeholder]) -> Result<Self, FilterError> {
        let template = Parser::new(text, placeholders).parse()?;
        // The library reads every filter that is sent; it has the last word on what is one.
        ldap3::parse_filter(template.fill("x", "cn=x")).map_err(|()| FilterError::whole(FilterProblem::Refused))?;
        Ok(template)
    }

    fn has(&self, placeholder: Placeholder) -> bool {
        self.pieces.contains(&Piece::Placeholder(placeholder))
    }

    /// Fills the placeholders in, escaped (RFC 4515 §3).
    fn fill(&self, user: &str, dn: &str) -> String {
        let mut filter = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => filter.push_str(text),
                Piece::Placeholder(Placeholder::User) => filter.push_str(&ldap_escape(user)),
                Piece::Placeholder(Placeholder::Dn) => filter.push_str(&ldap_escape(dn)),
            }
        }
        filter
    }
}

impl FilterError {
    fn at(position: usize, problem: FilterProblem) -> Self {
        Self { position, problem }
    }

    /// A mistake of the filter as a whole.
    fn whole(problem: FilterProblem) -> Self {
        Self::at(1, problem)
    }
}

impl Placeholder {
    const fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Dn => "dn",
        }
    }
}

impl fmt::Display for UserFilter {
    /// Shows the filter with its placeholders.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.template.pieces.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => f.write_str(text),
            Piece::Placeholder(placeholder) => write!(f, "{{{}}}", placeholder.word()),
        })
    }
}

#[cfg(test)]
mod tests;
