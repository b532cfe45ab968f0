//! User stores: made anew only where their configuration changed, so that caches and pools outlive a reload.

mod inline;
mod sql;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use stores::{
    AttributeMap, BreakerSettings, CacheSettings, CachedStore, MappedAttribute, Pattern, UserStore, ValueRule,
};

use self::{inline::inline_store, sql::sql_store};
use super::{Surroundings, secrets::FileReader, unique};
use crate::{
    diagnostic::{Diagnostic, DiagnosticCode, Diagnostics},
    fingerprint::Fingerprint,
    issuer::UserStoreHandle,
    spec,
};

/// Compiles all stores, by name.
pub(super) fn compile(
    operator: &spec::Operator,
    reader: FileReader<'_>,
    surroundings: Surroundings<'_>,
    diagnostics: &mut Diagnostics,
) -> BTreeMap<Box<str>, Arc<UserStoreHandle>> {
    unique(operator.user_stores.iter().map(|store| &store.name), "user store", diagnostics);
    let compiled = operator.user_stores.iter().filter_map(|written| {
        let handle = one(written, reader, surroundings, diagnostics)?;
        Some((Box::from(written.name.value.as_str()), handle))
    });
    compiled.collect()
}

fn one(
    written: &spec::UserStore,
    reader: FileReader<'_>,
    surroundings: Surroundings<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Arc<UserStoreHandle>> {
    let fingerprint = Fingerprint::of_value(&(written, reader.folder));
    let previous = surroundings.previous.and_then(|compiled| compiled.stores.get(written.name.value.as_str()));
    if let Some(unchanged) = previous.filter(|store| store.fingerprint == fingerprint) {
        return Some(Arc::clone(unchanged));
    }
    let name: Arc<str> = written.name.value.as_str().into();
    let store: Arc<dyn UserStore> = match &written.kind {
        spec::UserStoreKind::Sql(sql) => Arc::new(sql_store(&name, (written, sql), reader, diagnostics)?),
        spec::UserStoreKind::Inline(inline) => Arc::new(inline_store(&name, written, inline, diagnostics)?),
        spec::UserStoreKind::Unusable => return None,
    };
    let gives: BTreeSet<Box<str>> = store.gives().clone();
    let settings = cache_settings(written);
    let store = Arc::new(CachedStore::new(Arc::clone(&name), store, settings, surroundings.background.clone()));
    Some(Arc::new(UserStoreHandle { name, fingerprint, gives, store }))
}

fn cache_settings(written: &spec::UserStore) -> CacheSettings {
    let cache = &written.cache;
    CacheSettings {
        ttl: cache.ttl.value,
        refresh_ahead: cache.refresh_ahead.value,
        negative_ttl: cache.negative_ttl.value,
        stale_for: cache.stale_for.value,
        max_bytes: usize::try_from(cache.max_bytes.value.0).unwrap_or(usize::MAX),
        breaker: BreakerSettings {
            after: u32::try_from(written.breaker.after.value).unwrap_or(u32::MAX),
            retry: written.breaker.retry.value,
        },
    }
}

fn attribute_map(written: &spec::UserStore, diagnostics: &mut Diagnostics) -> Option<AttributeMap> {
    let entries = written.attributes.as_ref()?;
    let mapped = entries.value.iter().filter_map(|(raw, mapping)| one_attribute(&raw.value, mapping, diagnostics));
    let mapped: Vec<MappedAttribute> = mapped.collect();
    AttributeMap::new(mapped)
        .map_err(|error| diagnostics.error(DiagnosticCode::DuplicateName, &entries.span, error.to_string()))
        .ok()
}

fn one_attribute(
    raw: &str,
    mapping: &spec::AttributeMapping,
    diagnostics: &mut Diagnostics,
) -> Option<MappedAttribute> {
    let value = match &mapping.value {
        None => ValueRule::AsIs,
        Some(rule) if rule.value == "cn" => ValueRule::CommonName,
        Some(rule) => {
            let message = format!("`{}` is no value rule", rule.value);
            let hint = "`cn` takes the common name of a distinguished name";
            diagnostics.push(Diagnostic::error(DiagnosticCode::InvalidValue, &rule.span, message).with_hint(hint));
            return None;
        }
    };
    let keep = mapping.keep.iter().map(|pattern| Pattern::new(pattern.value.as_str())).collect();
    Some(MappedAttribute { raw: raw.into(), name: mapping.name.value.as_str().into(), value, keep })
}
