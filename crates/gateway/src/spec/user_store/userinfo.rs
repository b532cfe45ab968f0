//! `userinfo`: the `UserInfo` endpoint of the users' own issuer as a user store.

use super::service::ServiceConnection;
use crate::{
    bind::{OneOrMany, RecordShape, Shape, Value, WebUrl},
    span::Spanned,
};

/// `userinfo`
#[derive(Clone, Debug, PartialEq)]
pub struct UserInfoStore {
    /// `issuer`: its name in `issuers`.
    pub issuer: Spanned<String>,
    /// `url`: the endpoint; absent: by discovery.
    pub url: Option<Spanned<WebUrl>>,
    /// `signed`: only signed answers count.
    pub signed: Spanned<bool>,
    /// `audience`: of signed answers; empty: not checked.
    pub audience: Vec<Spanned<String>>,
    /// How it is reached.
    pub connection: ServiceConnection,
}

impl Value for UserInfoStore {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "UserInfoStore",
        about: "An issuer's UserInfo endpoint, asked with the caller's access token. The keys of `attributes` are claims, or JSON pointers such as `/address/country`.",
        short: None,
        read: |form| Self {
            issuer: form
                .required("issuer", "The name of the issuer in `issuers`; only its users can be looked up here."),
            url: form
                .optional("url", "The endpoint; without it, `userinfo_endpoint` of the issuer's discovery document."),
            signed: form.defaulted("signed", "false", "True: only answers that the issuer has signed count."),
            audience: form
                .defaulted::<OneOrMany<_>>(
                    "audience",
                    "[]",
                    "The client ids of which a signed answer's `aud` must name one; `[]`: not checked.",
                )
                .0,
            connection: ServiceConnection::read(form),
        },
    });
}
