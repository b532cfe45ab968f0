//! The metrics that are the gateway's: caches, keys, stores, configuration. The data plane adds its own.

use control::StateStatus;
use dataplane::Exposition;
use gateway::{ApiState, Gateway};

/// Writes all of them.
pub(super) fn render(gateway: &Gateway, text: &mut Exposition) {
    configuration(gateway, text);
    tokens(gateway, text);
    stores(gateway, text);
    issuers(gateway, text);
}

/// Writes those of the database that holds the desired state, where there is one.
pub(super) fn render_state(state: Option<StateStatus>, text: &mut Exposition) {
    let Some(state) = state else { return };
    let is_reachable = u64::from(state.is_reachable);
    text.single("countersign_state_reachable", "gauge", "0: the database of API definitions is down.", is_reachable);
    let revision = u64::try_from(state.revision).unwrap_or_default();
    text.single("countersign_state_revision", "gauge", "The database's revision that was read last.", revision);
}

fn configuration(gateway: &Gateway, text: &mut Exposition) {
    let published = gateway.published();
    let status = gateway.status();
    let broken = published.snapshot.apis.iter().filter(|api| api.state == ApiState::Broken).count();
    text.single("countersign_config_revision", "gauge", "The running configuration.", published.snapshot.revision);
    text.single("countersign_config_applied_seconds", "gauge", "When it was published.", status.applied_at);
    let is_broken = u64::from(!status.refused.is_empty());
    text.single("countersign_config_broken", "gauge", "1: newer files have errors and do not run.", is_broken);
    text.single("countersign_config_refused_total", "counter", "Configurations that were refused.", status.refusals);
    text.single("countersign_apis_broken", "gauge", "APIs that answer 503 since the start.", broken as u64);
}

fn tokens(gateway: &Gateway, text: &mut Exposition) {
    let counters = &gateway.runtime().counters;
    let (callers, bytes) = gateway.runtime().callers.size();
    for (name, help, value) in [
        (
            "countersign_token_verifications_total",
            "Inbound tokens whose signature was checked.",
            &counters.verifications,
        ),
        ("countersign_backend_jwts_minted_total", "Backend JWTs that were signed.", &counters.minted),
        ("countersign_backend_jwts_renewed_total", "Those that were made ahead of time.", &counters.renewed),
        ("countersign_claims_overridden_total", "Claims that a stronger source has.", &counters.overridden_claims),
        ("countersign_claims_unfit_total", "Claims whose values do not fit.", &counters.unfit_claims),
        ("countersign_backend_jwts_too_large_total", "Backend JWTs over `maxHeaderBytes`.", &counters.too_large),
        ("countersign_signing_failures_total", "Signatures that failed.", &counters.signing_failures),
        (
            "countersign_clock_steps_total",
            "Times that the system's clock was set or stood still.",
            &counters.clock_steps,
        ),
    ] {
        text.single(name, "counter", help, value.value());
    }
    text.single("countersign_known_callers", "gauge", "Credentials in the cache.", callers as u64);
    text.single("countersign_known_callers_bytes", "gauge", "The bytes that they hold.", bytes);
}

fn stores(gateway: &Gateway, text: &mut Exposition) {
    let published = gateway.published();
    let all: Vec<_> = published.stores.values().map(|handle| (&*handle.name, handle.store.counters())).collect();
    let mut each = |name: &str, kind: &str, help: &str, value: &dyn Fn(&stores::CacheCounters) -> u64| {
        text.metric(name, kind, help);
        for (store, counters) in &all {
            text.sample(name, &[("store", store)], value(counters));
        }
    };
    each("countersign_user_store_hits_total", "counter", "Answers from the cache.", &|store| store.hits);
    each("countersign_user_store_misses_total", "counter", "Questions to the store.", &|store| store.misses);
    each("countersign_user_store_failures_total", "counter", "Questions without an answer.", &|store| store.failures);
    each("countersign_user_store_stale_total", "counter", "Stale answers used.", &|store| store.stale_served);
    each("countersign_user_store_entries", "gauge", "Users in the cache.", &|store| store.entries);
    each("countersign_user_store_bytes", "gauge", "The bytes that they hold.", &|store| store.bytes);
    each("countersign_user_store_breaker_open", "gauge", "1: the store is left alone.", &|store| {
        u64::from(store.breaker == stores::BreakerState::Open)
    });
}

fn issuers(gateway: &Gateway, text: &mut Exposition) {
    let name = "countersign_introspection_breaker_open";
    text.metric(name, "gauge", "1: the issuer is not asked about opaque tokens for a moment.");
    for introspection in gateway.published().issuers.iter().filter_map(|issuer| issuer.introspection.as_ref()) {
        let is_open = introspection.breaker.state() == stores::BreakerState::Open;
        text.sample(name, &[("issuer", &*introspection.name)], u64::from(is_open));
    }
}
