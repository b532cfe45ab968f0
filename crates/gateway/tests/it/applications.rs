//! Applications and subscriptions: the claims that they lead to, and mistakes in them.

use serde_json::{Value, json};

use crate::testing::{Folder, OPERATOR, ORDERS, Running, assertion, code, decoded};

const APPLICATIONS: &str = "
applications:
  - name: Mobile
    id: 42
    uuid: 6f1b2a34-5c6d-4e7f-8a90-b1c2d3e4f506
    clientIds: [mobile]
    sandboxClientIds: [mobile-test]
    owner: dana
    tier: Gold
    attributes: { region: eu, plan: 7 }
    subscriptions: [{ api: orders, version: '1.0', tier: Silver }, { api: billing, tier: Bronze }]
";

fn start(applications: &str) -> Running {
    let orders = ORDERS.replace("basePath", "subscriptionValidation: true\nbasePath");
    let orders = orders.replace("  production:", "  sandbox: [{ endpoint: http://127.0.0.1:9/test }]\n  production:");
    Folder::new(&format!("{OPERATOR}{applications}"), &[&orders]).start()
}

fn claims(gateway: &Running, client: &str) -> Value {
    let token = gateway.token(&json!({ "client_id": client }));
    decoded(&assertion(&gateway.decide("GET /orders/1.0/items/7", &token))).1
}

/// Line by line what docs/backend-jwt.md §2 lists.
#[test]
fn every_gateway_claim_of_an_application_is_there() {
    let gateway = start(APPLICATIONS);
    let payload = claims(&gateway, "mobile");
    let expected = json!({
        "apiname": "orders", "apicontext": "/orders/1.0", "version": "1.0", "keytype": "PRODUCTION",
        "subscriber": "dana", "applicationid": "42", "applicationUUId": "6f1b2a34-5c6d-4e7f-8a90-b1c2d3e4f506",
        "applicationname": "Mobile", "applicationtier": "Gold", "tier": "Silver",
        "applicationAttributes": { "region": "eu", "plan": "7" },
        "enduser": "alice", "usertype": "Application_User", "idp": "https://idp.example.com",
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&payload[format!("http://wso2.org/claims/{name}")], value, "{name}");
    }
    assert_eq!(claims(&gateway, "mobile-test")["http://wso2.org/claims/keytype"], "SANDBOX");
}

#[test]
fn only_subscribed_applications_are_let_in() {
    let call = |gateway: &Running, client: &str| {
        code(&gateway.decide("GET /orders/1.0/items/7", &gateway.token(&json!({ "client_id": client }))))
    };
    let gateway = start(APPLICATIONS);
    assert_eq!(call(&gateway, "mobile"), "forwarded");
    assert_eq!(call(&gateway, "stranger"), "no_subscription");
    let other_version = start(&APPLICATIONS.replace("'1.0', tier: Silver", "'2.0', tier: Silver"));
    assert_eq!(call(&other_version, "mobile"), "no_subscription");
}

#[test]
fn a_subscription_that_is_taken_away_counts_at_once() {
    let mut gateway = start(APPLICATIONS);
    assert_eq!(claims(&gateway, "mobile")["http://wso2.org/claims/tier"], "Silver");
    gateway.folder.operator = gateway.folder.operator.replace("tier: Silver", "tier: Platinum");
    gateway.gateway.apply(&gateway.folder.sources()).unwrap();
    assert_eq!(claims(&gateway, "mobile")["http://wso2.org/claims/tier"], "Platinum");
    gateway.folder.operator = gateway.folder.operator.replace("api: orders", "api: others");
    gateway.gateway.apply(&gateway.folder.sources()).unwrap();
    let token = gateway.token(&json!({ "client_id": "mobile" }));
    assert_eq!(code(&gateway.decide("GET /orders/1.0/items/7", &token)), "no_subscription");
}

#[test]
fn mistakes_in_applications_are_found() {
    let check = |from: &str, to: &str, message: &str| {
        let operator = format!("{OPERATOR}{}", APPLICATIONS.replace(from, to));
        let found = Folder::new(&operator, &[ORDERS]).diagnostics().to_string();
        assert!(found.contains(message), "{message} in {found}");
    };
    check("mobile-test", "mobile", "client id `mobile` is defined twice");
    check("api: orders", "api: order", "there is no API `order` to subscribe to");
    check("version: '1.0'", "version: '1'", "API `orders` has no version `1`");
}

/// A token that tells of its own application, as WSO2's token services write it.
fn told(api: &str) -> Value {
    json!({
        "client_id": "stranger", "keytype": "SANDBOX",
        "application": { "id": 7, "uuid": "u-7", "name": "Told", "owner": "erin", "tier": "Gold", "attributes": { "region": "eu" } },
        "subscribedAPIs": [
            { "name": "billing", "version": "1.0", "subscriptionTier": "Bronze" },
            { "name": api, "version": "1.0", "subscriptionTier": "Silver" },
        ],
    })
}

#[test]
fn the_application_of_a_token_is_believed_where_its_issuer_is() {
    let claims = |gateway: &Running, changes: &Value| {
        let decision = gateway.decide("GET /orders/1.0/items/7", &gateway.token(changes));
        (code(&decision), decision.outcome.is_ok().then(|| decoded(&assertion(&decision)).1))
    };
    let mut gateway = start(APPLICATIONS);
    assert_eq!(claims(&gateway, &told("orders")).0, "no_subscription");
    let believed = gateway
        .folder
        .operator
        .replace("    audience: [orders", "    applicationFromToken: true\n    audience: [orders");
    gateway.folder.operator = believed;
    gateway.gateway.apply(&gateway.folder.sources()).unwrap();
    // Twice: the second one is known already.
    for _ in 0..2 {
        let payload = claims(&gateway, &told("orders")).1.unwrap();
        let expected = json!({
            "applicationname": "Told", "applicationid": "7", "applicationUUId": "u-7", "applicationtier": "Gold",
            "subscriber": "erin", "tier": "Silver", "keytype": "SANDBOX", "applicationAttributes": { "region": "eu" },
        });
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&payload[format!("http://wso2.org/claims/{name}")], value, "{name}");
        }
    }
    assert_eq!(claims(&gateway, &told("others")).0, "no_subscription");
    let mut known = told("orders");
    known["client_id"] = json!("mobile");
    let payload = claims(&gateway, &known).1.unwrap();
    assert_eq!(payload["http://wso2.org/claims/applicationname"], "Mobile", "the operator's word comes first");
}
