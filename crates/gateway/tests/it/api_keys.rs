//! API keys: who calls with one, and when it is refused.

use gateway::hash_api_key;
use serde_json::json;

use crate::testing::{Folder, OPERATOR, ORDERS, Running, START, assertion, code, decoded};

const KEY: &str = "csk_gwKpEcVJfZ0m6YVnK7bXW2cQf3a5n1u8tR4sD9hLx0o";
const USERS_KEY: &str = "csk_users-key-with-many-random-looking-characters-1";

/// Replaces `OAuth2`, which is on by default.
const KEYS_ALONE: &str = "authentication: [{ authType: OAuth2, enabled: false }, { authType: APIKey }]\n";
const KEYS_OR_TOKENS: &str = "authentication: [{ authType: APIKey, queryParamEnable: true }]\n";

fn operator(more: &str) -> String {
    let (hash, users_hash) = (hash_api_key(KEY.as_bytes()), hash_api_key(USERS_KEY.as_bytes()));
    format!(
        "{OPERATOR}
applications:
  - name: Batch
    clientIds: [batch]
    tier: Gold
    subscriptions: [{{ api: orders, tier: Silver }}]
    apiKeys:
      - {{ id: old, hash: {hash}, expires: 2026-01-02, scopes: [write] }}
      - {{ id: users, hash: '{users_hash}', user: {{ issuer: corp, name: alice }} }}
{more}"
    )
}

fn start(authentication: &str) -> Running {
    Folder::new(&operator(""), &[&format!("{ORDERS}{authentication}")]).start()
}

fn call(gateway: &Running, key: &str) -> &'static str {
    code(&gateway.decide_at(0, "GET /orders/1.0/items/7", &[("apikey", key)]))
}

#[test]
fn an_applications_key_calls_for_the_application() {
    let gateway = start(KEYS_ALONE);
    let decision = gateway.decide_at(0, "GET /orders/1.0/items/7", &[("apikey", KEY)]);
    let (_, payload) = decoded(&assertion(&decision));
    assert_eq!(payload["sub"], "batch");
    assert_eq!(payload["http://wso2.org/claims/usertype"], "APPLICATION");
    assert_eq!(payload["http://wso2.org/claims/applicationname"], "Batch");
    assert_eq!(payload["http://wso2.org/claims/applicationtier"], "Gold");
    assert_eq!(payload["http://wso2.org/claims/tier"], "Silver");
    assert_eq!(payload.get("http://wso2.org/claims/enduser"), None);
    assert_eq!(payload.get("http://wso2.org/claims/emailaddress"), None);
    let forwarded = decision.outcome.as_ref().unwrap();
    assert!(!forwarded.head.parts.headers.contains_key("apikey"));
}

#[test]
fn a_users_key_gives_what_the_users_token_gives() {
    let gateway = start(KEYS_OR_TOKENS);
    let by_key = decoded(&assertion(&gateway.decide_at(0, "GET /orders/1.0/items/7", &[("apikey", USERS_KEY)]))).1;
    let by_token = decoded(&assertion(&gateway.decide("GET /orders/1.0/items/7", &gateway.token(&json!({}))))).1;
    for claim in
        ["sub", "http://wso2.org/claims/enduser", "http://wso2.org/claims/emailaddress", "http://wso2.org/claims/idp"]
    {
        assert!(by_key.get(claim).is_some(), "{claim} in {by_key}");
        assert_eq!(by_key.get(claim), by_token.get(claim), "{claim}");
    }
}

#[test]
fn only_the_very_key_is_let_in() {
    let gateway = start(KEYS_ALONE);
    assert_eq!(call(&gateway, KEY), "forwarded");
    let hash = hash_api_key(KEY.as_bytes()).to_string();
    for wrong in [
        "",
        " ",
        &KEY.to_uppercase(),
        KEY.strip_prefix('c').unwrap(),
        KEY.strip_suffix('o').unwrap(),
        &format!("{KEY}="),
        &format!("Bearer {KEY}"),
        &hash,
        "%00",
    ] {
        assert_eq!(call(&gateway, wrong), "unauthorized", "{wrong}");
    }
}

#[test]
fn a_key_ends_when_it_expires_and_so_does_what_is_made_of_it() {
    let gateway = start(KEYS_ALONE);
    let day = 24 * 3600;
    let late = gateway.decide_at(day - 60, "GET /orders/1.0/items/7", &[("apikey", KEY)]);
    assert_eq!(decoded(&assertion(&late)).1["exp"], START + day);
    assert_eq!(code(&gateway.decide_at(day, "GET /orders/1.0/items/7", &[("apikey", KEY)])), "unauthorized");
}

