//! What is refused, or warned of, when the files are read: headers, routes, keys and names.

use gateway::{Diagnostics, Severity};

use crate::testing::{Folder, OPERATOR, ORDERS};

/// The definition with these parameters of its Backend JWT.
fn with(parameters: &str) -> String {
    let policy = format!("{{ policyName: BackendJwt, parameters: {{ {parameters} }} }}");
    ORDERS.replace("{ policyName: BackendJwt }", &policy)
}

fn told(diagnostics: &Diagnostics, severity: Severity) -> Vec<String> {
    let told = diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity);
    told.map(|diagnostic| diagnostic.message.clone()).collect()
}

fn check(operator: &str, apis: &[&str], expected: &[&str]) {
    let diagnostics = Folder::new(&format!("{OPERATOR}{operator}"), apis).diagnostics();
    assert_eq!(told(&diagnostics, Severity::Error), expected, "{operator} {apis:?}");
}

fn check_warnings(operator: &str, apis: &[&str], expected: &[&str]) {
    let diagnostics = Folder::new(&format!("{OPERATOR}{operator}"), apis).diagnostics();
    assert_eq!(told(&diagnostics, Severity::Warning), expected, "{operator} {apis:?}");
    assert!(told(&diagnostics, Severity::Error).is_empty(), "{diagnostics}");
}

#[test]
fn a_field_that_the_gateway_writes_itself_is_not_minted() {
    for header in ["X-Forwarded-For", "X-Forwarded-Anything", "X-Real-IP", "X_Request_Id", "Assertion"] {
        let message = format!("the header `{header}` may not be minted");
        check("", &[&with(&format!("header: {header}"))], &[&message]);
    }
    for header in ["Host", "Connection", "Content-Length", "Via"] {
        let allowed = format!("backendJwt: {{ allowedHeaders: [{header}] }}\n");
        let message = format!("the header `{header}` may not be minted");
        check(&allowed, &[&with(&format!("header: {header}"))], &[&message]);
    }
    let allowed = "backendJwt: { allowedHeaders: [Assertion] }\n";
    check(allowed, &[&with("header: Assertion")], &[]);
    check(allowed, &[&with("header: X-Other")], &["the header `X-Other` may not be minted"]);
}

#[test]
fn a_field_with_a_credential_is_not_minted() {
    let reads = "authentication: [{ authType: OAuth2, headerName: X-Ticket }]\n";
    let message = "the header `X-Ticket` is where an API reads a credential";
    check("", &[&format!("{}{reads}", with("header: X-Ticket"))], &[message]);
    let tickets = ORDERS.replace("orders", "tickets");
    check("", &[&with("header: x-ticket"), &format!("{tickets}{reads}")], &[&message.replace("X-T", "x-t")]);
    let sends = "authentication: [{ authType: OAuth2, sendTokenToUpstream: true }]\n";
    let message = "the header `Authorization` cannot be minted and sent upstream";
    check("", &[&format!("{}{sends}", with("header: Authorization"))], &[message]);
}

#[test]
fn policies_of_one_level_have_different_headers() {
    let two = "{ policyName: BackendJwt }, { policyName: BackendJwt, parameters: { header: x_jwt_assertion } }";
    let api = ORDERS.replace("{ policyName: BackendJwt }", two);
    check("", &[&api], &["two policies of one level mint the header `x_jwt_assertion`"]);
    check("", &[&api.replace("x_jwt_assertion", "X-Other")], &[]);
}

#[test]
fn no_two_places_answer_one_request() {
    let other = ORDERS.replace("name: orders", "name: others");
    let found = Folder::new(OPERATOR, &[ORDERS, &other]).diagnostics();
    assert!(found.to_string().contains("route-conflict"), "{found}");
    let twice = ORDERS.replace("/items, verb: POST", "'/items/{number}', verb: GET");
    let found = Folder::new(OPERATOR, &[&twice]).diagnostics();
    assert!(found.to_string().contains("route-conflict"), "{found}");
    let keys = ORDERS.replace("basePath: /orders\nversion: '1.0'", "basePath: /.well-known");
    let keys = keys.replace("/items, verb: POST", "/jwks.json, verb: GET");
    let found = Folder::new(OPERATOR, &[&keys]).diagnostics();
    assert!(found.to_string().contains("route-conflict"), "{found}");
    check(
        "",
        &[ORDERS, ORDERS],
        &["API `orders` is defined twice in this version", "`/orders/1.0` is where API `orders` lives already"],
    );
}

