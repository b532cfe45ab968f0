//! `authentication`: how callers of an API prove who they are.

use crate::{
    bind::{Form, OneOrMany, RecordShape, Shape, Support, TaggedShape, Value, Variant},
    span::{Span, Spanned},
};

/// One entry of `authentication`.
#[derive(Clone, Debug, PartialEq)]
pub enum Authentication {
    /// `OAuth2`: an access token.
    OAuth2(PlacedCredential),
    /// `JWT`
    Jwt(PlacedCredential),
    /// `APIKey`
    ApiKey(PlacedCredential),
    /// `mTLS`
    MutualTls(MutualTls),
    /// `Basic`: a user's name and password.
    Basic(PlacedCredential),
}

/// A credential in a header or a query parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedCredential {
    /// Where the entry stands.
    pub span: Span,
    /// `enabled`
    pub enabled: Spanned<bool>,
    /// `required`
    pub required: Spanned<Presence>,
    /// `sendTokenToUpstream`
    pub send_token_to_upstream: Spanned<bool>,
    /// `headerEnable`
    pub header_enable: Spanned<bool>,
    /// `headerName`
    pub header_name: Spanned<String>,
    /// `queryParamEnable`
    pub query_param_enable: Spanned<bool>,
    /// `queryParamName`
    pub query_param_name: Option<Spanned<String>>,
    /// `audience`: one of these must be in a token's `aud`.
    pub audience: Vec<Spanned<String>>,
}

/// A client certificate.
#[derive(Clone, Debug, PartialEq)]
pub struct MutualTls {
    /// Where the entry stands.
    pub span: Span,
    /// `enabled`
    pub enabled: Spanned<bool>,
    /// `required`
    pub required: Spanned<CertificatePresence>,
    /// `certificates`: which of the operator's `clientCertificates`; empty: all.
    pub certificates: Vec<CertificateChoice>,
}

/// One set of trusted client certificates, by the operator's name.
#[derive(Clone, Debug, PartialEq)]
pub struct CertificateChoice {
    /// `name`
    pub name: Spanned<String>,
}

/// Whether a credential must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Presence {
    /// `mandatory`
    Mandatory,
    /// `optional`
    Optional,
}

/// Whether a client certificate must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CertificatePresence {
    /// `mandatory`: in addition to what else is asked for.
    Mandatory,
    /// `optional`
    Optional,
    /// `alternative`: it, or one of the other credentials.
    Alternative,
}

impl Value for Authentication {
    const SHAPE: Shape<Self> = Shape::Tagged(TaggedShape {
        name: "Authentication",
        about: "One way for callers to prove who they are.",
        tag: "authType",
        variants: &[
            Variant {
                words: &["OAuth2"],
                about: "An OAuth 2 access token.",
                support: Support::Built,
                read: |form| Self::OAuth2(PlacedCredential::token(form)),
            },
            Variant {
                words: &["JWT"],
                about: "A JWT.",
                support: Support::Built,
                read: |form| Self::Jwt(PlacedCredential::token(form)),
            },
            Variant {
                words: &["APIKey"],
                about: "An API key.",
                support: Support::Built,
                read: |form| Self::ApiKey(PlacedCredential::api_key(form)),
            },
            Variant {
                words: &["mTLS"],
                about: "A client certificate.",
                support: Support::Built,
                read: |form| Self::MutualTls(MutualTls::read(form)),
            },
            Variant {
                words: &["Basic"],
                about: "A user name and a password.",
                support: Support::Built,
                read: |form| Self::Basic(PlacedCredential::basic(form)),
            },
        ],
        stand_in: |span| Self::Basic(PlacedCredential::off(span)),
    });
}

