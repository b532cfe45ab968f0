//! Kinds of text with a meaning of their own.

use std::{fmt, ops::Deref};

use url::Url;

/// Any scalar, its text exactly as written: `3.10` stays `3.10`, `true` stays `true`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Literal(pub String);

/// An `http` or `https` address, as written and as understood.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct WebUrl {
    /// As written.
    pub text: String,
    /// As understood: with a host, without user information or fragment.
    pub url: Url,
}

impl WebUrl {
    /// Makes the stand-in for an address that is wrong.
    #[expect(clippy::expect_used, reason = "the text is a URL, and `Url` has no constant")]
    pub(crate) fn nowhere() -> Self {
        let text = "http://invalid/".to_owned();
        let url = Url::parse(&text).expect("a URL");
        Self { text, url }
    }
}

impl Deref for Literal {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for WebUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}
