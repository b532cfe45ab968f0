//! What the gateway knows besides the user: the API, the operation and the application.
//!
//! Plain data, made at load; the gateway claims and the `${api.…}`, `${operation.…}` and `${application.…}` placeholders
//! read it.

use crate::json::{Json, Object};

/// Which kind of endpoint and keys a call uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum KeyType {
    /// The API's production endpoints.
    #[default]
    Production,
    /// The API's sandbox endpoints.
    Sandbox,
}

impl KeyType {
    /// Returns the value of the `keytype` claim.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Production => "PRODUCTION",
            Self::Sandbox => "SANDBOX",
        }
    }
}

/// The API of a call, as its claims and `${api.…}` placeholders see it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ApiFacts {
    /// The definition's `id`, or its name.
    pub id: Box<str>,
    /// `apiname`.
    pub name: Box<str>,
    /// `apicontext`: base path and version, as called: `/orders/1.0`.
    pub context: Box<str>,
    /// `version`, as written.
    pub version: Box<str>,
    /// `keytype`.
    pub key_type: KeyType,
}

/// The operation of a call, for `${operation.…}` placeholders.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OperationFacts {
    /// The path template, such as `/orders/{id}`.
    pub target: Box<str>,
    /// The verb, such as `GET`.
    pub verb: Box<str>,
}

/// The client application behind a call, and its subscription to this API.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Application {
    /// `applicationid`.
    pub id: Box<str>,
    /// `applicationUUId`.
    pub uuid: Box<str>,
    /// `applicationname`.
    pub name: Box<str>,
    /// `subscriber`: who owns the application.
    pub owner: Box<str>,
    /// `applicationtier`.
    pub tier: Box<str>,
    /// `applicationAttributes`.
    pub attributes: Object,
    /// `tier`: that of the subscription to the called API; empty without one.
    pub subscription_tier: Box<str>,
}

impl ApiFacts {
    /// The fields that `${api.<field>}` may name.
    pub const FIELDS: &'static [&'static str] = &["id", "name", "context", "version", "keyType"];

    /// Returns a field by its placeholder's name; `None` when it is empty or unknown.
    pub fn field(&self, name: &str) -> Option<Json> {
        non_empty(match name {
            "id" => &self.id,
            "name" => &self.name,
            "context" => &self.context,
            "version" => &self.version,
            "keyType" => self.key_type.name(),
            _ => "",
        })
    }
}

impl OperationFacts {
    /// The fields that `${operation.<field>}` may name.
    pub const FIELDS: &'static [&'static str] = &["target", "verb"];

    /// Returns a field by its placeholder's name; `None` when it is empty or unknown.
    pub fn field(&self, name: &str) -> Option<Json> {
        non_empty(match name {
            "target" => &self.target,
            "verb" => &self.verb,
            _ => "",
        })
    }
}

impl Application {
    /// The fields that `${application.<field>}` may name, besides `attributes.<name>`.
    pub const FIELDS: &'static [&'static str] =
        &["id", "uuid", "name", "owner", "tier", "subscriptionTier", "attributes"];

    /// Returns a field by its placeholder's name, `attributes.<name>` included; `None` when it is empty or unknown.
    pub fn field(&self, name: &str) -> Option<Json> {
        non_empty(match name {
            "id" => &self.id,
            "uuid" => &self.uuid,
            "name" => &self.name,
            "owner" => &self.owner,
            "tier" => &self.tier,
            "subscriptionTier" => &self.subscription_tier,
            "attributes" if self.attributes.is_empty() => return None,
            "attributes" => return Some(Json::Object(self.attributes.clone())),
            _ => return self.attributes.get(name.strip_prefix("attributes.")?).cloned(),
        })
    }
}

fn non_empty(text: &str) -> Option<Json> {
    (!text.is_empty()).then(|| Json::string(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_field_has_a_value() {
        let api = ApiFacts {
            id: "7".into(),
            name: "orders".into(),
            context: "/orders/1.0".into(),
            version: "1.0".into(),
            key_type: KeyType::Sandbox,
        };
        let operation = OperationFacts { target: "/{id}".into(), verb: "GET".into() };
        let text = || Box::from("text");
        let mut attributes = Object::default();
        attributes.insert("plan", Json::from(3_u64));
        let application = Application {
            id: text(),
            uuid: text(),
            name: text(),
            owner: text(),
            tier: text(),
            attributes,
            subscription_tier: text(),
        };
        assert!(ApiFacts::FIELDS.iter().all(|field| api.field(field).is_some()));
        assert!(OperationFacts::FIELDS.iter().all(|field| operation.field(field).is_some()));
        assert!(Application::FIELDS.iter().all(|field| application.field(field).is_some()));
        assert_eq!(application.field("attributes.plan"), Some(Json::from(3_u64)));
    }

    #[test]
    fn empty_fields_are_absent() {
        let application = Application::default();
        assert!(Application::FIELDS.iter().all(|field| application.field(field).is_none()));
        assert_eq!(application.field("attributes.plan"), None);
    }
}
