//! What the kinds of user store that ask a service over HTTP have in common: how it is reached, and who the gateway is.

use std::{path::PathBuf, time::Duration};

use stores::ClientAuthentication;

use crate::{
    bind::{Form, RecordShape, Shape, Value, WebUrl},
    diagnostic::DiagnosticCode,
    span::{Span, Spanned},
    spec::Secret,
};

/// How a service is reached. Its fields stand among those of the store.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceConnection {
    /// `ca`: PEM certificates trusted besides the system's.
    pub ca: Option<Spanned<PathBuf>>,
    /// `connectTimeout`
    pub connect_timeout: Spanned<Duration>,
    /// `timeout`: for all requests of one look-up.
    pub timeout: Spanned<Duration>,
    /// `pool`: requests under way.
    pub pool: Spanned<u64>,
}

/// `authorization`: exactly one of the two.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceAuthorization {
    /// Where it stands.
    pub span: Span,
    /// `bearer`
    pub bearer: Option<Spanned<Secret>>,
    /// `clientCredentials`
    pub client_credentials: Option<ClientCredentials>,
}

/// `clientCredentials`: an OAuth 2.0 client.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientCredentials {
    /// `tokenUrl`
    pub token_url: Spanned<WebUrl>,
    /// `clientId`
    pub client_id: Spanned<String>,
    /// `clientSecret`
    pub client_secret: Spanned<Secret>,
    /// `scope`
    pub scope: Option<Spanned<String>>,
    /// `authentication`
    pub authentication: ClientAuthentication,
}

impl ServiceConnection {
    /// Reads the fields from the store's own mapping.
    pub(super) fn read(form: &mut Form<'_>) -> Self {
        Self {
            ca: form.optional("ca", "A PEM file of certificates that are trusted besides the system's."),
            connect_timeout: form.defaulted("connectTimeout", "1s", "For one connection, TLS included."),
            timeout: form.defaulted("timeout", "500ms", "For all requests of one look-up together."),
            pool: form.defaulted("pool", "32", "How many requests at once; the next ones wait for their turn."),
        }
    }
}

impl Value for ServiceAuthorization {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "ServiceAuthorization",
        about: "How the gateway authenticates itself: `bearer` or `clientCredentials`.",
        short: None,
        read: |form| {
            let authorization = Self {
                span: form.span(),
                bearer: form.optional("bearer", "A token that the service has issued to the gateway."),
                client_credentials: form
                    .optional("clientCredentials", "OAuth 2.0 client credentials: the gateway fetches its tokens."),
            };
            if form.seems_to_have("bearer") == form.seems_to_have("clientCredentials") {
                let span = form.span();
                let message = "`authorization` needs one of `bearer` and `clientCredentials`".to_owned();
                form.complain(DiagnosticCode::ConflictingFields, &span, message);
            }
            authorization
        },
    });
}

impl Value for ClientCredentials {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "ClientCredentials",
        about: "An OAuth 2.0 client that gets its own access tokens (RFC 6749 §4.4).",
        short: None,
        read: |form| Self {
            token_url: form.required("tokenUrl", "The token endpoint."),
            client_id: form.required("clientId", "The client's id."),
            client_secret: form.required("clientSecret", "Its secret."),
            scope: form.optional("scope", "The scopes to ask for, with spaces between them."),
            authentication: form.defaulted(
                "authentication",
                "basic",
                "Where the secret goes: `basic` in a header, `post` in the form.",
            ),
        },
    });
}

impl Value for ClientAuthentication {
    const SHAPE: Shape<Self> = Shape::Words(Self::Basic, &[("basic", Self::Basic), ("post", Self::Post)]);
}
