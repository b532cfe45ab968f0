//! Which Backend JWT is served again, and when it must not be.

use serde_json::json;

use crate::testing::{Folder, OPERATOR, ORDERS, Running, assertion, code};

const ITEM: &str = "GET /orders/1.0/items/7";

#[test]
fn one_token_gets_one_jwt_and_another_token_another() {
    let gateway = Folder::new(OPERATOR, &[ORDERS]).start();
    let token = gateway.token(&json!({}));
    let first = assertion(&gateway.decide(ITEM, &token));
    assert_eq!(assertion(&gateway.decide("GET /orders/1.0/items/8", &token)), first);
    assert_ne!(assertion(&gateway.decide(ITEM, &gateway.token(&json!({ "jti": "2" })))), first);
    assert_eq!(gateway.gateway.runtime().counters.minted.value(), 2);
}

#[test]
fn an_edited_token_with_a_known_signature_is_refused() {
    let gateway = Folder::new(OPERATOR, &[ORDERS]).start();
    let token = gateway.token(&json!({}));
    assert_eq!(code(&gateway.decide(ITEM, &token)), "forwarded");
    let other = gateway.token(&json!({ "sub": "bob" }));
    let parts = |token: &str| token.split('.').map(str::to_owned).collect::<Vec<_>>();
    let (known, edited) = (parts(&token), parts(&other));
    let forged = format!("{}.{}.{}", known[0], edited[1], known[2]);
    assert_eq!(code(&gateway.decide(ITEM, &forged)), "unauthorized");
}

#[test]
fn scopes_are_checked_for_every_operation_also_when_warm() {
    let gateway = Folder::new(OPERATOR, &[ORDERS]).start();
    let token = gateway.token(&json!({ "scope": "read" }));
    assert_eq!(code(&gateway.decide(ITEM, &token)), "forwarded");
    assert_eq!(code(&gateway.decide("POST /orders/1.0/items", &token)), "insufficient_scope");
}

#[test]
fn a_known_token_expires_all_the_same() {
    let gateway = Folder::new(OPERATOR, &[ORDERS]).start();
    let bearer = format!("Bearer {}", gateway.token(&json!({})));
    let fields = [("authorization", bearer.as_str())];
    assert_eq!(code(&gateway.decide_at(599, ITEM, &fields)), "forwarded");
    assert_eq!(code(&gateway.decide_at(600, ITEM, &fields)), "unauthorized");
}

#[test]
fn an_invalidation_ends_the_jwts_of_that_user() {
    let gateway = Folder::new(OPERATOR, &[ORDERS]).start();
    let token = gateway.token(&json!({}));
    let first = assertion(&gateway.decide(ITEM, &token));
    assert!(gateway.gateway.invalidate(Some("staff"), Some("alice")));
    assert_ne!(assertion(&gateway.decide(ITEM, &token)), first);
    assert!(!gateway.gateway.invalidate(Some("nowhere"), None));
}

#[test]
fn a_reload_that_changes_nothing_for_a_policy_keeps_its_jwts() {
    let mut gateway = Folder::new(OPERATOR, &[ORDERS]).start();
    let token = gateway.token(&json!({}));
    let first = assertion(&gateway.decide(ITEM, &token));
    gateway.folder.apis.push(ORDERS.replace("orders", "others"));
    gateway.gateway.apply(&gateway.folder.sources()).unwrap();
    assert_eq!(assertion(&gateway.decide(ITEM, &token)), first);
    gateway.folder.apis[0] =
        ORDERS.replace("policyName: BackendJwt", "policyName: BackendJwt, parameters: { tokenTTL: 300 }");
    gateway.gateway.apply(&gateway.folder.sources()).unwrap();
    assert_ne!(assertion(&gateway.decide(ITEM, &token)), first);
}

#[test]
fn unique_token_ids_are_never_served_twice() {
    let api = ORDERS.replace("policyName: BackendJwt", "policyName: BackendJwt, parameters: { tokenId: unique }");
    let gateway = Folder::new(OPERATOR, &[&api]).start();
    let token = gateway.token(&json!({}));
    let first = assertion(&gateway.decide(ITEM, &token));
    assert_ne!(assertion(&gateway.decide(ITEM, &token)), first);
}

#[test]
fn a_user_has_one_name_in_the_audit_log_through_restarts() {
    let first = Folder::new(OPERATOR, &[ORDERS]).start();
    let name = first.gateway.runtime().user_tag("corp", "alice");
    assert_ne!(name, first.gateway.runtime().user_tag("corp", "bob"));
    let Running { folder, gateway, .. } = first;
    drop(gateway);
    assert_eq!(folder.start().gateway.runtime().user_tag("corp", "alice"), name);
    let other = Folder::new(OPERATOR, &[ORDERS]).start();
    assert_ne!(other.gateway.runtime().user_tag("corp", "alice"), name);
}

#[test]
fn a_reload_says_what_waits_for_a_restart_until_it_is_taken_back() {
    let mut gateway = Folder::new(OPERATOR, &[ORDERS]).start();
    gateway.folder.operator = OPERATOR.replace("clockSkew: 10s", "clockSkew: 5s\n  workers: 3\n  shutdownGrace: 7s");
    let diagnostics = gateway.gateway.apply(&gateway.folder.sources()).unwrap();
    let found: Vec<_> = diagnostics.iter().map(|found| (found.code.text(), found.span.line)).collect();
    assert_eq!(found, [("needs-restart", 6), ("needs-restart", 7)]);
    assert_eq!(gateway.gateway.status().needs_restart, ["gateway.workers", "gateway.shutdownGrace"]);
    gateway.folder.operator = OPERATOR.replace("clockSkew: 10s", "clockSkew: 5s");
    assert_eq!(gateway.gateway.apply(&gateway.folder.sources()).unwrap().len(), 0);
    assert!(gateway.gateway.status().needs_restart.is_empty());
}
