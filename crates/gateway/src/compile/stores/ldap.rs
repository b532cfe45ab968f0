//! `ldap`: servers, trust, the bind, and the operator's filters, read.

use std::{sync::Arc, time::Duration};

use stores::{
    FilterError, GROUPS, GroupFilter, GroupSearch, LdapBind, LdapConnection, LdapSettings, LdapStore, LdapUrl,
    UserFilter, tls_client,
};

use super::{Reading, attribute_map, require_attributes};
use crate::{
    diagnostic::{Diagnostic, DiagnosticCode},
    span::{Span, Spanned},
    spec,
};

pub(super) fn ldap_store(
    name: &Arc<str>,
    (written, ldap): (&spec::UserStore, &spec::LdapStore),
    reading: &mut Reading<'_>,
) -> Option<LdapStore> {
    let connection = connection(ldap, reading);
    let bases = bases(&ldap.base, reading);
    if ldap.base.is_empty() {
        reading.error(DiagnosticCode::InvalidValue, &ldap.span, "`base` names no place to search");
    }
    let filter = UserFilter::parse(&ldap.filter.value, ldap.user_match.value);
    let filter = filter.map_err(|error| bad_filter(&ldap.filter, &error, reading)).ok();
    let groups = ldap.groups.as_ref().map(|groups| group_search(ldap, groups, reading));
    require_attributes(written, "mail: email", reading);
    let attributes = attribute_map(written, reading)?;
    check_groups(written, ldap, reading);
    let groups = match groups {
        Some(groups) => Some(groups?),
        None => None,
    };
    let settings = LdapSettings { connection: connection?, bases, filter: filter?, groups, attributes };
    Some(LdapStore::new(Arc::clone(name), settings))
}

fn connection(ldap: &spec::LdapStore, reading: &mut Reading<'_>) -> Option<LdapConnection> {
    if ldap.url.is_empty() {
        reading.error(DiagnosticCode::InvalidValue, &ldap.span, "`url` names no server");
    }
    let mut servers = Vec::new();
    for url in &ldap.url {
        match LdapUrl::parse(&url.value) {
            Ok(server) => {
                warn_of_clear_text((ldap, &server), &url.span, reading);
                servers.push(server);
            }
            Err(error) => reading.error(DiagnosticCode::InvalidValue, &url.span, error.to_string()),
        }
    }
    let ca = ldap.ca.as_ref().map(|ca| reading.file(ca));
    let ca = match ca {
        Some(ca) => Some(ca?),
        None => None,
    };
    let tls = tls_client(ca.as_deref()).map_err(|error| {
        let span = ldap.ca.as_ref().map_or(&ldap.span, |ca| &ca.span);
        reading.error(DiagnosticCode::InvalidValue, span, format!("`ca`: {error}"));
    });
    let bind = bind(ldap, reading);
    let connect_timeout = positive("connectTimeout", &ldap.connect_timeout, reading);
    let timeout = positive("timeout", &ldap.timeout, reading);
    Some(LdapConnection {
        servers,
        start_tls: ldap.start_tls.value,
        tls: Arc::new(tls.ok()?),
        bind: bind.ok()?,
        pool: usize::try_from(ldap.pool.value).unwrap_or(usize::MAX),
        connect_timeout: connect_timeout?,
        timeout: timeout?,
    })
    .filter(|connection| !connection.servers.is_empty() && connection.servers.len() == ldap.url.len())
}

/// Warns of a line that others can read.
fn warn_of_clear_text((ldap, server): (&spec::LdapStore, &LdapUrl), span: &Span, reading: &mut Reading<'_>) {
    if server.is_ldaps() || ldap.start_tls.value || server.is_local() {
        return;
    }
    let message = "the passwords, the gateway's and those of users, go to this server in clear text".to_owned();
    let hint = "use `ldaps://`, or leave out `startTls: false`";
    reading.diagnostics.push(Diagnostic::warning(DiagnosticCode::WeakSetting, span, message).with_hint(hint));
}

