//! `countersign check`: all mistakes at once, each with its place.

use serde_json::{Value, json};

use crate::testing::{Done, OPERATOR, ORDERS, World};

/// Returns the code and the place of every diagnostic.
fn found(done: &Done) -> Vec<String> {
    let report = done.json();
    let text = |diagnostic: &Value| {
        let part = |name: &str| diagnostic[name].to_string().replace('"', "");
        format!("{}:{}:{} {}", part("file"), part("line"), part("column"), part("code"))
    };
    report["diagnostics"].as_array().unwrap().iter().map(text).collect()
}

#[test]
fn sound_configuration_has_no_mistakes() {
    let world = World::with_gateway();
    let done = world.run(&["check"]);
    assert_eq!((done.code, done.out.as_str()), (0, "2 files: no mistakes\n"), "{done:?}");
}

#[test]
fn ten_mistakes_are_ten_diagnostics() {
    let world = World::with_gateway();
    world.write(
        "countersign.yaml",
        r"gateway:
  isuer: https://gateway.example.com
  issuer: https://gateway.example.com
  listeners: [{ address: nowhere }]
  clockSkew: 10
admin: { address: 127.0.0.1:9090 }
backendJwt:
  defaults: { tokenTTL: 90000 }
issuers:
  - name: dev
    issuer: https://dev.example
    jwks: { file: dev-issuer/jwks.json }
    lookup: { userStores: [stuff] }
",
    );
    world.write(
        "apis/orders.yaml",
        r#"name: orders
basePath: /orders
version: 1.0
type: REST
endpointConfigurations: { production: [{ endpoint: "ftp://orders.internal" }] }
operations:
  - { target: "/{id}", verb: FETCH, secured: true }
  - { target: "/a*b", verb: GET, secured: maybe }
apiPolicies:
  request:
    - policyName: BackendJwt
      parameters: { signingAlgorithm: RS255, tokenTtl: 60 }
"#,
    );
    let done = world.run(&["check", "--format", "json"]);
    let list = found(&done);
    assert_eq!((done.code, list.len(), &done.json()["errors"]), (1, 10, &json!(10)), "{list:#?}");
    let is_hinted = |code: &str| list.iter().any(|diagnostic| diagnostic.ends_with(code));
    assert!(is_hinted("unknown-field") && is_hinted("unknown-name") && is_hinted("wrong-type"), "{list:#?}");
}

#[test]
fn text_names_file_line_column_code_and_hint() {
    let world = World::with_gateway();
    world.write("apis/orders.yaml", &ORDERS.replace("secured: true", "secred: true"));
    let done = world.run(&["check"]);
    let expected = "\
apis/orders.yaml:8:35: error[unknown-field]: unknown field `secred`
  hint: did you mean `secured`?
2 files: 1 error
";
    assert_eq!((done.code, done.out.as_str()), (1, expected), "{done:?}");
}

#[test]
fn api_definition_is_checked_without_the_operators_file() {
    let world = World::new();
    world.write("orders.apk-conf", ORDERS);
    let done = world.run(&["check", "orders.apk-conf"]);
    assert_eq!((done.code, done.out.as_str(), done.err.as_str()), (0, "1 file: no mistakes\n", ""));
}

#[test]
fn what_only_the_operator_knows_is_no_mistake_of_the_api() {
    let world = World::new();
    let parameters = "parameters: { userStore: staff, dialect: acme, signingAlgorithm: PS512 }\n#";
    world.write(
        "orders.apk-conf",
        &ORDERS.replace("parameters:", parameters).split("        claims").next().unwrap().replace('#', ""),
    );
    let done = world.run(&["check", "orders.apk-conf", "--format", "json"]);
    assert_eq!((done.code, found(&done)), (0, vec![]), "{done:?}");
    let unjudged = done.json()["unjudged"].as_array().unwrap().len();
    assert_eq!(unjudged, 3, "{done:?}");
    let text = world.run(&["check", "orders.apk-conf"]);
    assert!(text.err.contains("not judged without the operator's file") && text.err.contains("`staff`"), "{text:?}");
}

#[test]
fn mistakes_of_an_api_alone_are_found() {
    let world = World::new();
    world.write("orders.apk-conf", &ORDERS.replace("verb: GET, secured: false", "verb: GET, secured: 7"));
    let done = world.run(&["check", "orders.apk-conf", "--format", "json"]);
    assert_eq!((done.code, found(&done)), (1, vec!["orders.apk-conf:9:44 wrong-type".to_owned()]), "{done:?}");
}

#[test]
fn named_definition_stands_in_for_the_configured_ones() {
    let world = World::with_gateway();
    world.write("new/orders.yaml", &ORDERS.replace("claims: [email,", "claims: [email, shoesize,"));
    let done = world.run(&["check", "--config", "countersign.yaml", "new/orders.yaml"]);
    assert!(done.out.contains("2 files"), "the folder's own `orders` would collide: {done:?}");
    assert!(!done.out.contains("route-conflict"), "{done:?}");
}

#[test]
fn warnings_do_not_fail_unless_asked_to() {
    let world = World::with_gateway();
    world.write(
        "countersign.yaml",
        &OPERATOR.replace("issuer: https://gateway.example.com", "issuer: wso2.org/products/am"),
    );
    assert_eq!(world.run(&["check"]).code, 0);
    let done = world.run(&["check", "--strict-warnings"]);
    assert!(done.code == 1 && done.out.contains("warning[weak-setting]"), "{done:?}");
}

#[test]
fn check_makes_no_keys_and_counts_none_as_missing_that_serve_would_make() {
    let world = World::with_gateway();
    std::fs::remove_dir_all(world.path("keys")).unwrap();
    assert_eq!(world.run(&["check"]).code, 0);
    assert!(!world.path("keys").exists());
}

#[test]
fn missing_operators_file_is_one_mistake_with_a_way_out() {
    let done = World::new().run(&["check"]);
    assert!(done.code == 1 && done.out.contains("error[unreadable-file]") && done.err.contains("--config"), "{done:?}");
}

#[test]
fn missing_api_definition_cannot_be_checked() {
    let done = World::new().run(&["check", "orders.apk-conf"]);
    assert!(done.code == 2 && done.err.contains("cannot read `orders.apk-conf`"), "{done:?}");
}
