//! `issuers`: whose access tokens are trusted, and how their users are found.

use std::{path::PathBuf, time::Duration};

use claims::Algorithm;

use crate::{
    bind::{Form, Literal, OneOrMany, RecordShape, Shape, Value, WebUrl},
    diagnostic::DiagnosticCode,
    span::{Span, Spanned},
    spec::{Introspection, Passwords},
};

/// One trusted issuer of inbound tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct Issuer {
    /// Where the entry stands.
    pub span: Span,
    /// `name`
    pub name: Spanned<String>,
    /// `issuer`: `iss`, compared character by character.
    pub issuer: Spanned<String>,
    /// `jwks`
    pub jwks: Option<Jwks>,
    /// `introspection`
    pub introspection: Option<Introspection>,
    /// `passwords`: whether its users may call with name and password.
    pub passwords: Option<Passwords>,
    /// `discovery`: find `jwks_uri` under the issuer's address.
    pub discovery: Spanned<bool>,
    /// `audience`: one of these must be in `aud`; empty: not checked.
    pub audience: Vec<Spanned<String>>,
    /// `algorithms`
    pub algorithms: Vec<Spanned<Algorithm>>,
    /// `subject`: the template of the Backend JWT's `sub`.
    pub subject: Spanned<String>,
    /// `consumerKeyClaim`: which claim holds the client id; absent: `azp`, then `client_id`.
    pub consumer_key_claim: Option<Spanned<String>>,
    /// `scopesClaim`
    pub scopes_claim: Vec<Spanned<String>>,
    /// `clientCredentials`: how a token is known that a client got for itself.
    pub client_credentials: Vec<ClaimSign>,
    /// `claimMappings`: inbound claims under other names.
    pub claim_mappings: Vec<ClaimMapping>,
    /// `tokenType`
    pub token_type: Spanned<TokenType>,
    /// `lookup`
    pub lookup: Lookup,
    /// `applicationFromToken`: believe the token's `application`, `subscribedAPIs` and `keytype` claims.
    pub application_from_token: Spanned<bool>,
    /// `clockSkew`: on `nbf` and `iat`.
    pub clock_skew: Spanned<Duration>,
}

/// `jwks`: exactly one of the two.
#[derive(Clone, Debug, PartialEq)]
pub struct Jwks {
    /// Where it stands.
    pub span: Span,
    /// `url`
    pub url: Option<Spanned<WebUrl>>,
    /// `file`
    pub file: Option<Spanned<PathBuf>>,
    /// `ca`: PEM certificates trusted for `url` besides the system's.
    pub ca: Option<Spanned<PathBuf>>,
}

/// One renaming of an inbound claim.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimMapping {
    /// `remoteClaim`: its name in the token.
    pub remote_claim: Spanned<String>,
    /// `localClaim`: its name here.
    pub local_claim: Spanned<String>,
}

/// A claim that says something by being there, or by its value.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimSign {
    /// `claim`
    pub claim: Spanned<String>,
    /// `value`; absent: any.
    pub value: Option<Spanned<Literal>>,
}

/// What `typ` must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenType {
    /// `any`
    Any,
    /// `at+jwt`: RFC 9068 to the letter.
    AccessToken,
}

/// `lookup`: how the user is found.
#[derive(Clone, Debug, PartialEq)]
pub struct Lookup {
    /// Where it stands; the issuer's place when left out.
    pub span: Span,
    /// `claim`
    pub claim: Spanned<String>,
    /// `userStores`: the only ones that this issuer's users may be looked up in, in order.
    pub user_stores: Vec<Spanned<String>>,
}

impl Value for Issuer {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "Issuer",
        about: "A trusted issuer of access tokens.",
        short: None,
        read: |form| {
            let issuer = Self::read(form);
            refuse_unclear_keys(form, &issuer);
            issuer
        },
    });
}