impl PlacedCredential {
    fn token(form: &mut Form<'_>) -> Self {
        Self {
            span: form.span(),
            enabled: form.defaulted("enabled", "true", "Whether it is on."),
            required: form.defaulted("required", "mandatory", "`optional`: without a token the caller is anonymous."),
            send_token_to_upstream: form.defaulted(
                "sendTokenToUpstream",
                "false",
                "True: the backend receives the token too.",
            ),
            header_enable: form.defaulted("headerEnable", "true", "Whether it is taken from a header."),
            header_name: form.defaulted("headerName", "Authorization", "That header."),
            query_param_enable: form.defaulted("queryParamEnable", "false", "Whether it is taken from the query."),
            query_param_name: form.optional("queryParamName", "That query parameter."),
            audience: form
                .defaulted::<OneOrMany<_>>("audience", "[]", "One of these must be in `aud`; `[]`: as the issuer says.")
                .0,
        }
    }

    fn api_key(form: &mut Form<'_>) -> Self {
        Self {
            span: form.span(),
            enabled: form.defaulted("enabled", "true", "Whether it is on."),
            required: form.defaulted("required", "mandatory", "`optional`: without a key the caller is anonymous."),
            send_token_to_upstream: form.defaulted(
                "sendTokenToUpstream",
                "false",
                "True: the backend receives the key too.",
            ),
            header_enable: form.defaulted("headerEnable", "true", "Whether it is taken from a header."),
            header_name: form.defaulted("headerName", "apikey", "That header; the key stands in it alone."),
            query_param_enable: form.defaulted(
                "queryParamEnable",
                "false",
                "Whether it is taken from the query, which others write into their logs.",
            ),
            query_param_name: Some(form.defaulted("queryParamName", "apikey", "That query parameter.")),
            audience: Vec::new(),
        }
    }

    fn basic(form: &mut Form<'_>) -> Self {
        Self {
            enabled: form.defaulted("enabled", "true", "Whether it is on."),
            required: form.defaulted("required", "mandatory", "`optional`: without one the caller is anonymous."),
            send_token_to_upstream: form.defaulted(
                "sendTokenToUpstream",
                "false",
                "True: the backend receives name and password too.",
            ),
            header_enable: form.defaulted("headerEnable", "true", "Whether it is taken from a header."),
            header_name: form.defaulted("headerName", "Authorization", "That header, after the word `Basic`."),
            ..Self::off(&form.span())
        }
    }

    /// What stands for an entry that cannot be read.
    fn off(span: &Span) -> Self {
        let off = || Spanned { value: false, span: span.reported() };
        Self {
            span: span.clone(),
            enabled: off(),
            required: Spanned { value: Presence::Mandatory, span: span.reported() },
            send_token_to_upstream: off(),
            header_enable: off(),
            header_name: Spanned { value: "Authorization".to_owned(), span: span.reported() },
            query_param_enable: off(),
            query_param_name: None,
            audience: Vec::new(),
        }
    }
}

impl MutualTls {
    fn read(form: &mut Form<'_>) -> Self {
        Self {
            span: form.span(),
            enabled: form.defaulted("enabled", "true", "Whether it is on."),
            required: form.defaulted(
                "required",
                "mandatory",
                "`mandatory`: in addition to what else is asked for; `alternative`: it or one of the others must be there; `optional`: counts where nothing else is sent.",
            ),
            certificates: form.defaulted(
                "certificates",
                "[]",
                "Which of the operator's `clientCertificates` are trusted here; `[]`: all of them.",
            ),
        }
    }
}

impl Value for CertificateChoice {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "CertificateChoice",
        about: "A set of client certificates that the operator's file describes.",
        short: None,
        read: |form| {
            form.ignored("key", "The key in a Kubernetes ConfigMap, where WSO2 APK looks.");
            Self { name: form.required("name", "Its name among the operator's `clientCertificates`.") }
        },
    });
}

impl Value for Presence {
    const SHAPE: Shape<Self> =
        Shape::Words(Self::Mandatory, &[("mandatory", Self::Mandatory), ("optional", Self::Optional)]);
}

impl Value for CertificatePresence {
    const SHAPE: Shape<Self> = Shape::Words(
        Self::Mandatory,
        &[("mandatory", Self::Mandatory), ("optional", Self::Optional), ("alternative", Self::Alternative)],
    );
}
