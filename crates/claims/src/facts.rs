//! What the gateway knows besides the user: the API, the operation and the application.

use crate::json::Object;

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
