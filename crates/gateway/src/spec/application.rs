//! `applications`: who calls, and what they have subscribed to.

use crate::{
    bind::{Entries, Literal, RecordShape, Shape, Value},
    span::Spanned,
    spec::ApiKey,
};

/// One client application.
#[derive(Clone, Debug, PartialEq)]
pub struct Application {
    /// `name`
    pub name: Spanned<String>,
    /// `id`
    pub id: Option<Spanned<Literal>>,
    /// `uuid`
    pub uuid: Option<Spanned<String>>,
    /// `issuer`: by name, whose clients they are; absent: any trusted issuer's.
    pub issuer: Option<Spanned<String>>,
    /// `clientIds`
    pub client_ids: Vec<Spanned<Literal>>,
    /// `sandboxClientIds`: clients that are sent to sandbox endpoints.
    pub sandbox_client_ids: Vec<Spanned<Literal>>,
    /// `apiKeys`
    pub api_keys: Vec<ApiKey>,
    /// `owner`
    pub owner: Option<Spanned<String>>,
    /// `tier`
    pub tier: Option<Spanned<String>>,
    /// `attributes`
    pub attributes: Entries<Spanned<Literal>>,
    /// `subscriptions`
    pub subscriptions: Vec<Subscription>,
}

/// One API that an application may call.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscription {
    /// `api`: its name.
    pub api: Spanned<String>,
    /// `version`; absent: every version.
    pub version: Option<Spanned<Literal>>,
    /// `tier`
    pub tier: Option<Spanned<String>>,
}

impl Value for Application {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "Application",
        about: "A client application and what it has subscribed to.",
        short: None,
        read: |form| {
            Self {
            name: form.required("name", "Its name."),
            id: form.optional("id", "Its number or other short identifier."),
            uuid: form.optional("uuid", "Its UUID."),
            issuer: form.optional(
                "issuer",
                "The name of the issuer that knows it by these client ids; without it, any trusted issuer's tokens count.",
            ),
            client_ids: form.defaulted("clientIds", "[]", "The client ids of its tokens."),
            sandbox_client_ids: form.defaulted(
                "sandboxClientIds",
                "[]",
                "Client ids whose calls go to sandbox endpoints.",
            ),
            api_keys: form.defaulted("apiKeys", "[]", "Its API keys."),
            owner: form.optional("owner", "Who owns it: the claim `subscriber`."),
            tier: form.optional("tier", "Its tier."),
            attributes: form.defaulted("attributes", "{}", "The claim `applicationAttributes`."),
            subscriptions: form.defaulted("subscriptions", "[]", "The APIs that it may call."),
        }
        },
    });
}

impl Value for Subscription {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "Subscription",
        about: "An API that an application may call.",
        short: None,
        read: |form| Self {
            api: form.required("api", "The API's name."),
            version: form.optional("version", "One version of it; without it, every one."),
            tier: form.optional("tier", "The subscription's tier."),
        },
    });
}
