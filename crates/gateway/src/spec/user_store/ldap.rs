//! `ldap`: a directory as a user store.

use std::{path::PathBuf, time::Duration};

use stores::UserMatch;

use crate::{
    bind::{OneOrMany, RecordShape, Shape, Value},
    span::{Span, Spanned},
    spec::{Breaker, Secret},
};

/// `ldap`
#[derive(Clone, Debug, PartialEq)]
pub struct LdapStore {
    /// Where it stands.
    pub span: Span,
    /// `url`: one server or several, in order of preference.
    pub url: Vec<Spanned<String>>,
    /// `startTls`: what an `ldap://` connection begins with.
    pub start_tls: Spanned<bool>,
    /// `ca`: a private CA, PEM.
    pub ca: Option<Spanned<PathBuf>>,
    /// `bindDn`; absent: anonymous.
    pub bind_dn: Option<Spanned<String>>,
    /// `bindPassword`
    pub bind_password: Option<Spanned<Secret>>,
    /// `base`: one or several.
    pub base: Vec<Spanned<String>>,
    /// `filter`, with `{user}`.
    pub filter: Spanned<String>,
    /// `userMatch`
    pub user_match: Spanned<UserMatch>,
    /// `groups`
    pub groups: Option<LdapGroups>,
    /// `connectTimeout`: to connect and bind, with each server.
    pub connect_timeout: Spanned<Duration>,
    /// `timeout`: of all searches of one look-up.
    pub timeout: Spanned<Duration>,
    /// `pool`: connections.
    pub pool: Spanned<u64>,
    /// `breaker`: the store's own `breaker`, where it is written here.
    pub breaker: Option<Breaker>,
}

/// `groups`: a search for the groups that a user is in.
#[derive(Clone, Debug, PartialEq)]
pub struct LdapGroups {
    /// `base`; empty: the store's.
    pub base: Vec<Spanned<String>>,
    /// `filter`, with `{dn}` or `{user}`.
    pub filter: Spanned<String>,
    /// `attribute`: what a group is called by; absent: its distinguished name.
    pub attribute: Option<Spanned<String>>,
    /// `nested`: whether the groups of groups count.
    pub nested: Spanned<bool>,
}

impl Value for LdapStore {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "LdapStore",
        about: "An LDAP directory, such as OpenLDAP or Active Directory.",
        short: None,
        read: |form| Self {
            span: form.span(),
            url: form
                .required::<OneOrMany<_>>(
                    "url",
                    "`ldaps://HOST:PORT` or `ldap://HOST:PORT`; several: the first that answers.",
                )
                .0,
            start_tls: form.defaulted(
                "startTls",
                "true",
                "Goes on in TLS on `ldap://` before anything else; `false` sends the password as it is.",
            ),
            ca: form.optional("ca", "A private CA, PEM, trusted beside the system's roots."),
            bind_dn: form.optional("bindDn", "As whom the gateway asks; without it, anonymously."),
            bind_password: form.optional("bindPassword", "Its password; never empty, as that is anonymous too."),
            base: form.required::<OneOrMany<_>>("base", "Where people are; several: all of them are searched.").0,
            filter: form.required("filter", "Finds a user's entry; `{user}` is escaped (RFC 4515)."),
            user_match: form.defaulted(
                "userMatch",
                "exact",
                "`exact`: the entry must spell the name as the token does; `store`: the server's comparison is enough.",
            ),
            groups: form.optional("groups", "A search for the user's groups; `attributes` takes them as `groups`."),
            connect_timeout: form.defaulted("connectTimeout", "1s", "To connect and bind, with each server."),
            timeout: form.defaulted("timeout", "500ms", "For all searches of one look-up together."),
            pool: form.defaulted("pool", "8", "How many connections."),
            breaker: form.optional("breaker", "The store's own `breaker`, which may be written here too."),
        },
    });
}

impl Value for LdapGroups {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "LdapGroups",
        about: "A search for the groups that a user is in.",
        short: None,
        read: |form| Self {
            base: form.defaulted::<OneOrMany<_>>("base", "[]", "Where groups are; `[]`: where people are.").0,
            filter: form.required(
                "filter",
                "Finds his groups: `{dn}` is his entry's distinguished name, `{user}` his name; both are escaped.",
            ),
            attribute: form.optional("attribute", "What a group is called by; without it, its distinguished name."),
            nested: form.defaulted("nested", "false", "Whether the groups of his groups are his, on every level."),
        },
    });
}
