//! `${user.email}` and its like, compiled at load: what a custom claim or a subject may refer to.
//!
//! Only values that cannot vary within one (token, operation) pair can be named: no request header, path or query.
//! `${` always begins a placeholder; `$${` is a literal `${`; any other `$` is itself.

mod resolve;

use std::{borrow::Cow, fmt};

use crate::{
    facts::{ApiFacts, Application, OperationFacts},
    json::Json,
};

/// What one `${…}` names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Placeholder {
    /// `${user.<attribute>}`
    User(Box<str>),
    /// `${token.<claim>}`: a claim of the inbound token by its whole name, dots included.
    Token(Box<str>),
    /// `${application.<field>}`, a field of [`Application::FIELDS`] or `attributes.<name>`.
    Application(Box<str>),
    /// `${api.<field>}`, a field of [`ApiFacts::FIELDS`].
    Api(Box<str>),
    /// `${operation.<field>}`, a field of [`OperationFacts::FIELDS`].
    Operation(Box<str>),
}

/// A compiled text with placeholders.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Template {
    // INVARIANT: no text part is empty, and no two text parts are neighbours.
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
    #[error(
        "`${{{0}}}` names nothing that a claim may hold: user, token, application, api or operation, then a dot and a name"
    )]
    Unknown(String),
    /// A part of the request, which varies within one token and operation.
    #[error("`${{{0}}}` names the request: a claim may not hold a request's header, path or query")]
    Request(String),
    /// A field that the application, API or operation does not have.
    #[error("`${{{scope}.{field}}}` does not exist; {scope} has {}", .known.join(", "))]
    UnknownField {
        /// `application`, `api` or `operation`.
        scope: &'static str,
        /// The field that was asked for.
        field: String,
        /// The fields that exist.
        known: &'static [&'static str],
    },
    /// A subject that does not come from the token alone.
    #[error("a subject is made of `${{token.<claim>}}` and text, with at least one claim")]
    NotSubject,
}

/// Why a template has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// An array or an object amid text.
    #[error("`{0}` is an array or an object, and cannot stand amid text")]
    NotText(Placeholder),
    /// A placeholder that follows a backslash in a JSON text.
    #[error("`{0}` follows a backslash")]
    AfterBackslash(Placeholder),
}

impl Template {
    /// Compiles a text with placeholders.
    ///
    /// # Errors
    ///
    /// [`TemplateError`], except `NotSubject`: an unclosed `${`, or a placeholder that cannot exist.
    ///
    /// # Examples
    ///
    /// ```
    /// use claims::{Json, Template};
    ///
    /// let template = Template::compile("${api.name}/${user.email}")?;
    /// assert_eq!(template.placeholders().count(), 2);
    /// let value = template.resolve(|placeholder| Some(Json::string(placeholder.name())));
    /// assert_eq!(value, Ok(Some(Json::string("name/email"))));
    /// assert!(Template::compile("${request.header.x-role}").is_err());
    /// # Ok::<(), claims::TemplateError>(())
    /// ```
    pub fn compile(text: &str) -> Result<Self, TemplateError> {
        let mut template = Self { parts: Vec::new() };
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            if let Some(before) = before.strip_suffix('$') {
                template.push_text(before);
                template.push_text("${");
                rest = after;
                continue;
            }
            template.push_text(before);
            let (inside, after) = after.split_once('}').ok_or(TemplateError::Unclosed)?;
            template.parts.push(Part::Placeholder(Placeholder::parse(inside)?));
            rest = after;
        }
        template.push_text(rest);
        Ok(template)
    }

    /// Compiles an issuer's `subject`, such as `corp/${token.sub}`.
    ///
    /// # Errors
    ///
    /// As [`Template::compile`], and [`TemplateError::NotSubject`] unless it names token claims, one at least, and nothing
    /// else: one subject for all users of an issuer, or one that varies by API, would not be a subject.
    pub fn compile_subject(text: &str) -> Result<Self, TemplateError> {
        let template = Self::compile(text)?;
        let is_subject = template.placeholders().all(|placeholder| matches!(placeholder, Placeholder::Token(_)));
        if is_subject && !template.is_constant() { Ok(template) } else { Err(TemplateError::NotSubject) }
    }

    /// Returns the text before the first placeholder.
    pub fn prefix(&self) -> &str {
        match self.parts.first() {
            Some(Part::Text(text)) => text,
            Some(Part::Placeholder(_)) | None => "",
        }
    }

    fn push_text(&mut self, text: &str) {
        match self.parts.last_mut() {
            _ if text.is_empty() => {}
            Some(Part::Text(last)) => *last = [last, text].concat().into(),
            Some(Part::Placeholder(_)) | None => self.parts.push(Part::Text(text.into())),
        }
    }

    /// True when there is no placeholder.
    pub fn is_constant(&self) -> bool {
        self.placeholders().next().is_none()
    }

    /// Returns the text of a constant template, escapes resolved.
    pub fn as_constant(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Returns the placeholder of a template that is exactly one: its value keeps its type.
    pub fn as_single_placeholder(&self) -> Option<&Placeholder> {
        match self.parts.as_slice() {
            [Part::Placeholder(placeholder)] => Some(placeholder),
            _ => None,
        }
    }

    /// Iterates over the placeholders, in order.
    pub fn placeholders(&self) -> impl Iterator<Item = &Placeholder> {
        self.parts.iter().filter_map(|part| match part {
            Part::Placeholder(placeholder) => Some(placeholder),
            Part::Text(_) => None,
        })
    }
}

