//! `introspection`: how an issuer is asked about tokens that only it can read (RFC 7662).

use std::{path::PathBuf, time::Duration};

use crate::{
    bind::{RecordShape, Shape, Value, WebUrl},
    introspection::{ClientAuthentication, SignedAnswers},
    span::{Span, Spanned},
    spec::{Breaker, Secret},
};

/// How an issuer is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Introspection {
    /// Where it stands.
    pub span: Span,
    /// `url`
    pub url: Spanned<WebUrl>,
    /// `clientId`
    pub client_id: Spanned<String>,
    /// `clientSecret`
    pub client_secret: Spanned<Secret>,
    /// `clientAuthentication`
    pub client_authentication: Spanned<ClientAuthentication>,
    /// `signedAnswers`
    pub signed_answers: Spanned<SignedAnswers>,
    /// `tokenPrefix`: what all its opaque tokens begin with.
    pub token_prefix: Option<Spanned<String>>,
    /// `inTurn`: it may see tokens that may be another issuer's.
    pub in_turn: Spanned<bool>,
    /// `ca`: PEM certificates trusted for `url` besides the system's.
    pub ca: Option<Spanned<PathBuf>>,
    /// `timeout`
    pub timeout: Spanned<Duration>,
    /// `ttl`: how long an answer is relied on.
    pub ttl: Spanned<Duration>,
    /// `atOnce`: how many questions are under way at most.
    pub at_once: Spanned<u64>,
    /// `breaker`: when to stop asking.
    pub breaker: Breaker,
}

impl Value for Introspection {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "Introspection",
        about: "How an issuer is asked about opaque tokens (RFC 7662).",
        short: None,
        read: |form| {
            Self {
            span: form.span(),
            url: form.required("url", "The introspection endpoint."),
            client_id: form.required("clientId", "The gateway's client id there."),
            client_secret: form.required("clientSecret", "Its secret."),
            client_authentication: form.defaulted(
                "clientAuthentication",
                "basic",
                "Where the secret goes: `client_secret_basic`, or `client_secret_post`.",
            ),
            signed_answers: form.defaulted(
                "signedAnswers",
                "none",
                "`required`: only answers that the issuer's keys have signed (RFC 9701).",
            ),
            token_prefix: form.optional(
                "tokenPrefix",
                "What all its opaque tokens begin with: it is asked about those alone, and nobody else about them.",
            ),
            in_turn: form.defaulted(
                "inTurn",
                "false",
                "True: where an API trusts several issuers that say so, each is asked in turn, and sees the others' tokens.",
            ),
            ca: form.optional("ca", "A PEM file of certificates that are trusted for `url` besides the system's."),
            timeout: form.defaulted("timeout", "2s", "How long one answer may take."),
            ttl: form.defaulted(
                "ttl",
                "60s",
                "How long an answer is relied on, at most to the token's end: a token that is revoked lives on for so long.",
            ),
            at_once: form.defaulted("atOnce", "32", "How many questions are under way at most."),
            breaker: form.defaulted("breaker", "{}", "When to stop asking an issuer that fails."),
        }
        },
    });
}

impl Value for ClientAuthentication {
    const SHAPE: Shape<Self> = Shape::Words(Self::Basic, &[("basic", Self::Basic), ("post", Self::Post)]);
}

impl Value for SignedAnswers {
    const SHAPE: Shape<Self> = Shape::Words(Self::None, &[("none", Self::None), ("required", Self::Required)]);
}
