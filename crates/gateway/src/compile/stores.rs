//! User stores: made anew only where their configuration changed, so that caches and pools outlive a reload.

mod http;
mod inline;
mod ldap;
mod lives;
mod scim;
mod service;
mod sql;
mod userinfo;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use stores::{
    AttributeMap, BreakerSettings, CacheSettings, CachedStore, MappedAttribute, Pattern, UserStore, ValueRule,
};

pub(super) use self::sql::database_access;
use self::{
    http::http_store, inline::inline_store, ldap::ldap_store, scim::scim_store, sql::sql_store,
    userinfo::userinfo_store,
};
use super::{
    Surroundings, issuers,
    secrets::{self, FileReader},
    unique,
};
use crate::{
    diagnostic::{Diagnostic, DiagnosticCode, Diagnostics},
    fingerprint::Fingerprint,
    issuer::UserStoreHandle,
    span::{Span, Spanned},
    spec::{self, Secret},
};

/// Compiles all stores, by name.
pub(super) fn compile(
    operator: &spec::Operator,
    (reader, keys): (FileReader<'_>, &issuers::Keys),
    surroundings: Surroundings<'_>,
    diagnostics: &mut Diagnostics,
) -> BTreeMap<Box<str>, Arc<UserStoreHandle>> {
    unique(operator.user_stores.iter().map(|store| &store.name), "user store", diagnostics);
    let issuers = IssuersSoFar { written: &operator.issuers, keys };
    let compiled = operator.user_stores.iter().filter_map(|written| {
        let handle = one(written, (reader, issuers), surroundings, diagnostics)?;
        Some((Box::from(written.name.value.as_str()), handle))
    });
    compiled.collect()
}

fn one(
    written: &spec::UserStore,
    (reader, issuers): (FileReader<'_>, IssuersSoFar<'_>),
    surroundings: Surroundings<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Arc<UserStoreHandle>> {
    let name: Arc<str> = written.name.value.as_str().into();
    let mut reading = Reading { reader, issuers, diagnostics, contents: Vec::new() };
    // Making a store does no I/O: whether it is needed is known when everything that it names has been read.
    let store: Arc<dyn UserStore> = match &written.kind {
        spec::UserStoreKind::Sql(sql) => Arc::new(sql_store(&name, (written, sql), &mut reading)?),
        spec::UserStoreKind::Inline(inline) => Arc::new(inline_store(&name, (written, inline), &mut reading)?),
        spec::UserStoreKind::Ldap(ldap) => Arc::new(ldap_store(&name, (written, ldap), &mut reading)?),
        spec::UserStoreKind::Scim(scim) => Arc::new(scim_store(&name, (written, scim), &mut reading)?),
        spec::UserStoreKind::Http(http) => Arc::new(http_store(&name, (written, http), &mut reading)?),
        spec::UserStoreKind::UserInfo(userinfo) => Arc::new(userinfo_store(&name, (written, userinfo), &mut reading)?),
        spec::UserStoreKind::Unusable => return None,
    };
    let fingerprint = reading.fingerprint(written);
    let previous = surroundings.previous.and_then(|compiled| compiled.stores.get(written.name.value.as_str()));
    if let Some(unchanged) = previous.filter(|store| store.fingerprint == fingerprint) {
        return Some(Arc::clone(unchanged));
    }
    let gives: BTreeSet<Box<str>> = store.gives().clone();
    let lives = lives::read(written, &gives, reading.diagnostics);
    let domain = written.domain.as_ref().map(|domain| Box::from(domain.value.as_str()));
    let settings = cache_settings(written);
    let store = Arc::new(CachedStore::new(Arc::clone(&name), store, settings, surroundings.background.clone()));
    Some(Arc::new(UserStoreHandle { name, domain, fingerprint, gives, lives, store, follower: OnceLock::new() }))
}

/// What is known of the issuers before there are any: they are made of their user stores, among other things.
#[derive(Clone, Copy, Debug)]
struct IssuersSoFar<'a> {
    written: &'a [spec::Issuer],
    keys: &'a issuers::Keys,
}

/// What is read while one store is compiled: the store is made anew when any of it has changed.
#[derive(Debug)]
struct Reading<'a> {
    reader: FileReader<'a>,
    issuers: IssuersSoFar<'a>,
    diagnostics: &'a mut Diagnostics,
    contents: Vec<Fingerprint>,
}

