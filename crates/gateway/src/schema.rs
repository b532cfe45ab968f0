//! JSON Schema (2020-12) of both configuration files, made of what the binder reads.
//!
//! For editors: completion, meanings, mistakes as people type. The binder stays the judge: it knows more than a schema can
//! say. Nothing is written down twice; see [`crate::bind`].

use serde_json::{Map, Value as Json, json};

use crate::{
    bind::{
        Absence, Definition, Definitions, FieldDescription, Support, Type, TypeDescription, VariantDescription,
        describe,
    },
    spec::{self, Feature},
    yaml::{Node, Place},
};

/// The two kinds of configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// `countersign.yaml`
    Operator,
    /// An API definition.
    Api,
}

/// Returns the JSON Schema of a configuration file.
pub fn json_schema(kind: FileKind) -> Json {
    let (definitions, root) = definitions(kind);
    let defs: Map<String, Json> =
        definitions.iter().map(|(name, definition)| (name.to_owned(), definition_schema(definition))).collect();
    let about = definitions.find(root).map_or("", |definition| definition.about);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": about,
        "$ref": reference(root),
        "$defs": defs,
    })
}

/// Returns everything that a file of this kind can hold, and the name of the whole.
pub(crate) fn definitions(kind: FileKind) -> (Definitions, &'static str) {
    let mut definitions = Definitions::default();
    match kind {
        FileKind::Operator => {
            describe::<spec::Operator>(&mut definitions);
            (definitions, "Operator")
        }
        FileKind::Api => {
            describe::<spec::Api>(&mut definitions);
            (definitions, "Api")
        }
    }
}

fn reference(name: &str) -> String {
    format!("#/$defs/{name}")
}

fn definition_schema(definition: &Definition) -> Json {
    match &definition.content {
        TypeDescription::Record(fields) => record_schema(definition.about, None, fields),
        TypeDescription::Tagged { tag, variants } => {
            let documented = variants.iter().filter(|variant| variant.support != Support::Misplaced);
            let variants: Vec<Json> = documented.map(|variant| variant_schema(tag, variant)).collect();
            json!({"description": definition.about, "oneOf": variants})
        }
    }
}

fn variant_schema(tag: &'static str, variant: &VariantDescription) -> Json {
    let feature = match variant.support {
        Support::Unbuilt(feature) => Some(feature),
        Support::Built | Support::Misplaced => None,
    };
    record_schema(&text_with_feature(variant.about, feature), Some((tag, variant.words)), &variant.fields)
}

fn record_schema(about: &str, tag: Option<(&'static str, &[&str])>, fields: &[FieldDescription]) -> Json {
    let mut properties = Map::new();
    let mut required: Vec<&str> = Vec::new();
    if let Some((tag, words)) = tag {
        properties.insert(tag.to_owned(), json!({"enum": words}));
        required.push(tag);
    }
    for field in fields {
        properties.insert(field.name.to_owned(), field_schema(field));
        if field.absence == Absence::Forbidden {
            required.push(field.name);
        }
    }
    json!({
        "type": "object",
        "description": about,
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn field_schema(field: &FieldDescription) -> Json {
    let mut schema = type_schema(&field.of);
    let Some(members) = schema.as_object_mut() else { return schema };
    members.insert("description".to_owned(), json!(field_text(field)));
    match field.absence {
        Absence::Default(text) | Absence::Inherited(text) => {
            members.insert("default".to_owned(), Node::of_default(text, Place::START).to_json());
        }
        Absence::Forbidden | Absence::Nothing => {}
    }
    schema
}

/// Says what a field is for, and whether it is built.
pub(crate) fn field_text(field: &FieldDescription) -> String {
    text_with_feature(field.about, field.feature)
}

fn text_with_feature(about: &str, feature: Option<Feature>) -> String {
    match feature {
        Some(feature) => format!("{about} Not supported yet: {}.", feature.text()),
        None => about.to_owned(),
    }
}

fn type_schema(of: &Type) -> Json {
    match of {
        Type::Named(name) => json!({"$ref": reference(name)}),
        Type::NamedOrText(name) => json!({"anyOf": [{"type": "string"}, {"$ref": reference(name)}]}),
        Type::Words(words) => json!({"enum": words}),
        Type::Scalar(schema) => schema.clone(),
        Type::List(item) => json!({"type": "array", "items": type_schema(item)}),
        Type::Map(value) => json!({"type": "object", "additionalProperties": type_schema(value)}),
        Type::AnyOf(types) => json!({"anyOf": types.iter().map(type_schema).collect::<Vec<_>>()}),
        Type::Anything => json!({}),
    }
}
