//! A compiled template becomes a value: typed, as text, as JSON, or as a subject.

use std::borrow::Cow;

use super::{Part, Placeholder, ResolveError, Template, text_of};
use crate::json::{Json, Object};

impl Template {
    /// Resolves to the value of a single placeholder with its type, or to a string.
    ///
    /// `value_of` gives each placeholder's value. `Ok(None)`: a value is absent or `null`, and so is the whole.
    ///
    /// # Errors
    ///
    /// [`ResolveError::NotText`] when an array or an object stands amid text.
    pub fn resolve(&self, value_of: impl Fn(&Placeholder) -> Option<Json>) -> Result<Option<Json>, ResolveError> {
        if let Some(placeholder) = self.as_single_placeholder() {
            return Ok(value_of(placeholder).filter(|value| *value != Json::Null));
        }
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Placeholder(placeholder) => match value_of(placeholder) {
                    None | Some(Json::Null) => return Ok(None),
                    Some(value) => {
                        text.push_str(&text_of(&value).ok_or_else(|| ResolveError::NotText(placeholder.clone()))?);
                    }
                },
            }
        }
        Ok(Some(Json::string(text)))
    }

    /// Resolves a template that is a JSON text to the bytes of that text.
    ///
    /// Inside a string literal a value is escaped, elsewhere it is written as JSON: no value can add members or end a
    /// string, so the structure is the author's alone. `Ok(None)` as in [`Template::resolve`].
    pub(crate) fn resolve_json_text(
        &self,
        value_of: impl Fn(&Placeholder) -> Option<Json>,
    ) -> Result<Option<Vec<u8>>, ResolveError> {
        let mut out = Vec::new();
        let mut position = JsonPosition::Outside;
        for part in &self.parts {
            match part {
                Part::Text(literal) => {
                    position = literal.bytes().fold(position, JsonPosition::after);
                    out.extend_from_slice(literal.as_bytes());
                }
                Part::Placeholder(placeholder) => match value_of(placeholder) {
                    None | Some(Json::Null) => return Ok(None),
                    Some(value) => write_value(&value, position, placeholder, &mut out)?,
                },
            }
        }
        Ok(Some(out))
    }

    /// Resolves an issuer's `subject` from the inbound token's claims.
    ///
    /// `None` when a claim is absent, empty, or neither a string nor an integer; `sub` itself must be a string (RFC 7519
    /// §4.1.2). Never empty.
    ///
    /// # Examples
    ///
    /// ```
    /// use claims::{Json, Object, Template};
    ///
    /// let subject = Template::compile_subject("corp/${token.sub}")?;
    /// let mut token = Object::default();
    /// assert_eq!(subject.resolve_subject(&token), None);
    /// token.insert("sub", Json::string("alice"));
    /// assert_eq!(subject.resolve_subject(&token).as_deref(), Some("corp/alice"));
    /// # Ok::<(), claims::TemplateError>(())
    /// ```
    pub fn resolve_subject(&self, token: &Object) -> Option<String> {
        let mut subject = String::new();
        for part in &self.parts {
            match part {
                Part::Text(literal) => subject.push_str(literal),
                Part::Placeholder(Placeholder::Token(claim)) => subject.push_str(&subject_part(claim, token)?),
                Part::Placeholder(_) => return None,
            }
        }
        Some(subject).filter(|subject| !subject.is_empty())
    }
}

fn subject_part<'a>(claim: &str, token: &'a Object) -> Option<Cow<'a, str>> {
    let text = match token.get(claim)? {
        Json::String(text) => Cow::Borrowed(&**text),
        Json::Number(number) if number.is_integer() && claim != "sub" => number.text(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => return None,
    };
    Some(text).filter(|text| !text.is_empty())
}

/// Where in a JSON text a byte stands.
#[derive(Clone, Copy)]
enum JsonPosition {
    Outside,
    InString,
    AfterBackslash,
}

impl JsonPosition {
    const fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Outside, b'"') => Self::InString,
            (Self::Outside, _) | (Self::InString, b'"') => Self::Outside,
            (Self::InString, b'\\') => Self::AfterBackslash,
            (Self::InString | Self::AfterBackslash, _) => Self::InString,
        }
    }
}

fn write_value(
    value: &Json,
    position: JsonPosition,
    placeholder: &Placeholder,
    out: &mut Vec<u8>,
) -> Result<(), ResolveError> {
    match position {
        JsonPosition::Outside => value.write_to(out),
        JsonPosition::InString => {
            let text = text_of(value).ok_or_else(|| ResolveError::NotText(placeholder.clone()))?;
            crate::json::write_escaped(&text, out);
        }
        JsonPosition::AfterBackslash => return Err(ResolveError::AfterBackslash(placeholder.clone())),
    }
    Ok(())
}