impl Issuer {
    fn read(form: &mut Form<'_>) -> Self {
        Self {
            span: form.span(),
            name: form.required("name", "Its name here. The claim `idp` is its `issuer`."),
            issuer: form.required("issuer", "Its `iss`, compared character by character."),
            jwks: form.optional("jwks", "Where its public keys are."),
            discovery: form.defaulted("discovery", "false", "True: find the keys by OpenID Connect Discovery."),
            introspection: form.optional("introspection", "How it is asked about tokens that only it can read."),
            passwords: form.optional("passwords", "Lets its users call with name and password, which its user stores check."),
            audience: form
                .defaulted::<OneOrMany<_>>("audience", "[]", "One of these must be in `aud`; `[]`: not checked.")
                .0,
            algorithms: form.defaulted(
                "algorithms",
                "[RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA]",
                "What its tokens may be signed with.",
            ),
            subject: form.defaulted(
                "subject",
                "${token.sub}",
                "The Backend JWT's `sub`; with several issuers such as `partner/${token.sub}`.",
            ),
            consumer_key_claim: form.optional(
                "consumerKeyClaim",
                "The claim that holds the client id; without it `azp`, then `client_id`.",
            ),
            scopes_claim: form
                .defaulted::<OneOrMany<_>>(
                    "scopesClaim",
                    "scope",
                    "The claim that holds the scopes, or several: each a list, or a text with spaces.",
                )
                .0,
            client_credentials: form.defaulted(
                "clientCredentials",
                "[{claim: aut, value: APPLICATION}, {claim: gty, value: client-credentials}, {claim: idtyp, value: app}]",
                "How a token is known that a client got for itself, besides by a `sub` that is its client id: any of these.",
            ),
            claim_mappings: form.defaulted("claimMappings", "[]", "Claims of its tokens that have another name here."),
            token_type: form.defaulted("tokenType", "any", "`at+jwt`: only access tokens by RFC 9068."),
            lookup: form.defaulted("lookup", "{}", "How its users are found."),
            application_from_token: form.defaulted(
                "applicationFromToken",
                "false",
                "True: believe the token's `application`, `subscribedAPIs` and `keytype` claims.",
            ),
            clock_skew: form.defaulted("clockSkew", "30s", "How far `nbf` and `iat` may lie ahead of now."),
        }
    }
}

/// Exactly one source of keys.
fn refuse_unclear_keys(form: &mut Form<'_>, issuer: &Issuer) {
    let (code, message) = match (form.seems_to_have("jwks"), *issuer.discovery) {
        (false, false) if form.seems_to_have("introspection") || form.seems_to_have("passwords") => return,
        (false, false) => (
            DiagnosticCode::MissingField,
            "the issuer has no keys and cannot be asked: neither `jwks` nor `discovery: true` nor `introspection` nor `passwords`",
        ),
        (true, true) => (DiagnosticCode::ConflictingFields, "`jwks` and `discovery: true` exclude one another"),
        (true, false) | (false, true) => return,
    };
    let span = form.place_of("discovery");
    form.complain(code, &span, message.to_owned());
}

impl Value for Jwks {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "Jwks",
        about: "Where public keys are: `url` or `file`.",
        short: None,
        read: |form| {
            if form.seems_to_have("url") == form.seems_to_have("file") {
                let span = form.span();
                let message = "`jwks` needs one of `url` and `file`".to_owned();
                form.complain(DiagnosticCode::ConflictingFields, &span, message);
            }
            Self {
                span: form.span(),
                url: form.optional("url", "An address that serves a JWK set."),
                file: form.optional("file", "A JWK set."),
                ca: form.optional("ca", "A PEM file of certificates that are trusted for `url` besides the system's."),
            }
        },
    });
}

impl Value for ClaimMapping {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "ClaimMapping",
        about: "A claim of inbound tokens that has another name here.",
        short: None,
        read: |form| Self {
            remote_claim: form.required(
                "remoteClaim",
                "Its name in the token; deeper down, a JSON pointer such as `/realm_access/roles`.",
            ),
            local_claim: form.required("localClaim", "Its name here."),
        },
    });
}

impl Value for ClaimSign {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "ClaimSign",
        about: "A claim that says something by being there, or by its value.",
        short: None,
        read: |form| Self {
            claim: form.required("claim", "Its name."),
            value: form.optional("value", "The text that it must have; without it, any value will do."),
        },
    });
}

impl Value for TokenType {
    const SHAPE: Shape<Self> = Shape::Words(Self::Any, &[("any", Self::Any), ("at+jwt", Self::AccessToken)]);
}

impl Value for Lookup {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "Lookup",
        about: "How an issuer's users are found.",
        short: None,
        read: |form| Self {
            span: form.span(),
            claim: form.defaulted("claim", "sub", "The claim that says who the user is."),
            user_stores: form.defaulted(
                "userStores",
                "[]",
                "The only user stores that this issuer's users are looked up in; the first is the default.",
            ),
        },
    });
}
