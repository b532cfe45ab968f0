//! What a request carries to prove who calls: found in the places that an API reads, and nowhere else.
//!
//! Finds, counts and cuts; verifies nothing. A credential in two places, or twice, is refused (RFC 6750 §2).

use std::borrow::Cow;

use http::{HeaderName, HeaderValue, header::AUTHORIZATION};

use crate::{
    rejection::{Code, Rejection},
    request::RequestHead,
};

/// Where a credential may stand.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// A header field; in `Authorization` after `Bearer`, elsewhere with or without it.
    Header(HeaderName),
    /// A query parameter.
    Query(Box<str>),
}

/// One place where an API reads credentials of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CredentialSource {
    /// Where.
    pub place: Place,
    /// What stands there.
    pub holds: Holds,
}

/// What stands in a place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Holds {
    /// An access token.
    AccessToken {
        /// One of these must be in the token's `aud`; empty: the issuer's own rule only.
        audience: Box<[Box<str>]>,
    },
    /// An API key, bare.
    ApiKey,
    /// A user's name and password, after `Basic` (RFC 7617).
    Password,
    /// In `Authorization`, the one or the other: the scheme says which.
    AccessTokenOrPassword {
        /// As of [`Holds::AccessToken`].
        audience: Box<[Box<str>]>,
    },
}

/// What the request carried, unverified.
#[derive(Debug)]
pub(crate) struct Credential<'a> {
    /// The token or key, as sent: whether it is text is looked at only when it is not known yet.
    pub bytes: Cow<'a, [u8]>,
    /// By which scheme it was sent.
    pub presented: Presented,
    /// Which source it came from.
    pub source: &'a CredentialSource,
}

/// By which scheme a token was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presented {
    /// `Bearer`, or by none.
    Bearer,
    /// `DPoP`: there must be a proof.
    Dpop,
    /// `Basic`: no token, but a name and a password.
    Basic,
}

/// Returns the one credential of the request; `None` when it has none.
///
/// # Errors
///
/// [`Code::AmbiguousCredential`] (400) when there are several; [`Code::Unauthorized`] when it is not of a kind that is
/// read here.
pub(crate) fn find<'a>(
    head: &'a RequestHead,
    sources: &'a [CredentialSource],
) -> Result<Option<Credential<'a>>, Rejection> {
    let mut found = None;
    for source in sources {
        let Some((bytes, presented)) = in_place(head, source)? else { continue };
        if found.is_some() {
            return Err(ambiguous());
        }
        found = Some(Credential { bytes, presented, source });
    }
    Ok(found)
}

fn ambiguous() -> Rejection {
    Rejection::new(Code::AmbiguousCredential, "the request carries more than one credential")
}

/// What stands in a place, and by which scheme.
type Found<'a> = (Cow<'a, [u8]>, Presented);

fn in_place<'a>(head: &'a RequestHead, source: &CredentialSource) -> Result<Option<Found<'a>>, Rejection> {
    match &source.place {
        Place::Header(name) => {
            let headers = &head.parts.headers;
            let Some(value) = headers.get(name) else { return Ok(None) };
            // Counting first: mostly no field comes twice.
            if headers.len() > headers.keys_len() && headers.get_all(name).iter().nth(1).is_some() {
                return Err(ambiguous());
            }
            match &source.holds {
                Holds::AccessToken { .. } => {
                    in_field(name, value).map(|(token, presented)| Some((Cow::Borrowed(token), presented)))
                }
                Holds::AccessTokenOrPassword { .. } => match password_in(value) {
                    Some(found) => Ok(Some(found)),
                    None => in_field(name, value).map(|(token, presented)| Some((Cow::Borrowed(token), presented))),
                },
                Holds::Password => match password_in(value) {
                    Some(found) => Ok(Some(found)),
                    None => Err(Rejection::new(Code::Unauthorized, "the credential is not a name and a password")),
                },
                Holds::ApiKey => Ok(Some((Cow::Borrowed(value.as_bytes()), Presented::Bearer))),
            }
        }
        Place::Query(name) => in_query(head.parts.uri.query().unwrap_or_default(), name),
    }
}

/// Reads `Bearer token` (RFC 6750 §2.1; the scheme in any case) or `DPoP token` (RFC 9449 §7.1), or outside
/// `Authorization` the bare token.
fn in_field<'a>(name: &HeaderName, value: &'a HeaderValue) -> Result<(&'a [u8], Presented), Rejection> {
    let bytes = value.as_bytes();
    let (scheme, token) = bytes.split_at_checked(7).unwrap_or_default();
    let is_bearer = scheme == b"Bearer " || scheme.eq_ignore_ascii_case(b"bearer ");
    match is_bearer.then_some(token) {
        Some(token) => Ok((without_spaces(token), Presented::Bearer)),
        None if *name == AUTHORIZATION => match bytes.split_at_checked(5) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"dpop ") => {
                Ok((without_spaces(token), Presented::Dpop))
            }
            Some(_) | None => Err(Rejection::new(Code::Unauthorized, "the credential is not an access token")),
        },
        None => Ok((bytes, Presented::Bearer)),
    }
}

