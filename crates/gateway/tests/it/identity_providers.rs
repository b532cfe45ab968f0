//! The access tokens of well-known providers, shaped as docs/cookbook shows them: the very examples of its pages.

use serde_json::{Value, json};

use crate::testing::{Folder, ORDERS, Running, START, assertion, code, decoded};
use gateway::Decision;

/// One page: its issuer with keys from a file and our people, and a token of its shape.
struct Page {
    gateway: Running,
    token: Value,
}

const PEOPLE: &str = r#"
userStores:
  - name: staff
    inline:
      users:
        - { user: alice, attributes: { email: alice@example.com } }
        - { user: alice@example.com, attributes: { email: alice@example.com } }
        - { user: 0d1e2f3a-alice, attributes: { email: alice@example.com } }
        - { user: "auth0|5f7c8ec7c33c6c004bbafe82", attributes: { email: alice@example.com } }
applications:
  - { name: Mobile, clientIds: [mobile-app, 0oa1mobile, aaaa1111-mobile] }
"#;

impl Page {
    fn new(name: &str) -> Self {
        let path = format!("{}/../../docs/cookbook/{name}.md", env!("CARGO_MANIFEST_DIR"));
        let page = std::fs::read_to_string(path).unwrap();
        let block = |kind: &str| {
            let (_, rest) = page.split_once(&format!("```{kind}\n")).unwrap();
            rest.split_once("\n```").unwrap().0.to_owned()
        };
        let (yaml, _) = block("yaml")
            .split_once("userStores:\n  - name")
            .map(|(yaml, rest)| (yaml.to_owned(), rest.len()))
            .unwrap();
        let yaml = yaml.replace("    discovery: true\n", "    jwks: { file: issuer.json }\n");
        let mut lines: Vec<&str> = Vec::new();
        for line in yaml.lines() {
            let is_gone = |start: &str| line.trim_start().starts_with(start) && line.starts_with("    ");
            if is_gone("jwks: { url") {
                lines.push("    jwks: { file: issuer.json }");
            } else if !["introspection:", "url:", "clientId:", "clientSecret:", "ca:"].into_iter().any(is_gone) {
                lines.push(line);
            }
        }
        let gateway = Folder::new(
            &format!("{}\n{PEOPLE}", lines.join("\n")),
            &[&ORDERS
                .replace(
                    "policyName: BackendJwt",
                    "policyName: BackendJwt, parameters: { tokenClaims: [scope, roles, groups, api_roles] }",
                )
                .replace("scopes: []", "scopes: ['orders:read', Orders.Read]")],
        )
        .start();
        Self { gateway, token: serde_json::from_str(&block("json")).unwrap() }
    }

    fn call(&self, changes: &Value) -> Decision {
        let mut token = self.token.clone();
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => token.as_object_mut().unwrap().remove(name),
                value => token.as_object_mut().unwrap().insert(name.clone(), value.clone()),
            };
        }
        assert_eq!(token["iat"], START);
        self.gateway.decide("GET /orders/1.0/items/7", &self.gateway.signed(&token))
    }

    fn payload(&self, changes: &Value) -> Value {
        decoded(&assertion(&self.call(changes))).1
    }

    /// The page's own token is alice's, of the application `Mobile`.
    fn check_alice(&self, subject: &str) -> Value {
        let payload = self.payload(&json!({}));
        assert_eq!(payload["sub"], subject);
        assert_eq!(payload["http://wso2.org/claims/emailaddress"], "alice@example.com");
        assert_eq!(payload["http://wso2.org/claims/applicationname"], "Mobile");
        assert_eq!(payload["http://wso2.org/claims/usertype"], "Application_User");
        payload
    }

    /// A token by client credentials is the client's own.
    fn check_client(&self, changes: &Value, client: &str) {
        let payload = self.payload(changes);
        assert_eq!(payload["sub"], client);
        assert_eq!(payload["http://wso2.org/claims/usertype"], "APPLICATION");
        assert_eq!(payload.get("http://wso2.org/claims/emailaddress"), None);
    }
}

#[test]
fn keycloak() {
    let page = Page::new("keycloak");
    let payload = page.check_alice("f3a1c2d4-0000-4000-8000-aaaaaaaaaaaa");
    assert_eq!(payload["roles"], json!(["staff", "offline_access"]));
    assert_eq!(payload["api_roles"], json!(["reader"]));
    let service = json!({ "client_id": "mobile-app", "preferred_username": "service-account-mobile-app" });
    page.check_client(&service, "mobile-app");
    assert_eq!(code(&page.call(&json!({ "aud": "account" }))), "unauthorized");
    assert_eq!(code(&page.call(&json!({ "sub": null }))), "unauthorized");
    assert_eq!(code(&page.call(&json!({ "scope": "openid" }))), "insufficient_scope");
}

#[test]
fn okta() {
    let page = Page::new("okta");
    let payload = page.check_alice("alice@example.com");
    assert_eq!(payload["groups"], json!(["Everyone", "staff"]));
    page.check_client(&json!({ "sub": "0oa1mobile", "uid": null }), "0oa1mobile");
    assert_eq!(code(&page.call(&json!({ "scp": ["openid"] }))), "insufficient_scope");
}

#[test]
fn entra() {
    let page = Page::new("entra");
    page.check_alice("0d1e2f3a-alice");
    page.check_client(
        &json!({ "scp": null, "roles": ["Orders.Read"], "idtyp": "app", "oid": "x", "sub": "x" }),
        "aaaa1111-mobile",
    );
    assert_eq!(code(&page.call(&json!({ "scp": "User.Read" }))), "insufficient_scope");
    let other_tenant = json!({ "iss": "https://login.microsoftonline.com/22222222-2222-3333-4444-555555555555/v2.0" });
    assert_eq!(code(&page.call(&other_tenant)), "unauthorized");
}

#[test]
fn auth0() {
    let page = Page::new("auth0");
    let payload = page.check_alice("auth0|5f7c8ec7c33c6c004bbafe82");
    assert_eq!(payload["roles"], json!(["staff"]));
    let machine = json!({ "sub": "mobile-app@clients", "gty": "client-credentials" });
    page.check_client(&machine, "mobile-app");
    assert_eq!(code(&page.call(&json!({ "permissions": [] }))), "insufficient_scope");
    assert_eq!(code(&page.call(&json!({ "iss": "https://corp.eu.auth0.com" }))), "unauthorized");
}

#[test]
fn wso2_identity_server() {
    let page = Page::new("wso2-is");
    let payload = page.check_alice("alice");
    assert_eq!(payload["groups"], json!(["staff", "orders-reader"]));
    page.check_client(&json!({ "aut": "APPLICATION", "sub": "0000-owner" }), "mobile-app");
    assert_eq!(code(&page.call(&json!({ "at_hash": "x" }))), "unauthorized");
}
