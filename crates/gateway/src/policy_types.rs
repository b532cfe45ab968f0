//! The policies that can be attached, as data: what a console needs to offer them and to make forms of their parameters.
//!
//! Made of the same descriptions as the binder, the schema and the defaults; see [`crate::bind`].

use serde_json::{Map, Value, json};

use crate::{
    bind::{Absence, FieldDescription, Support, Type, TypeDescription, VariantDescription},
    schema::{self, FileKind, definitions, field_text},
    yaml::{Node, Place},
};

/// One kind of policy.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyType {
    /// `policyName`, as it is written.
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
    /// True: it may stand in `request`.
    pub is_for_requests: bool,
    /// True: it may stand in `response`.
    pub is_for_responses: bool,
    /// The JSON Schema of `parameters`, whole.
    pub schema: Value,
    /// Its parameters, in the order in which they are shown.
    pub fields: Vec<PolicyField>,
}

/// One parameter of a policy.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyField {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub about: String,
    /// True: it must be written.
    pub is_required: bool,
    /// What it means to leave it out, if that is the same everywhere.
    pub default: Option<Value>,
    /// The words that it may be; empty: any value.
    pub values: Vec<String>,
}

/// Lists the policies that are built.
pub fn policy_types() -> Vec<PolicyType> {
    let (all, _) = definitions(FileKind::Api);
    let schema = schema::json_schema(FileKind::Api);
    let mut types: Vec<PolicyType> = Vec::new();
    for (record, is_request) in [("RequestPolicy", true), ("ResponsePolicy", false)] {
        let Some(TypeDescription::Tagged { variants, .. }) = all.find(record).map(|found| &found.content) else {
            continue;
        };
        for variant in variants.iter().filter(|variant| variant.support == Support::Built) {
            let names: &[&str] = if variant.words == ["BackendJwt", "BackendJWT", "backend-jwt"] {
                // Spellings of one policy; elsewhere each word is a policy of its own.
                variant.words.get(..1).unwrap_or_default()
            } else {
                variant.words
            };
            for name in names.iter().copied() {
                match types.iter_mut().find(|known| known.name == name) {
                    Some(known) => known.is_for_responses |= !is_request,
                    None => types.push(policy_type(name, variant, (&all, &schema), is_request)),
                }
            }
        }
    }
    types
}

fn policy_type(
    name: &'static str,
    variant: &VariantDescription,
    (all, schema): (&crate::bind::Definitions, &Value),
    is_request: bool,
) -> PolicyType {
    let parameters = variant.fields.iter().find(|field| field.name == "parameters");
    let record = parameters.and_then(|field| match field.of {
        Type::Named(record) | Type::NamedOrText(record) => Some(record),
        Type::Words(_) | Type::Scalar(_) | Type::List(_) | Type::Map(_) | Type::AnyOf(_) | Type::Anything => None,
    });
    let fields = match record.and_then(|record| all.find(record)).map(|found| &found.content) {
        Some(TypeDescription::Record(fields)) => fields.iter().map(field).collect(),
        Some(TypeDescription::Tagged { .. }) | None => Vec::new(),
    };
    PolicyType {
        name,
        about: variant.about,
        is_for_requests: is_request,
        is_for_responses: !is_request,
        schema: record.map_or_else(|| json!({ "type": "object" }), |record| whole(record, schema)),
        fields,
    }
}

fn field(field: &FieldDescription) -> PolicyField {
    let default = match field.absence {
        Absence::Default(text) | Absence::Inherited(text) => Some(Node::of_default(text, Place::START).to_json()),
        Absence::Forbidden | Absence::Nothing => None,
    };
    PolicyField {
        name: field.name,
        about: field_text(field),
        is_required: field.absence == Absence::Forbidden,
        default,
        values: words(&field.of),
    }
}

/// Returns the words that a value may be.
fn words(of: &Type) -> Vec<String> {
    match of {
        Type::Words(words) => words.iter().map(ToString::to_string).collect(),
        Type::Scalar(schema) => {
            // Where a value has several spellings, the examples are the ones to offer.
            let words = schema["examples"].as_array().or_else(|| schema["enum"].as_array());
            let words = words.map(Vec::as_slice).unwrap_or_default();
            words.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect()
        }
        Type::Named(_) | Type::NamedOrText(_) | Type::List(_) | Type::Map(_) | Type::AnyOf(_) | Type::Anything => {
            Vec::new()
        }
    }
}

/// Cuts the schema of one record out of a file's, with all that it refers to.
fn whole(record: &str, schema: &Value) -> Value {
    let all = &schema["$defs"];
    let mut wanted = vec![record.to_owned()];
    let mut found = Map::new();
    while let Some(name) = wanted.pop() {
        if found.contains_key(&name) {
            continue;
        }
        let definition = all.get(&name).cloned().unwrap_or(Value::Null);
        references(&definition, &mut wanted);
        found.insert(name, definition);
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$ref": format!("#/$defs/{record}"),
        "$defs": found,
    })
}

fn references(schema: &Value, names: &mut Vec<String>) {
    match schema {
        Value::Object(members) => {
            if let Some(name) = members.get("$ref").and_then(Value::as_str).and_then(|it| it.strip_prefix("#/$defs/")) {
                names.push(name.to_owned());
            }
            members.values().for_each(|member| references(member, names));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_policy_has_a_closed_schema_and_fields_with_meanings() {
        let types = policy_types();
        let jwt = types.iter().find(|found| found.name == "BackendJwt").unwrap();
        assert!(jwt.is_for_requests && !jwt.is_for_responses);
        let names: Vec<&str> = jwt.fields.iter().map(|field| field.name).collect();
        assert_eq!(names.get(..4), Some(["encoding", "signingAlgorithm", "header", "scheme"].as_slice()));
        assert_eq!(jwt.fields.iter().find(|field| field.name == "tokenTTL").unwrap().default, Some(json!(3600)));
        for known in &types {
            let mut names = Vec::new();
            references(&known.schema, &mut names);
            for name in names {
                assert!(known.schema["$defs"].get(&name).is_some_and(Value::is_object), "{}: {name}", known.name);
            }
            assert!(known.fields.iter().all(|field| !field.about.is_empty()), "{}", known.name);
        }
    }
}
