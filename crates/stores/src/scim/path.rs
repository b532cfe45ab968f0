//! Paths to attributes of a SCIM user (RFC 7644 §3.5.2): `userName`, `emails[primary eq true].value`,
//! `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department`.
//!
//! Names are compared without regard to case (RFC 7643 §2.1).

use std::fmt;

use claims::{Json, Object};

use super::{
    filter::Filter,
    reader::{Reader, ScimSyntaxError, ScimSyntaxProblem},
};
use crate::attribute_map::values_of;

/// The schema whose attributes lie at the top of a user.
pub(super) const CORE_USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// A path to an attribute's values.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ScimPath {
    attribute: AttributeName,
    filter: Option<Filter>,
    sub_attribute: Option<Box<str>>,
}

/// An attribute, perhaps of an extension, perhaps a part of it: `urn:…:User:manager.displayName`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct AttributeName {
    pub(super) schema: Option<Box<str>>,
    pub(super) name: Box<str>,
    pub(super) sub_attribute: Option<Box<str>>,
}

impl ScimPath {
    /// Reads a path.
    ///
    /// # Errors
    ///
    /// [`ScimSyntaxError`], with the place: no name, a filter that cannot be read or compares by order, more text behind.
    pub fn parse(text: &str) -> Result<Self, ScimSyntaxError> {
        let mut reader = Reader::new(text);
        let AttributeName { schema, name, sub_attribute } = AttributeName::read(&mut reader)?;
        let mut path =
            Self { attribute: AttributeName { schema, name, sub_attribute: None }, filter: None, sub_attribute };
        if path.sub_attribute.is_none() && reader.take('[') {
            let before = reader;
            let filter = Filter::read(&mut reader)?;
            if filter.has_ordering() {
                return Err(before.complain(ScimSyntaxProblem::Ordering));
            }
            reader.skip_spaces();
            if !reader.take(']') {
                return Err(reader.expected("`]`"));
            }
            path.filter = Some(filter);
            if reader.take('.') {
                path.sub_attribute = Some(reader.name()?.into());
            }
        }
        reader.end()?;
        Ok(path)
    }

    /// Makes the path to what a filter compares; `within`: the attribute whose brackets it stands in.
    pub(super) fn of_comparison(compared: &AttributeName, within: Option<&AttributeName>) -> Self {
        match within {
            None => Self {
                attribute: AttributeName { sub_attribute: None, ..compared.clone() },
                filter: None,
                sub_attribute: compared.sub_attribute.clone(),
            },
            Some(outer) => Self { attribute: outer.clone(), filter: None, sub_attribute: Some(compared.name.clone()) },
        }
    }

    /// Returns what to ask a server for (RFC 7644 §3.9): the whole attribute, because filters look at all of its parts.
    pub(super) fn asked_for(&self) -> String {
        self.attribute.to_string()
    }

    /// Returns the values in a user, in the server's order.
    pub(super) fn select(&self, user: &Object) -> Vec<Json> {
        let container = match self.attribute.extension() {
            None => Some(user),
            Some(schema) => member(user, schema).and_then(Json::as_object),
        };
        let value = container.and_then(|container| member(container, &self.attribute.name)).cloned();
        let values = value.map(values_of).unwrap_or_default().into_iter();
        let values = values.filter(|value| self.filter.as_ref().is_none_or(|filter| filter.fits(value)));
        match &self.sub_attribute {
            None => values.collect(),
            Some(name) => values.flat_map(|value| sub_values(value, name)).collect(),
        }
    }
}

/// Returns the values of a part; a simple value is its own `value` (RFC 7643 §2.4).
fn sub_values(value: Json, name: &str) -> Vec<Json> {
    match value {
        Json::Object(object) => member(&object, name).cloned().map(values_of).unwrap_or_default(),
        Json::Bool(_) | Json::Number(_) | Json::String(_) if name.eq_ignore_ascii_case("value") => vec![value],
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => Vec::new(),
    }
}

/// Returns the member of that name, in any case.
pub(super) fn member<'o>(object: &'o Object, name: &str) -> Option<&'o Json> {
    object.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

impl AttributeName {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ScimSyntaxError> {
        let schema = reader.schema().map(Box::from);
        let name = reader.name()?.into();
        let sub_attribute = if reader.take('.') { Some(reader.name()?.into()) } else { None };
        Ok(Self { schema, name, sub_attribute })
    }

    /// Returns the schema of an extension; the core schema's attributes are the user's own.
    fn extension(&self) -> Option<&str> {
        self.schema.as_deref().filter(|schema| !schema.eq_ignore_ascii_case(CORE_USER))
    }
}

impl fmt::Display for AttributeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{schema}:")?;
        }
        f.write_str(&self.name)?;
        match &self.sub_attribute {
            Some(name) => write!(f, ".{name}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