/// First words of what people try in order to reach the request.
const REQUEST_SCOPES: [&str; 14] = [
    "request", "req", "header", "headers", "path", "query", "params", "cookie", "cookies", "method", "body", "url",
    "client", "remote",
];

impl Placeholder {
    /// Reads what stands between `${` and `}`.
    fn parse(inside: &str) -> Result<Self, TemplateError> {
        let (scope, name) = inside.split_once('.').unwrap_or((inside, ""));
        if REQUEST_SCOPES.contains(&scope.to_ascii_lowercase().as_str()) {
            return Err(TemplateError::Request(inside.to_owned()));
        }
        match scope {
            _ if name.is_empty() => Err(TemplateError::Unknown(inside.to_owned())),
            "user" => Ok(Self::User(name.into())),
            "token" => Ok(Self::Token(name.into())),
            "application" if name.strip_prefix("attributes.").is_some_and(|name| !name.is_empty()) => {
                Ok(Self::Application(name.into()))
            }
            "application" => known_field("application", name, Application::FIELDS).map(Self::Application),
            "api" => known_field("api", name, ApiFacts::FIELDS).map(Self::Api),
            "operation" => known_field("operation", name, OperationFacts::FIELDS).map(Self::Operation),
            _ => Err(TemplateError::Unknown(inside.to_owned())),
        }
    }

    /// Returns the attribute's, claim's or field's name.
    pub fn name(&self) -> &str {
        match self {
            Self::User(name)
            | Self::Token(name)
            | Self::Application(name)
            | Self::Api(name)
            | Self::Operation(name) => name,
        }
    }
}

fn known_field(scope: &'static str, field: &str, known: &'static [&'static str]) -> Result<Box<str>, TemplateError> {
    if known.contains(&field) {
        Ok(field.into())
    } else {
        Err(TemplateError::UnknownField { scope, field: field.to_owned(), known })
    }
}

impl fmt::Display for Placeholder {
    /// Writes it as in the configuration: `${user.email}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scope = match self {
            Self::User(_) => "user",
            Self::Token(_) => "token",
            Self::Application(_) => "application",
            Self::Api(_) => "api",
            Self::Operation(_) => "operation",
        };
        write!(f, "${{{scope}.{}}}", self.name())
    }
}

/// Returns the text that a value has amid other text; `None` for an array, an object or `null`.
pub(crate) fn text_of(value: &Json) -> Option<Cow<'_, str>> {
    match value {
        Json::String(text) => Some(Cow::Borrowed(text)),
        Json::Number(number) => Some(number.text()),
        Json::Bool(true) => Some(Cow::Borrowed("true")),
        Json::Bool(false) => Some(Cow::Borrowed("false")),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

#[cfg(test)]
mod tests;
