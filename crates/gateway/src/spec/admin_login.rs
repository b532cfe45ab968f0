//! `admin.login`: how operators prove who they are, and what that lets them do.

use std::path::PathBuf;

use crate::{
    bind::{Literal, RecordShape, Shape, Value, WebUrl},
    span::{Span, Spanned},
    spec::Secret,
};

/// `admin.login`
#[derive(Clone, Debug, PartialEq)]
pub struct AdminLogin {
    /// Where it stands.
    pub span: Span,
    /// `oidc`
    pub oidc: AdminOidc,
    /// `bearer`: access tokens for machines; absent: none is accepted.
    pub bearer: Option<AdminBearer>,
    /// `roles`
    pub roles: AdminRoles,
}

/// `admin.login.oidc`: the `OpenID` provider.
#[derive(Clone, Debug, PartialEq)]
pub struct AdminOidc {
    /// `issuer`
    pub issuer: Spanned<WebUrl>,
    /// `clientId`
    pub client_id: Spanned<String>,
    /// `clientSecret`
    pub client_secret: Spanned<Secret>,
    /// `scopes`
    pub scopes: Vec<Spanned<String>>,
    /// `rolesClaim`
    pub roles_claim: Spanned<String>,
    /// `nameClaim`
    pub name_claim: Spanned<String>,
    /// `ca`: PEM certificates trusted besides the system's.
    pub ca: Option<Spanned<PathBuf>>,
}

/// `admin.login.bearer`
#[derive(Clone, Debug, PartialEq)]
pub struct AdminBearer {
    /// `audience`: what such tokens must be for.
    pub audience: Spanned<String>,
}

/// `admin.login.roles`: which values of the roles claim give which role.
#[derive(Clone, Debug, PartialEq)]
pub struct AdminRoles {
    /// Where they stand.
    pub span: Span,
    /// `viewer`
    pub viewer: Vec<Spanned<Literal>>,
    /// `author`
    pub author: Vec<Spanned<Literal>>,
    /// `operator`
    pub operator: Vec<Spanned<Literal>>,
    /// `support`
    pub support: Vec<Spanned<Literal>>,
}

impl Value for AdminLogin {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "AdminLogin",
        about: "How operators prove who they are.",
        short: None,
        read: |form| Self {
            span: form.span(),
            oidc: form.required("oidc", "The OpenID provider at which people log in."),
            bearer: form.optional("bearer", "Access tokens of the same issuer, for machines and the command line."),
            roles: form.required("roles", "Who may do what: values of the roles claim."),
        },
    });
}

impl Value for AdminOidc {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "AdminOidc",
        about: "The OpenID provider at which people log in: authorization code flow with PKCE.",
        short: None,
        read: |form| Self {
            issuer: form.required("issuer", "Its issuer: the discovery document stands below it."),
            client_id: form.required("clientId", "The admin listener's client id there."),
            client_secret: form.required("clientSecret", "Its secret."),
            scopes: form.defaulted("scopes", "[openid, profile]", "What is asked for; `openid` is one of them."),
            roles_claim: form.defaulted(
                "rolesClaim",
                "groups",
                "The claim whose values say who may do what; in the ID token, or at UserInfo.",
            ),
            name_claim: form.defaulted("nameClaim", "sub", "The claim by which history and audit log name a person."),
            ca: form.optional("ca", "PEM certificates trusted for the provider besides the system's."),
        },
    });
}

impl Value for AdminBearer {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "AdminBearer",
        about: "Access tokens, for machines and the command line.",
        short: None,
        read: |form| Self { audience: form.required("audience", "The `aud` of such tokens; no API may share it.") },
    });
}

impl Value for AdminRoles {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "AdminRoles",
        about: "Which values of the roles claim give which role; who has none may do nothing.",
        short: None,
        read: |form| Self {
            span: form.span(),
            viewer: form.defaulted("viewer", "[]", "They see the configuration, and never a person's data."),
            author: form.defaulted("author", "[]", "They make APIs and change their own."),
            operator: form.defaulted("operator", "[]", "They change everything."),
            support: form.defaulted("support", "[]", "They see the attribute values of any user."),
        },
    });
}
