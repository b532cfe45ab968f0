//! `inline`: users written into the operator's file.

use std::fmt;

use claims::Json;

use crate::{
    bind::{Binder, CompositeShape, Entries, RecordShape, Shape, Type, Value, bind, describe},
    span::Spanned,
    yaml::{Node, NodeKind, Resolved, Scalar},
};

/// `inline`
#[derive(Clone, Debug, PartialEq)]
pub struct InlineStore {
    /// `users`
    pub users: Vec<InlineUser>,
}

/// One user written into the operator's file.
#[derive(Clone, Debug, PartialEq)]
pub struct InlineUser {
    /// `user`: what the issuer's `lookup` claim says.
    pub user: Spanned<String>,
    /// `attributes`
    pub attributes: Entries<AttributeValues>,
    /// `passwordHash`
    pub password_hash: Option<Spanned<PasswordHashText>>,
}

/// The hash of a password, as written. Its debug text does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHashText(pub String);

impl fmt::Debug for PasswordHashText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHashText(…)")
    }
}

impl Value for PasswordHashText {
    const SHAPE: Shape<Self> = Shape::Composite(CompositeShape {
        bind: |node, binder| bind(node, binder).map(Self),
        stand_in: |_| Self(String::new()),
        describe: describe::<String>,
    });
}

/// The values of one inline attribute: a scalar or a list.
#[derive(Clone, Debug, PartialEq)]
pub struct AttributeValues(pub Vec<Json>);

impl Value for InlineStore {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "InlineStore",
        about: "Users written into this file.",
        short: None,
        read: |form| Self { users: form.required("users", "The users.") },
    });
}

impl Value for InlineUser {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "InlineUser",
        about: "One user.",
        short: None,
        read: |form| Self {
            user: form.required("user", "What the issuer's `lookup` claim says."),
            attributes: form.defaulted("attributes", "{}", "Name and value, or list of values."),
            password_hash: form.optional(
                "passwordHash",
                "The hash of the user's password (argon2, scrypt, pbkdf2, bcrypt), for `passwords` of an issuer.",
            ),
        },
    });
}

impl Value for AttributeValues {
    const SHAPE: Shape<Self> = Shape::Composite(CompositeShape {
        bind: |node, binder| match &node.kind {
            NodeKind::Sequence(items) => {
                items.iter().map(|item| json_of(item, binder)).collect::<Option<_>>().map(Self)
            }
            NodeKind::Scalar(_) | NodeKind::Mapping(_) => json_of(node, binder).map(|value| Self(vec![value])),
        },
        stand_in: |_| Self(Vec::new()),
        describe: |_| Type::Anything,
    });
}

/// Converts a node to what it stands for. `None`: it stands for nothing, and this is reported.
fn json_of(node: &Node, binder: &mut Binder) -> Option<Json> {
    match &node.kind {
        NodeKind::Scalar(scalar) => {
            let value = scalar_json(scalar);
            if value.is_none() {
                binder.wrong_type("text, a number, a boolean, or a list or mapping of them", node);
            }
            value
        }
        NodeKind::Sequence(items) => {
            items.iter().map(|item| json_of(item, binder)).collect::<Option<_>>().map(Json::Array)
        }
        NodeKind::Mapping(entries) => {
            let mut object = claims::Object::default();
            for entry in entries {
                object.insert(entry.key.as_str(), json_of(&entry.value, binder)?);
            }
            Some(Json::Object(object))
        }
    }
}

fn scalar_json(scalar: &Scalar) -> Option<Json> {
    match scalar.resolve() {
        Resolved::Null => None,
        Resolved::Bool(value) => Some(Json::Bool(value)),
        Resolved::Integer(text) | Resolved::Float(text) => match Json::parse(text.as_bytes()) {
            Ok(number) => Some(number),
            Err(_) => Some(Json::string(text)),
        },
        Resolved::Text(text) => Some(Json::string(text)),
    }
}
