//! What a request comes to: forwarded with its Backend JWT, or refused.

use serde_json::json;

use crate::testing::{Folder, OPERATOR, ORDERS, START, assertion, code, decoded};

#[test]
fn a_call_is_forwarded_with_the_users_attributes() {
    let gateway = Folder::new(OPERATOR, &[ORDERS]).start();
    let decision = gateway.decide("GET /orders/1.0/items/7?x=1", &gateway.token(&json!({})));
    let (header, payload) = decoded(&assertion(&decision));
    assert_eq!(header["alg"], "ES256");
    assert_eq!(payload["iss"], "https://gateway.example.com");
    assert_eq!(payload["sub"], "alice");
    assert_eq!(payload["aud"], "orders");
    assert_eq!(payload["exp"], START + 600);
    assert_eq!(payload["iat"], START - 10);
    assert_eq!(payload["http://wso2.org/claims/emailaddress"], "alice@example.com");
    assert_eq!(payload["http://wso2.org/claims/role"], json!(["users", "admins"]));
    assert_eq!(payload["http://wso2.org/claims/enduser"], "alice");
    assert_eq!(payload["http://wso2.org/claims/apicontext"], "/orders/1.0");
    assert_eq!(payload["scope"], "read write");
    let forward = decision.outcome.unwrap();
    assert_eq!(forward.head.parts.uri, "/base/items/7?x=1");
    assert!(!forward.head.parts.headers.contains_key("authorization"));
}

#[test]
fn refusals_say_why() {
    let gateway = Folder::new(OPERATOR, &[ORDERS]).start();
    let good = gateway.token(&json!({}));
    for (request, token, expected) in [
        ("GET /nothing", good.as_str(), "not_found"),
        ("GET /orders/1.0/nothing", &good, "not_found"),
        ("DELETE /orders/1.0/items/7", &good, "method_not_allowed"),
        ("GET /orders/1.0/items/../open", &good, "bad_request"),
        ("TRACE /orders/1.0/items/7", &good, "not_implemented"),
        ("GET /orders/1.0/items/7", "not.a.token", "unauthorized"),
        ("GET /orders/1.0/items/7", &gateway.token(&json!({ "exp": START })), "unauthorized"),
        ("GET /orders/1.0/items/7", &gateway.token(&json!({ "aud": "other" })), "unauthorized"),
        ("GET /orders/1.0/items/7", &gateway.token(&json!({ "sub": "nobody" })), "unknown_user"),
        ("POST /orders/1.0/items", &gateway.token(&json!({ "scope": "read" })), "insufficient_scope"),
        ("POST /orders/1.0/items", &good, "forwarded"),
        ("GET /orders/1.0/open", "not.a.token", "forwarded"),
    ] {
        assert_eq!(code(&gateway.decide(request, token)), expected, "{request}");
    }
}

#[test]
fn an_open_operation_gets_no_assertion_and_no_forged_one() {
    let gateway = Folder::new(OPERATOR, &[ORDERS]).start();
    let decision =
        gateway.decide_at(0, "GET /orders/1.0/open", &[("x_jwt_assertion", "FORGED"), ("authorization", "Bearer x")]);
    let forward = decision.outcome.unwrap();
    for name in ["x_jwt_assertion", "x-jwt-assertion", "authorization"] {
        assert!(!forward.head.parts.headers.contains_key(name), "{name}");
    }
}

#[test]
fn a_client_of_its_own_is_not_looked_up() {
    let gateway = Folder::new(OPERATOR, &[ORDERS]).start();
    let token = gateway.token(&json!({ "sub": "mobile", "client_id": "mobile" }));
    let (_, payload) = decoded(&assertion(&gateway.decide("GET /orders/1.0/items/7", &token)));
    assert_eq!(payload["sub"], "mobile");
    assert_eq!(payload["http://wso2.org/claims/usertype"], "APPLICATION");
    assert!(payload.get("http://wso2.org/claims/enduser").is_none());
}

#[test]
fn a_broken_api_answers_503_and_the_others_run() {
    let broken = "name: bad\nbasePath: /bad\nversion: '1'\ntype: REST\noperations: [{ target: /x, verb: GOT }]\n";
    let gateway = Folder::new(OPERATOR, &[ORDERS, broken]).start();
    assert_eq!(code(&gateway.decide("GET /bad/1/x", "t")), "api_unavailable");
    assert_eq!(code(&gateway.decide("GET /orders/1.0/open", "t")), "forwarded");
    assert_eq!(gateway.gateway.status().broken_apis.len(), 1);
}

#[test]
fn the_header_of_a_broken_api_is_reserved_too() {
    let broken = ORDERS.replace("orders", "bad").replace(
        "policyName: BackendJwt",
        "policyName: BackendJwt, parameters: { header: X-Broken-Identity, signingAlgorithm: EdDSA }",
    );
    let gateway = Folder::new(OPERATOR, &[ORDERS, &broken]).start();
    assert_eq!(gateway.gateway.status().broken_apis.len(), 1);
    let decision = gateway.decide_at(0, "GET /orders/1.0/open", &[("x-broken-identity", "FORGED")]);
    assert!(!decision.outcome.unwrap().head.parts.headers.contains_key("x-broken-identity"));
}

#[test]
fn a_broken_edit_leaves_the_old_configuration_running() {
    let mut gateway = Folder::new(OPERATOR, &[ORDERS]).start();
    gateway.folder.apis[0] = ORDERS.replace("verb: GET", "verb: GOT");
    assert!(gateway.gateway.apply(&gateway.folder.sources()).is_err());
    assert_eq!(code(&gateway.decide("GET /orders/1.0/open", "t")), "forwarded");
    assert!(!gateway.gateway.status().refused.is_empty());
    gateway.folder.apis[0] = ORDERS.replace("/open", "/free");
    gateway.gateway.apply(&gateway.folder.sources()).unwrap();
    assert_eq!(code(&gateway.decide("GET /orders/1.0/free", "t")), "forwarded");
    assert!(gateway.gateway.status().refused.is_empty());
}

#[test]
fn an_api_says_which_tokens_it_takes() {
    let operator = OPERATOR.replace("  clockSkew: 10s\n", "  clockSkew: 10s\n  publicUrl: https://api.example.com/\n");
    let gateway = Folder::new(&operator, &[ORDERS]).start();
    let rejection = gateway.decide("GET /orders/1.0/items/7", "x").outcome.unwrap_err();
    let bearer = rejection.headers[0].1.to_str().unwrap();
    let (_, address) = bearer.split_once("resource_metadata=\"").unwrap();
    let path = address.trim_end_matches('"').strip_prefix("https://api.example.com").unwrap();
    assert_eq!(path, "/.well-known/oauth-protected-resource/orders/1.0");
    let published = gateway.gateway.published();
    let Some(gateway::Published::Document(document)) = published.snapshot.documents.at(path) else { panic!("{path}") };
    let metadata: serde_json::Value = serde_json::from_slice(&document.body).unwrap();
    assert_eq!(metadata["resource"], "https://api.example.com/orders/1.0");
    assert_eq!(metadata["authorization_servers"], json!(["https://idp.example.com"]));
    assert_eq!(metadata["scopes_supported"], json!(["write"]));
    assert_eq!(metadata["bearer_methods_supported"], json!(["header"]));
    assert!(published.snapshot.documents.at("/.well-known/oauth-protected-resource").is_none());
}
