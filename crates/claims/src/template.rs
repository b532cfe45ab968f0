//! `${user.email}` and its like, compiled at load: what a custom claim or a subject may refer to.
//!
//! Only values that cannot vary within one (token, operation) pair can be named: no request header, path or query.

/// What one `${…}` names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Placeholder {
    /// `${user.<attribute>}`
    User(Box<str>),
    /// `${token.<claim>}`
    Token(Box<str>),
    /// `${application.<field>}`
    Application(Box<str>),
    /// `${api.<field>}`
    Api(Box<str>),
    /// `${operation.<field>}`
    Operation(Box<str>),
}

/// A compiled text with placeholders.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Part {
    Text(Box<str>),
    Placeholder(Placeholder),
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// `${` without `}`.
    #[error("`${{` is not closed")]
    Unclosed,
    /// A name outside `user token application api operation`.
    #[error("`${{{0}}}` names nothing that a claim may hold")]
    Unknown(String),
}