impl Reading<'_> {
    /// Reads a secret that is text; `None` after a diagnostic.
    fn secret_text(&mut self, secret: &Spanned<Secret>) -> Option<String> {
        let text = self.reader.secret_text(secret, self.diagnostics)?;
        self.depends_on(text.as_bytes());
        Some(text)
    }

    /// Reads a file; `None` after a diagnostic.
    fn file(&mut self, path: &Spanned<PathBuf>) -> Option<Vec<u8>> {
        let bytes = secrets::bytes(path, self.diagnostics)?;
        self.depends_on(&bytes);
        Some(bytes)
    }

    /// Takes note of something that shapes the store and that its debug text does not show.
    fn depends_on(&mut self, bytes: &[u8]) {
        self.contents.push(Fingerprint::of([bytes]));
    }

    /// Reports a mistake.
    fn error(&mut self, code: DiagnosticCode, span: &Span, message: impl Into<String>) {
        self.diagnostics.error(code, span, message.into());
    }

    /// Returns the fingerprint of the store: of what is written, and of all that it names.
    fn fingerprint(&self, written: &spec::UserStore) -> Fingerprint {
        let written = Fingerprint::of_value(&(written, self.reader.folder));
        self.contents.iter().fold(written, |sum, content| sum.and(*content))
    }
}

fn cache_settings(written: &spec::UserStore) -> CacheSettings {
    let cache = &written.cache;
    CacheSettings {
        ttl: cache.ttl.value,
        refresh_ahead: cache.refresh_ahead.value,
        negative_ttl: cache.negative_ttl.value,
        stale_for: cache.stale_for.value,
        max_bytes: usize::try_from(cache.max_bytes.value.0).unwrap_or(usize::MAX),
        breaker: breaker_settings(written.breaker()),
    }
}

/// Reads when a server is left alone.
pub(super) fn breaker_settings(written: &spec::Breaker) -> BreakerSettings {
    BreakerSettings { after: u32::try_from(written.after.value).unwrap_or(u32::MAX), retry: written.retry.value }
}

/// Reports a store without `attributes`: what a server returns may change unseen, so that nothing leaves by itself.
fn require_attributes(written: &spec::UserStore, example: &str, reading: &mut Reading<'_>) {
    if written.attributes.is_none() {
        let message = format!("user store `{}` has no `attributes`: nothing would leave it", written.name.value);
        let diagnostic = Diagnostic::error(DiagnosticCode::MissingField, &written.span, message);
        reading.diagnostics.push(diagnostic.with_hint(format!("add `attributes: {{ {example} }}`")));
    }
}

fn attribute_map(written: &spec::UserStore, reading: &mut Reading<'_>) -> Option<AttributeMap> {
    let entries = written.attributes.as_ref()?;
    let mapped = entries.value.iter().filter_map(|(raw, mapping)| {
        let value = value_rule(mapping, &written.kind, reading)?;
        let keep = mapping.keep.iter().map(|pattern| Pattern::new(pattern.value.as_str())).collect();
        let (raw, name) = (raw.value.as_str().into(), mapping.name.value.as_str().into());
        Some(MappedAttribute { raw, name, value, keep })
    });
    let mapped: Vec<MappedAttribute> = mapped.collect();
    AttributeMap::new(mapped)
        .map_err(|error| reading.error(DiagnosticCode::DuplicateName, &entries.span, error.to_string()))
        .ok()
}

/// Reads what becomes of an attribute's values; `None` after a diagnostic.
fn value_rule(
    mapping: &spec::AttributeMapping,
    kind: &spec::UserStoreKind,
    reading: &mut Reading<'_>,
) -> Option<ValueRule> {
    let Some(rule) = &mapping.value else { return Some(ValueRule::AsIs) };
    match (rule.value.as_str(), kind) {
        ("cn", _) => Some(ValueRule::CommonName),
        ("json", _) => Some(ValueRule::Json),
        ("base64", spec::UserStoreKind::Ldap(_)) => Some(ValueRule::Base64),
        (other, _) => {
            let message = format!("`{other}` is no value rule of this store");
            let hint = "`cn` takes the common name of a distinguished name; `json` what a text says in JSON; `base64`, in `ldap`, any bytes as text";
            let diagnostic = Diagnostic::error(DiagnosticCode::InvalidValue, &rule.span, message);
            reading.diagnostics.push(diagnostic.with_hint(hint));
            None
        }
    }
}
