//! `admin`: where operators look at the gateway and change it, and who may.

use std::{net::SocketAddr, path::PathBuf};

use crate::{
    bind::{RecordShape, Shape, Value, WebUrl},
    span::{Span, Spanned},
    spec::AdminLogin,
};

/// `admin`
#[derive(Clone, Debug, PartialEq)]
pub struct Admin {
    /// Where it stands; the file's start when left out.
    pub span: Span,
    /// `address`: REST API, console, health, metrics, cache invalidation.
    pub address: Spanned<SocketAddr>,
    /// `directory`: what the admin API keeps of its own.
    pub directory: Spanned<PathBuf>,
    /// `publicUrl`: where people find it, where that is not its address.
    pub public_url: Option<Spanned<WebUrl>>,
    /// `login`; absent: whoever reaches a loopback listener is an operator.
    pub login: Option<AdminLogin>,
    /// `testUsers`: whose attribute values authors see.
    pub test_users: Vec<Spanned<String>>,
    /// `owners`: whose APIs are whose.
    pub owners: Vec<ApiOwners>,
}

/// Who may change one API.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiOwners {
    /// `api`: its name.
    pub api: Spanned<String>,
    /// `authors`: names or groups.
    pub authors: Vec<Spanned<String>>,
}

impl Value for Admin {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "Admin",
        about: "The admin listener: REST API, console, health, metrics and cache invalidation.",
        short: None,
        read: |form| {
            Self {
            span: form.span(),
            address: form.defaulted("address", "127.0.0.1:9090", "Where it listens; keep it from the public."),
            directory: form.defaulted(
                "directory",
                ".countersign/",
                "The folder of its own: the history of changes, and who made which API.",
            ),
            public_url: form.optional("publicUrl", "Where people find it: the address of the proxy in front, with `https`."),
            login: form.optional(
                "login",
                "How people and machines prove who they are; without it the console and the REST API are for whoever is on this machine.",
            ),
            test_users: form.defaulted(
                "testUsers",
                "[]",
                "Users whose attribute values authors see in previews; those of others are masked.",
            ),
            owners: form.defaulted("owners", "[]", "Which authors may change which APIs, besides their own."),
        }
        },
    });
}

impl Value for ApiOwners {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "ApiOwners",
        about: "Who may change one API.",
        short: None,
        read: |form| Self {
            api: form.required("api", "The API's name."),
            authors: form.required("authors", "Names or groups, as the login tells them."),
        },
    });
}
