//! Whether the attributes that the operator names exist in the directory, as far as its schema can be read.
//!
//! An attribute that does not exist is otherwise never returned and never missed: LDAP does not complain.

use std::collections::BTreeSet;

use ldap3::Scope;

use super::{
    fault::Fault,
    search::{Extent, Search, Session, Wanted},
};

/// Matches every entry.
pub(super) const ANY: &str = "(objectClass=*)";

/// The names of a directory's attributes, in lower case.
#[derive(Debug, Default)]
pub(super) struct Schema(BTreeSet<String>);

impl Schema {
    /// Reads the schema (RFC 4512 §4.4); `None`: the server does not show it.
    ///
    /// # Errors
    ///
    /// None for a refusal: many servers keep their schema to themselves. [`Fault`] when the connection breaks.
    pub(super) async fn read(session: &mut Session<'_>) -> Result<Option<Self>, Fault> {
        let Some(place) = one_value(session, "", "subschemaSubentry").await? else { return Ok(None) };
        let types: Wanted = ["attributeTypes".into()].into();
        let search = Search { base: &place, scope: Scope::Base, filter: ANY, wanted: &types, extent: Extent::Few };
        let entries = permitted(session.search(search).await)?;
        let values = entries.iter().flat_map(|entry| entry.values("attributeTypes"));
        let names: BTreeSet<String> = values.flat_map(|value| names(&String::from_utf8_lossy(value))).collect();
        Ok((!names.is_empty()).then_some(Self(names)))
    }

    /// True when there is an attribute of that name. Options, and names that are numbers, are taken on trust.
    pub(super) fn knows(&self, attribute: &str) -> bool {
        let name = attribute.split(';').next().unwrap_or_default();
        name.starts_with(|first: char| first.is_ascii_digit()) || self.0.contains(&name.to_ascii_lowercase())
    }
}

/// Returns the first value of an attribute of one entry.
async fn one_value(session: &mut Session<'_>, base: &str, attribute: &str) -> Result<Option<String>, Fault> {
    let wanted: Wanted = [attribute.into()].into();
    let search = Search { base, scope: Scope::Base, filter: ANY, wanted: &wanted, extent: Extent::Few };
    let entries = permitted(session.search(search).await)?;
    let value = entries.first().and_then(|entry| entry.values(attribute).next());
    Ok(value.map(|value| String::from_utf8_lossy(value).into_owned()))
}

/// A refusal is no answer here, and no fault.
fn permitted<T: Default>(result: Result<T, Fault>) -> Result<T, Fault> {
    match result {
        Err(fault) if fault.leaves_connection_usable() => Ok(T::default()),
        result => result,
    }
}

/// Returns the names in an `AttributeTypeDescription` (RFC 4512 §4.1.2), in lower case.
fn names(description: &str) -> Vec<String> {
    let Some((_, rest)) = description.split_once(" NAME ") else { return Vec::new() };
    let rest = rest.trim_start();
    let (quoted, most) = match rest.strip_prefix('(') {
        Some(list) => (list.split(')').next().unwrap_or_default(), usize::MAX),
        None => (rest, 1),
    };
    quoted.split('\'').skip(1).step_by(2).take(most).map(str::to_ascii_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_an_attribute_is_known() {
        let description = "( 2.5.4.3 NAME ( 'cn' 'commonName' ) DESC 'RFC4519: ''common'' name(s)' SUP name )";
        assert_eq!(names(description), ["cn", "commonname"]);
        assert_eq!(names("( 2.5.4.4 NAME 'sn' DESC 'last' SYNTAX 1.3 )"), ["sn"]);
        assert_eq!(names("( 2.5.4.4 SYNTAX 1.3 )"), [""; 0]);
        let schema = Schema(["cn".to_owned()].into());
        assert!(schema.knows("CN") && schema.knows("cn;lang-de") && schema.knows("2.5.4.3") && !schema.knows("nc"));
    }
}
