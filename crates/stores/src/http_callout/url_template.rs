//! The operator's address, with a place for the user's name in its path or its query.
//!
//! The name is percent-encoded, all but the unreserved characters (RFC 3986 §2.3). Scheme, host and port are fixed.

use url::Url;

use crate::percent::encoded;

/// What stands for the user's name.
pub(super) const USER: &str = "{user}";

/// An address with the user's name left open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlTemplate {
    text: Box<str>,
    has_user: bool,
    is_in_path: bool,
}

/// Why an address is not acceptable: the operator must act.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlTemplateError {
    /// No URL at all.
    #[error("not a URL: {0}")]
    Malformed(#[from] url::ParseError),
    /// Another scheme, or a name and password in it.
    #[error("the URL must begin with `http://` or `https://`, without user name, password and fragment")]
    Strange,
    /// The name would choose the host.
    #[error("`{{user}}` may stand in the path and in the query only")]
    Place,
    /// Something else in braces.
    #[error("unknown placeholder; the only one is `{{user}}`")]
    Placeholder,
    /// The same address could be written in another way, so that nobody could tell what a name changes.
    #[error("write it as it is sent: `{0}`")]
    NotNormal(Box<str>),
}

impl UrlTemplate {
    /// Reads an address.
    ///
    /// # Errors
    ///
    /// [`UrlTemplateError`]
    pub fn parse(text: &str) -> Result<Self, UrlTemplateError> {
        if text.replace(USER, "").contains(['{', '}']) {
            return Err(UrlTemplateError::Placeholder);
        }
        let url = Url::parse(&text.replace(USER, "user"))?;
        let has_credentials = !url.username().is_empty() || url.password().is_some();
        if !matches!(url.scheme(), "http" | "https") || has_credentials || url.fragment().is_some() {
            return Err(UrlTemplateError::Strange);
        }
        let (_, rest) = text.split_once("://").ok_or(UrlTemplateError::Strange)?;
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        if authority.contains(USER) {
            return Err(UrlTemplateError::Place);
        }
        if url.as_str() != text.replace(USER, "user") {
            let normal = Url::parse(&text.replace(USER, "countersign-user"))?;
            return Err(UrlTemplateError::NotNormal(normal.as_str().replace("countersign-user", USER).into()));
        }
        let path = text.split('?').next().unwrap_or_default();
        Ok(Self { text: text.into(), has_user: text.contains(USER), is_in_path: path.contains(USER) })
    }

    /// True when the user's name is in it.
    pub const fn has_user(&self) -> bool {
        self.has_user
    }

    /// Returns the root of the service.
    pub(super) fn root(&self) -> Option<Url> {
        Url::parse(&self.text.replace(USER, "user")).ok()?.join("/").ok()
    }

    /// Returns the address for one user; `None`: his name cannot be in a path.
    ///
    /// Encoding is not enough there: `.` and `..` are taken for steps even when they are encoded, and a slash is a slash
    /// again behind many a proxy.
    pub(super) fn fill(&self, user: &str) -> Option<Url> {
        if self.is_in_path && user.contains(['/', '\\', '\0']) {
            return None;
        }
        let text = self.text.replace(USER, &encoded(user));
        let url = Url::parse(&text).ok()?;
        // INVARIANT: what is sent is what was written, name filled in; a step would have been taken away.
        (url.as_str() == text).then_some(url)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(template: &str, user: &str, expected: Option<&str>) {
        let filled = UrlTemplate::parse(template).unwrap().fill(user);
        assert_eq!(filled.as_ref().map(Url::as_str), expected, "{template} {user:?}");
    }

    #[test]
    fn the_name_is_encoded_and_stays_in_its_place() {
        let path = "https://x.example/people/{user}?v=1";
        check(path, "alice", Some("https://x.example/people/alice?v=1"));
        check(path, "a b@c#d?e%2f&f", Some("https://x.example/people/a%20b%40c%23d%3Fe%252f%26f?v=1"));
        check(path, "é😀", Some("https://x.example/people/%C3%A9%F0%9F%98%80?v=1"));
        for user in ["..", ".", "a/b", "../x", "a\\b", "a\0"] {
            check(path, user, None);
        }
        check("https://x.example/p/x{user}", "..", Some("https://x.example/p/x.."));
        check("https://x.example/p/.{user}", ".", None);
        let query = "https://x.example/p?name={user}&v=1";
        check(query, "../a/b&v=2\r\n", Some("https://x.example/p?name=..%2Fa%2Fb%26v%3D2%0D%0A&v=1"));
        check("http://127.0.0.1:8080/p", "alice", Some("http://127.0.0.1:8080/p"));
    }

    #[test]
    fn an_address_whose_host_the_name_could_choose_is_refused() {
        let check = |template: &str, expected: UrlTemplateError| {
            assert_eq!(UrlTemplate::parse(template).unwrap_err(), expected, "{template}");
        };
        check("https://{user}.example/x", UrlTemplateError::Place);
        check("https://x.example:80{user}/x", UrlTemplateError::Malformed(url::ParseError::InvalidPort));
        check("https://{user}@x.example/x", UrlTemplateError::Strange);
        check("https://x.example/{user}#{user}", UrlTemplateError::Strange);
        check("ftp://x.example/{user}", UrlTemplateError::Strange);
        check("{user}", UrlTemplateError::Malformed(url::ParseError::RelativeUrlWithoutBase));
        check("https://x.example/{id}", UrlTemplateError::Placeholder);
        check("https://x.example?u={user}", UrlTemplateError::NotNormal("https://x.example/?u={user}".into()));
        check("https://x.example/a/../{user}", UrlTemplateError::NotNormal("https://x.example/{user}".into()));
        check("https://X.example/a b", UrlTemplateError::NotNormal("https://x.example/a%20b".into()));
    }

    proptest! {
        #[test]
        fn whatever_the_name_only_its_place_changes(user in any::<String>()) {
            let filled = UrlTemplate::parse("https://x.example/a/{user}/b?c={user}&d=e").unwrap().fill(&user);
            if let Some(url) = filled {
                prop_assert_eq!(url.host_str(), Some("x.example"));
                let segments: Vec<&str> = url.path_segments().unwrap().collect();
                prop_assert_eq!((segments.len(), segments[0], segments[2]), (3, "a", "b"));
                let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
                prop_assert_eq!(pairs, [("c".to_owned(), user), ("d".to_owned(), "e".to_owned())]);
            }
        }
    }
}
