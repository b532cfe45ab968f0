//! Where a directory is: the operator's `url`.

use std::{fmt, net::Ipv4Addr};

use url::{Host, Url};

/// A directory server.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct LdapUrl {
    text: Box<str>,
    url: Url,
}

/// Why a server's URL is not acceptable: the operator must act.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LdapUrlError {
    /// Not `ldap` or `ldaps`.
    #[error("a directory's URL begins with `ldaps://` or `ldap://`")]
    Scheme,
    /// No host, or none that can be read.
    #[error("a directory's URL needs a host")]
    Host,
    /// An IPv6 address, which the library cannot compare with a certificate.
    #[error("an IPv6 address cannot be checked against a certificate: use a name")]
    Ipv6,
    /// A base, attributes, a filter or a user in the URL (RFC 4516), for which there are fields.
    #[error("a directory's URL holds host and port only: there are fields for everything else")]
    More,
}

impl LdapUrl {
    /// Reads `ldaps://host`, `ldap://host`, both with an optional port.
    ///
    /// # Errors
    ///
    /// [`LdapUrlError`]: another scheme, no host, or more than that.
    pub fn parse(text: &str) -> Result<Self, LdapUrlError> {
        let Some(scheme) = ["ldap://", "ldaps://"].into_iter().find(|scheme| text.starts_with(scheme)) else {
            return Err(LdapUrlError::Scheme);
        };
        let url = Url::parse(text).map_err(|_| LdapUrlError::Host)?;
        if url.host_str().is_none_or(str::is_empty) || text.len() == scheme.len() {
            return Err(LdapUrlError::Host);
        }
        if matches!(url.host(), Some(Host::Ipv6(_))) {
            return Err(LdapUrlError::Ipv6);
        }
        let is_bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        if !is_bare || !url.username().is_empty() || url.password().is_some() {
            return Err(LdapUrlError::More);
        }
        Ok(Self { text: text.into(), url })
    }

    /// True for `ldaps`.
    pub fn is_ldaps(&self) -> bool {
        self.url.scheme() == "ldaps"
    }

    /// True for a server on this machine: what goes there does not go over a network.
    pub fn is_local(&self) -> bool {
        // Of a scheme that browsers do not know, an address is a name to the library.
        let host = self.url.host_str().unwrap_or_default();
        host == "localhost" || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
    }

    pub(super) const fn url(&self) -> &Url {
        &self.url
    }
}

/// As written.
impl fmt::Display for LdapUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// As written.
impl fmt::Debug for LdapUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &Result<bool, LdapUrlError>) {
        assert_eq!(LdapUrl::parse(text).map(|url| url.is_ldaps()), *expected, "{text}");
    }

    #[test]
    fn a_server_may_be_on_this_machine() {
        let is_local = |text| LdapUrl::parse(text).unwrap().is_local();
        assert!(is_local("ldap://localhost") && is_local("ldap://127.0.0.1:389"));
        assert!(!is_local("ldap://localhost.example.com") && !is_local("ldap://10.0.0.1"));
    }

    #[test]
    fn a_server_is_scheme_host_and_port() {
        check("ldaps://ldap.example.com", &Ok(true));
        check("ldaps://ldap.example.com:3269/", &Ok(true));
        check("ldap://10.0.0.1:389", &Ok(false));
        check("http://ldap.example.com", &Err(LdapUrlError::Scheme));
        check("ldapi:///var/run/slapd.sock", &Err(LdapUrlError::Scheme));
        check("ldap.example.com", &Err(LdapUrlError::Scheme));
        check("ldap://", &Err(LdapUrlError::Host));
        check("ldaps://[::1]:636", &Err(LdapUrlError::Ipv6));
        check("ldaps://:636", &Err(LdapUrlError::Host));
        check("ldaps://ldap.example.com/dc=example,dc=com", &Err(LdapUrlError::More));
        check("ldaps://ldap.example.com/??sub?(uid=x)", &Err(LdapUrlError::More));
        check("ldaps://cn=x:secret@ldap.example.com", &Err(LdapUrlError::More));
    }
}
