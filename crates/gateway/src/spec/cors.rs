//! `corsConfiguration`: which pages of other origins may call an API.

use crate::{
    bind::{RecordShape, Shape, Value},
    span::Spanned,
};

/// Which pages of other origins may call an API.
#[derive(Clone, Debug, PartialEq)]
pub struct Cors {
    /// `corsConfigurationEnabled`
    pub enabled: Spanned<bool>,
    /// `accessControlAllowOrigins`
    pub allow_origins: Vec<Spanned<String>>,
    /// `accessControlAllowCredentials`
    pub allow_credentials: Spanned<bool>,
    /// `accessControlAllowHeaders`
    pub allow_headers: Vec<Spanned<String>>,
    /// `accessControlAllowMethods`
    pub allow_methods: Vec<Spanned<String>>,
    /// `accessControlAllowMaxAge`, in seconds.
    pub max_age: Spanned<u64>,
    /// `accessControlExposeHeaders`
    pub expose_headers: Vec<Spanned<String>>,
}

impl Value for Cors {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "Cors",
        about: "Which pages of other origins may call the API.",
        short: None,
        read: |form| Self {
            enabled: form.defaulted("corsConfigurationEnabled", "false", "Whether CORS is on."),
            allow_origins: form.defaulted(
                "accessControlAllowOrigins",
                "[]",
                "Origins that may call, such as `https://shop.example.com`; `*`: all.",
            ),
            allow_credentials: form.defaulted("accessControlAllowCredentials", "false", "With credentials."),
            allow_headers: form.defaulted("accessControlAllowHeaders", "[]", "Request headers that they may send."),
            allow_methods: form.defaulted(
                "accessControlAllowMethods",
                "[]",
                "Methods that they may use. None: those of the operations.",
            ),
            max_age: form.defaulted("accessControlAllowMaxAge", "0", "Seconds that a preflight's answer is kept."),
            expose_headers: form.defaulted("accessControlExposeHeaders", "[]", "Response headers that they may read."),
        },
    });
}