/// Reads as whom the gateway asks. `Err` comes after a diagnostic.
fn bind(ldap: &spec::LdapStore, reading: &mut Reading<'_>) -> Result<Option<LdapBind>, ()> {
    match (&ldap.bind_dn, &ldap.bind_password) {
        (None, None) => Ok(None),
        (Some(dn), Some(password)) => {
            let text = reading.secret_text(password).ok_or(())?;
            if dn.value.is_empty() || text.is_empty() {
                let (field, span) =
                    if text.is_empty() { ("bindPassword", &password.span) } else { ("bindDn", &dn.span) };
                let message = format!("`{field}` is empty: that is an anonymous bind (RFC 4513 section 5.1)");
                let hint = "leave out both `bindDn` and `bindPassword` to ask anonymously";
                let diagnostic = Diagnostic::error(DiagnosticCode::InvalidValue, span, message);
                reading.diagnostics.push(diagnostic.with_hint(hint));
                return Err(());
            }
            Ok(Some(LdapBind { dn: dn.value.as_str().into(), password: text.into() }))
        }
        (Some(dn), None) => {
            reading.error(DiagnosticCode::MissingField, &dn.span, "`bindDn` needs `bindPassword`");
            Err(())
        }
        (None, Some(password)) => {
            reading.error(DiagnosticCode::MissingField, &password.span, "`bindPassword` needs `bindDn`");
            Err(())
        }
    }
}

fn group_search(ldap: &spec::LdapStore, groups: &spec::LdapGroups, reading: &mut Reading<'_>) -> Option<GroupSearch> {
    let filter = GroupFilter::parse(&groups.filter.value, groups.nested.value);
    let filter = filter.map_err(|error| bad_filter(&groups.filter, &error, reading)).ok();
    let bases = bases(if groups.base.is_empty() { &ldap.base } else { &groups.base }, reading);
    let attribute = groups.attribute.as_ref().map(|attribute| attribute.value.as_str().into());
    Some(GroupSearch { bases, filter: filter?, attribute, nested: groups.nested.value })
}

/// Reads distinguished names, no more closely than to find a mix-up: the server knows what one is.
fn bases(written: &[Spanned<String>], reading: &mut Reading<'_>) -> Vec<Box<str>> {
    for base in written.iter().filter(|base| !base.value.is_empty() && !base.value.contains('=')) {
        let message = "a base is a distinguished name such as `ou=people,dc=example,dc=com`";
        reading.error(DiagnosticCode::InvalidValue, &base.span, message);
    }
    written.iter().map(|base| base.value.as_str().into()).collect()
}

/// Checks that something takes the groups.
fn check_groups(written: &spec::UserStore, ldap: &spec::LdapStore, reading: &mut Reading<'_>) {
    let Some(entries) = &written.attributes else { return };
    if let Some(groups) = ldap.groups.as_ref().filter(|_| entries.value.iter().all(|(raw, _)| raw.value != GROUPS)) {
        let message = "nothing takes the groups that this finds";
        let diagnostic = Diagnostic::error(DiagnosticCode::MissingField, &groups.filter.span, message);
        let hint = "add `groups: { name: groups, value: cn }` to `attributes`";
        reading.diagnostics.push(diagnostic.with_hint(hint));
    }
}

fn positive(field: &str, written: &Spanned<Duration>, reading: &mut Reading<'_>) -> Option<Duration> {
    if written.value.is_zero() {
        reading.error(DiagnosticCode::InvalidValue, &written.span, format!("`{field}` must not be 0"));
        return None;
    }
    Some(written.value)
}

fn bad_filter(filter: &Spanned<String>, error: &FilterError, reading: &mut Reading<'_>) {
    reading.error(DiagnosticCode::InvalidValue, &filter.span, format!("`filter`: {error}"));
}