/// Reads `Basic …`, the scheme in any case.
fn password_in(value: &HeaderValue) -> Option<Found<'_>> {
    let (scheme, credentials) = value.as_bytes().split_at_checked(6)?;
    let is_basic = scheme.eq_ignore_ascii_case(b"basic ");
    is_basic.then(|| (Cow::Borrowed(without_spaces(credentials)), Presented::Basic))
}

fn without_spaces(mut token: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] = token {
        token = rest;
    }
    token
}

fn in_query<'a>(query: &str, name: &str) -> Result<Option<Found<'a>>, Rejection> {
    let mut values = url::form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name);
    let Some((_, value)) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(ambiguous());
    }
    Ok(Some((Cow::Owned(value.into_owned().into_bytes()), Presented::Bearer)))
}

/// Returns the query without the named parameters, other parts untouched; `None` when nothing is left.
pub(crate) fn without_parameters(query: &str, names: &[Box<str>]) -> Option<String> {
    let is_kept = |part: &&str| {
        let decoded = url::form_urlencoded::parse(part.as_bytes()).next();
        !decoded.is_some_and(|(key, _)| names.iter().any(|name| **name == *key))
    };
    let kept: Vec<&str> = query.split('&').filter(is_kept).collect();
    (!kept.is_empty()).then(|| kept.join("&"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::{HeaderMap, Request};

    use super::*;
    use crate::request::Connection;

    fn sources() -> Vec<CredentialSource> {
        [
            Place::Header(AUTHORIZATION),
            Place::Header(HeaderName::from_static("custom-jwt")),
            Place::Query("token".into()),
        ]
        .map(|place| CredentialSource { place, holds: Holds::AccessToken { audience: Box::default() } })
        .into_iter()
        .chain([CredentialSource { place: Place::Header(HeaderName::from_static("apikey")), holds: Holds::ApiKey }])
        .collect()
    }

    fn check(uri: &str, fields: &[(&'static str, &'static str)], expected: Result<Option<&str>, Code>) {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let mut parts = Request::get(uri).body(()).unwrap().into_parts().0;
        parts.headers = headers;
        let head = RequestHead {
            parts,
            connection: Arc::new(Connection::new("192.0.2.7:4000".parse().unwrap(), false)),
            request_id: HeaderValue::from_static("r1"),
        };
        let sources = sources();
        let found = find(&head, &sources);
        let found = found
            .as_ref()
            .map(|found| found.as_ref().map(|found| std::str::from_utf8(&found.bytes).unwrap()))
            .map_err(|error| error.code);
        assert_eq!(found, expected, "{uri} {fields:?}");
    }

    #[test]
    fn the_scheme_is_read_in_any_case() {
        check("/", &[("authorization", "bEaReR abc")], Ok(Some("abc")));
        check("/", &[("authorization", "Bearer  abc")], Ok(Some("abc")));
        check("/", &[("custom-jwt", "abc")], Ok(Some("abc")));
        check("/", &[("custom-jwt", "bearer abc")], Ok(Some("abc")));
        check("/?a=1&token=a%2Eb", &[], Ok(Some("a.b")));
        check("/", &[], Ok(None));
    }

    #[test]
    fn an_api_key_stands_alone_in_its_field() {
        check("/", &[("apikey", "abc")], Ok(Some("abc")));
        check("/", &[("apikey", "Bearer abc")], Ok(Some("Bearer abc")));
    }

    #[test]
    fn other_schemes_are_refused() {
        for value in ["Basic dTpw", "Bearer\tabc", "Bearerabc", "Bearer", "", "DPoP", "DPoPabc"] {
            check("/", &[("authorization", value)], Err(Code::Unauthorized));
        }
    }

    #[test]
    fn two_credentials_are_ambiguous() {
        check("/", &[("authorization", "Bearer a"), ("authorization", "Bearer a")], Err(Code::AmbiguousCredential));
        check("/", &[("authorization", "Bearer a"), ("custom-jwt", "a")], Err(Code::AmbiguousCredential));
        check("/?token=a", &[("authorization", "Bearer a")], Err(Code::AmbiguousCredential));
        check("/", &[("authorization", "Bearer a"), ("apikey", "a")], Err(Code::AmbiguousCredential));
        check("/?token=a&token=a", &[], Err(Code::AmbiguousCredential));
    }

    #[test]
    fn a_credential_is_cut_out_of_the_query() {
        let names = [Box::from("token")];
        assert_eq!(without_parameters("a=1&token=x&b=%20", &names).as_deref(), Some("a=1&b=%20"));
        assert_eq!(without_parameters("t%6Fken=x", &names), None);
        assert_eq!(without_parameters("a=1", &names).as_deref(), Some("a=1"));
    }
}