#[test]
fn a_policy_has_a_key_to_sign_with() {
    let found = Folder::new(OPERATOR, &[&with("signingAlgorithm: EdDSA")]).diagnostics().to_string();
    assert!(found.contains("missing-key") && found.contains("countersign keys generate --algorithm EdDSA"), "{found}");
    let secret =
        |text: &str, apis: &str| format!("  hmac: [{{ name: s, secret: {{ inline: {text} }}, apis: [{apis}] }}]\n");
    let check = |keys: &str, expected: &str| {
        let operator = OPERATOR.replace("keys: { directory: keys/ }\n", &format!("keys:\n  directory: keys/\n{keys}"));
        let found = Folder::new(&operator, &[&with("signingAlgorithm: HS256")]).diagnostics().to_string();
        assert!(found.contains(expected), "{expected} in {found}");
    };
    check("", "missing-key");
    check(&secret("0123456789abcdef0123456789abcdef", "others"), "missing-key");
    check(&secret("short", "orders"), "unusable-key");
    let legacy = format!("{ORDERS}compatibility: apim\n");
    let found = Folder::new(OPERATOR, &[&legacy]).diagnostics().to_string();
    assert!(found.contains("certificate"), "{found}");
}

#[test]
fn what_is_weak_is_told_once_and_at_its_place() {
    let base64 = "standard JWT libraries refuse a JWT in the `Base64` alphabet";
    check_warnings("", &[&with("encoding: Base64")], &[base64]);
    let anonymous =
        "a call without a caller gets a signed JWT too: a backend that only asks whether it is signed lets it in";
    check_warnings("", &[&with("anonymous: mint")], &[anonymous]);
    let others = ORDERS.replace("orders", "others");
    check_warnings("backendJwt: { defaults: { anonymous: mint } }\n", &[ORDERS, &others], &[anonymous]);
}

#[test]
fn what_a_bound_on_the_header_cannot_do_is_told() {
    check("", &[&with("maxHeaderBytes: 10")], &["no Backend JWT fits into a `maxHeaderBytes` of 10"]);
    check("", &[&with("maxHeaderBytes: 1KiB")], &[]);
    let drops = "onOversize: drop, dropOrder: [sub, groups, jti]";
    let told = ["sub", "jti"].map(|name| format!("`{name}` is never dropped: backends rely on it"));
    check_warnings("", &[&with(drops)], &[&told[0], &told[1]]);
}

#[test]
fn names_are_unique_and_known() {
    check("", &[&with("userStore: nope")], &["there is no user store `nope`"]);
    let two = "dialects: [{ name: a, uri: urn:a, claims: [] }, { name: a, uri: urn:b, claims: [] }]\n";
    let found = Folder::new(&format!("{OPERATOR}{two}"), &[ORDERS]).diagnostics().to_string();
    assert!(found.contains("duplicate-name"), "{found}");
    let found =
        Folder::new(&format!("{OPERATOR}applications: [{{ name: Web, issuer: crop, clientIds: [web] }}]\n"), &[ORDERS]);
    let found = found.diagnostics().to_string();
    assert!(found.contains("there is no issuer `crop`") && found.contains("corp"), "{found}");
}

#[test]
fn a_directorys_breaker_may_stand_with_its_other_limits() {
    let store = "  - name: directory\n    ldap:\n      url: ldap://127.0.0.1:9\n      startTls: false\n      base: dc=example\n      filter: (uid={user})\n      breaker: { after: 2, retry: 1s }\n    attributes: { mail: email }\n";
    let found = Folder::new(&format!("{OPERATOR}{store}"), &[ORDERS]).diagnostics();
    assert!(told(&found, Severity::Error).is_empty(), "{found}");
}

#[test]
fn a_broken_file_makes_no_keys() {
    let folder = Folder::new(&OPERATOR.replace("ES256", "ES257"), &[ORDERS]);
    assert!(folder.diagnostics().has_errors());
    assert!(!folder.directory.path().join("keys").exists());
}
