//! `RequestRedirect`: the caller is sent elsewhere.
//!
//! Scheme, host and path are the author's, whatever the client sends; only the query is carried over, and only where the
//! author wrote none. So nobody can be sent to a place of a client's choice.

use http::{HeaderValue, StatusCode, header::LOCATION};

use crate::rejection::{Code, Rejection};

/// Where callers are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// The address, without a fragment.
    pub location: Box<str>,
    /// How it is said.
    pub status: RedirectStatus,
}

/// The statuses of a redirection (RFC 9110 §15.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RedirectStatus {
    /// 301: for good; a `POST` may become a `GET`.
    MovedPermanently,
    /// 302: for now; a `POST` may become a `GET`.
    Found,
    /// 307: for now, with the same method.
    Temporary,
    /// 308: for good, with the same method.
    Permanent,
}

impl RedirectStatus {
    /// Returns the HTTP status.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::MovedPermanently => StatusCode::MOVED_PERMANENTLY,
            Self::Found => StatusCode::FOUND,
            Self::Temporary => StatusCode::TEMPORARY_REDIRECT,
            Self::Permanent => StatusCode::PERMANENT_REDIRECT,
        }
    }
}

impl Redirect {
    /// Sends a caller there, with the query of the call.
    pub(super) fn answer(&self, query: Option<&str>) -> Rejection {
        let rejection = Rejection::new(Code::Redirected(self.status), "");
        let location = match query.filter(|_| !self.location.contains('?')) {
            Some(query) => HeaderValue::from_maybe_shared(bytes::Bytes::from(format!("{}?{query}", self.location))),
            None => HeaderValue::from_str(&self.location),
        };
        match location.or_else(|_| HeaderValue::from_str(&self.location)) {
            Ok(location) => rejection.with(LOCATION, location),
            Err(_) => rejection,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(location: &str, query: Option<&str>, expected: &str) {
        let redirect = Redirect { location: location.into(), status: RedirectStatus::Found };
        let rejection = redirect.answer(query);
        assert_eq!(rejection.headers, [(LOCATION, HeaderValue::from_str(expected).unwrap())]);
    }

    #[test]
    fn only_the_query_is_the_clients() {
        check("https://a.example/x", None, "https://a.example/x");
        check("https://a.example/x", Some("id=1&u=//evil.example"), "https://a.example/x?id=1&u=//evil.example");
        check("https://a.example/x?fixed=1", Some("fixed=2"), "https://a.example/x?fixed=1");
        check("https://a.example/x", Some("bad\r\nSet-Cookie: a=b"), "https://a.example/x");
    }
}