#[test]
fn a_key_that_is_taken_out_of_the_file_is_refused_at_once() {
    let mut gateway = start(KEYS_ALONE);
    assert_eq!(call(&gateway, KEY), "forwarded");
    gateway.folder.operator =
        gateway.folder.operator.replace(&hash_api_key(KEY.as_bytes()).to_string(), &hash_api_key(b"new").to_string());
    gateway.gateway.apply(&gateway.folder.sources()).unwrap();
    assert_eq!(call(&gateway, KEY), "unauthorized");
    assert_eq!(call(&gateway, "new"), "forwarded");
}

#[test]
fn a_key_has_the_scopes_that_its_entry_gives() {
    let gateway = start(KEYS_ALONE);
    assert_eq!(code(&gateway.decide_at(0, "POST /orders/1.0/items", &[("apikey", KEY)])), "forwarded");
    assert_eq!(code(&gateway.decide_at(0, "POST /orders/1.0/items", &[("apikey", USERS_KEY)])), "insufficient_scope");
}

#[test]
fn a_key_in_the_query_is_read_where_that_is_on_and_not_passed_on() {
    let gateway = start(KEYS_OR_TOKENS);
    let decision = gateway.decide_at(0, &format!("GET /orders/1.0/items/7?a=1&apikey={KEY}"), &[]);
    assert_eq!(decision.outcome.as_ref().unwrap().head.parts.uri, "/base/items/7?a=1");
    let alone = start(KEYS_ALONE);
    assert_eq!(code(&alone.decide_at(0, &format!("GET /orders/1.0/items/7?apikey={KEY}"), &[])), "unauthorized");
}

#[test]
fn a_key_beside_a_token_is_ambiguous() {
    let gateway = start(KEYS_OR_TOKENS);
    let bearer = format!("Bearer {}", gateway.token(&json!({})));
    let fields = [("authorization", bearer.as_str()), ("apikey", KEY)];
    assert_eq!(code(&gateway.decide_at(0, "GET /orders/1.0/items/7", &fields)), "ambiguous_credential");
}

#[test]
fn a_users_key_is_good_only_where_the_users_issuer_is_trusted() {
    let partner = "  - name: partner\n    issuer: https://partner.example\n    jwks: { file: issuer.json }\n    subject: partner/${token.sub}\n";
    let operator = operator("").replace("userStores:\n", &format!("{partner}userStores:\n"));
    let narrow = format!("{ORDERS}{KEYS_ALONE}keyManagers: [{{ name: partner }}]\n");
    let gateway = Folder::new(&operator, &[&narrow]).start();
    assert_eq!(call(&gateway, USERS_KEY), "unauthorized");
    assert_eq!(call(&gateway, KEY), "forwarded");
}

#[test]
fn a_refusal_offers_every_scheme() {
    let gateway = start(KEYS_OR_TOKENS);
    let decision = gateway.decide_at(0, "GET /orders/1.0/items/7", &[]);
    let rejection = decision.outcome.unwrap_err();
    let mut offered: Vec<&str> = rejection.headers.iter().map(|(_, value)| value.to_str().unwrap()).collect();
    assert!(offered.remove(1).starts_with("DPoP algs="));
    assert_eq!(offered, ["Bearer", r#"ApiKey in="header", name="apikey""#, r#"ApiKey in="query", name="apikey""#]);
}

#[test]
fn mistakes_in_keys_are_found() {
    let hash = hash_api_key(b"same");
    let more = format!(
        "  - {{ name: Other, apiKeys: [{{ id: a, hash: '{hash}' }}, {{ id: a, hash: '{hash}' }}, {{ id: b, hash: {KEY} }}, {{ id: c, hash: 'sha256:{}', user: {{ issuer: nobody, name: x }} }}] }}\n",
        "0".repeat(64)
    );
    let found = Folder::new(&operator(&more), &[ORDERS]).diagnostics().to_string();
    for message in
        ["is defined twice", "this key is here twice", "64 hexadecimal digits", "there is no issuer `nobody`"]
    {
        assert!(found.contains(message), "{message} in {found}");
    }
    assert!(!found.contains(KEY), "{found}");
}
