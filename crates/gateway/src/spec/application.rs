//! `applications`: who calls, and what they have subscribed to.

use crate::{bind::Literal, span::Spanned};

/// One client application.
#[derive(Clone, Debug, PartialEq)]
pub struct Application {
    /// `name`
    pub name: Spanned<String>,
    /// `id`
    pub id: Option<Spanned<Literal>>,
    /// `uuid`
    pub uuid: Option<Spanned<String>>,
    /// `clientIds`
    pub client_ids: Vec<Spanned<Literal>>,
    /// `sandboxClientIds`: clients that are sent to sandbox endpoints.
    pub sandbox_client_ids: Vec<Spanned<Literal>>,
    /// `owner`
    pub owner: Option<Spanned<String>>,
    /// `tier`
    pub tier: Option<Spanned<String>>,
    /// `attributes`
    pub attributes: Vec<(Spanned<String>, Spanned<Literal>)>,
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
