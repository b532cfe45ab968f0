//! The built-in dialects and the operator's.

use std::sync::Arc;

use claims::{ClaimMapping, ClaimType, Dialect, Name};

use super::unique;
use crate::{diagnostic::Diagnostics, spec};

const BUILT_IN: [&str; 4] = ["wso2", "oidc", "scim", "none"];

/// Compiles the dialects; a configured one of a built-in name replaces it.
pub(super) fn compile(written: &[spec::Dialect], diagnostics: &mut Diagnostics) -> Vec<Arc<Dialect>> {
    unique(written.iter().map(|dialect| &dialect.name), "dialect", diagnostics);
    let configured: Vec<Arc<Dialect>> = written.iter().map(|dialect| Arc::new(one(dialect))).collect();
    let is_replaced = |name: &str| configured.iter().any(|dialect| *dialect.name == *name);
    let built_in = BUILT_IN.iter().filter(|name| !is_replaced(name)).filter_map(|name| Dialect::builtin(name));
    let built_in: Vec<Arc<Dialect>> = built_in.map(Arc::new).collect();
    configured.into_iter().chain(built_in).collect()
}

fn one(written: &spec::Dialect) -> Dialect {
    let uri = written.uri.value.as_str();
    let prefix = written.prefix.as_ref().map_or_else(|| Dialect::default_prefix(uri), |prefix| prefix.value.clone());
    let mappings = written.claims.iter().map(|rule| ClaimMapping {
        attribute: rule.attribute.value.as_str().into(),
        claim: Name::new(&format!("{prefix}{}", rule.claim.value)),
        multi: rule.multi.value,
        claim_type: match rule.value_type.value {
            spec::ClaimValueType::Any => ClaimType::AsIs,
            spec::ClaimValueType::String => ClaimType::String,
        },
    });
    Dialect::new(&written.name.value, uri, &prefix, mappings.collect())
}
