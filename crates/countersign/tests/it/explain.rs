//! `countersign explain`: every claim's source, everything else's reason, and what differs from another token.

use serde_json::{Value, json};

use crate::testing::{Done, ORDERS, World};

fn explain(world: &World, arguments: &[&str]) -> Done {
    let common = ["explain", "--api", "orders", "--operation", "GET /{id}"];
    world.run(&[&common as &[&str], arguments].concat())
}

/// Returns the explained JWT.
fn jwt(done: &Done) -> Value {
    done.json()["jwts"][0].clone()
}

fn claim(jwt: &Value, name: &str) -> Value {
    let claims = jwt["claims"].as_array().unwrap();
    claims.iter().find(|claim| claim["name"] == name).unwrap_or(&Value::Null).clone()
}

fn reason(jwt: &Value, kind: &str, name: &str) -> Value {
    let omitted = jwt["notInToken"].as_array().unwrap();
    let found: Vec<&Value> = omitted.iter().filter(|item| item["kind"] == kind && item["name"] == name).collect();
    assert!(found.len() < 2, "{name} has several reasons: {found:?}");
    found.first().map_or(Value::Null, |item| item["reason"].clone())
}

#[test]
fn every_claim_has_its_value_source_age_and_rule() {
    let world = World::with_gateway();
    let done = explain(&world, &["--user", "alice", "--format", "json"]);
    assert_eq!(done.code, 0, "{done:?}");
    let jwt = jwt(&done);
    let email = claim(&jwt, "http://wso2.org/claims/emailaddress");
    assert_eq!([&email["value"], &email["source"]], ["alice@example.com", "user store staff"]);
    assert!(email["age"].as_u64().unwrap() < 60 && email["rule"].as_str().unwrap().contains("email"), "{email}");
    assert_eq!(claim(&jwt, "http://wso2.org/claims/role")["value"], json!(["orders-read"]));
    assert_eq!(claim(&jwt, "plan")["source"], "custom claim");
    assert_eq!(claim(&jwt, "scope")["source"], "token");
    assert_eq!(claim(&jwt, "sub")["value"], "alice");
    let value = jwt["value"].as_str().unwrap();
    assert_eq!(jwt["headerBytes"], json!("X-JWT-Assertion: ".len() + value.len()));
    assert_eq!(jwt["policy"], "apis/orders.yaml:14 (api level)");
}

#[test]
fn everything_else_has_one_reason() {
    let world = World::with_gateway();
    let jwt = jwt(&explain(&world, &["--user", "alice", "--format", "json"]));
    assert_eq!(reason(&jwt, "attribute", "shoe_size"), "not_mapped");
    assert_eq!(reason(&jwt, "attribute", "phone_number"), "not_allowed");
    assert_eq!(reason(&jwt, "claim", "http://wso2.org/claims/subscriber"), "not_in_store");
    assert_eq!(reason(&jwt, "attribute", "email"), Value::Null);
}

#[test]
fn filtered_attribute_says_so() {
    let world = World::with_gateway();
    world.write("apis/orders.yaml", &ORDERS.replace("orders-*", "billing-*"));
    let jwt = jwt(&explain(&world, &["--user", "alice", "--format", "json"]));
    assert_eq!(reason(&jwt, "attribute", "groups"), "filtered");
    assert_eq!(claim(&jwt, "http://wso2.org/claims/role")["value"], json!([]));
}

#[test]
fn token_is_verified_as_a_request_would_be() {
    let world = World::with_gateway();
    world.write("token", &world.token("alice", &["--scope", "orders:read", "--claim", "tenant=\"t1\""]));
    let done = explain(&world, &["--token", "@token", "--format", "json"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(done.json()["caller"]["assumedToken"], Value::Null);
    assert_eq!(reason(&jwt(&done), "claim", "tenant"), "excluded");
    world.write("token", &world.token("alice", &["--scope", "other"]));
    let refused = explain(&world, &["--token", "@token", "--format", "json"]);
    assert_eq!((refused.code, &refused.json()["refused"]["code"]), (1, &json!("insufficient_scope")), "{refused:?}");
    world.write("token", &world.token("alice", &["--claim", "exp=1"]));
    let refused = explain(&world, &["--token", "@token", "--format", "json"]);
    assert_eq!((refused.code, &refused.json()["refused"]["status"]), (1, &json!(401)), "{refused:?}");
}

#[test]
fn unknown_user_is_a_refusal_and_the_reason_of_every_attribute() {
    let world = World::with_gateway();
    let done = explain(&world, &["--user", "mallory", "--format", "json"]);
    let jwt = jwt(&done);
    assert_eq!((done.code, &jwt["refused"]["code"]), (1, &json!("unknown_user")), "{done:?}");
    assert_eq!(reason(&jwt, "attribute", "email"), "user_not_found");
}

#[test]
fn operation_is_found_by_template_by_path_and_by_whole_path() {
    let world = World::with_gateway();
    for operation in ["GET /{id}", "get /42", "GET /orders/1.0/42?page=1"] {
        let done = world.run(&[
            "explain",
            "--api",
            "orders:1.0",
            "--operation",
            operation,
            "--user",
            "alice",
            "--format",
            "json",
        ]);
        assert_eq!((done.code, &done.json()["operation"]), (0, &json!("GET /{id}")), "{operation}: {done:?}");
    }
    let open = world.run(&["explain", "--api", "orders", "--operation", "GET /open", "--user", "alice"]);
    assert!(open.code == 0 && open.out.contains("not sent"), "{open:?}");
}

#[test]
fn what_is_not_there_is_answered_with_what_there_is() {
    let world = World::with_gateway();
    for (api, operation, expected) in
        [("nope", "GET /{id}", "orders:1.0"), ("orders", "PUT /{id}", "`GET /{id}`"), ("orders", "GET", "`GET /open`")]
    {
        let done = world.run(&["explain", "--api", api, "--operation", operation, "--user", "alice"]);
        assert!(done.code == 2 && done.err.contains(expected), "{done:?}");
    }
    let done = explain(&world, &["--user", "alice", "--issuer", "corp"]);
    assert!(done.code == 2 && done.err.contains("it trusts dev"), "{done:?}");
}

#[test]
fn same_token_has_no_difference_but_its_times() {
    let world = World::with_gateway();
    let first = explain(&world, &["--user", "alice", "--format", "json"]);
    world.write("old", &format!("Bearer {}\n", jwt(&first)["value"].as_str().unwrap()));
    let done = explain(&world, &["--user", "alice", "--against", "@old", "--format", "json"]);
    let against = &done.json()["against"];
    assert_eq!((done.code, &against["equal"]), (0, &json!(true)), "{done:?}");
    assert_eq!(against["apart"].as_array().unwrap().len(), 4);
}

#[test]
fn differences_are_named_with_both_values() {
    let world = World::with_gateway();
    let more = [
        "--claim",
        "iss=\"https://gateway.example.com\"",
        "--claim",
        "http://wso2.org/claims/role=\"orders-read\"",
        "--claim",
        "plan=\"Support\"",
        "--claim",
        "http://wso2.org/claims/dob=\"1999-01-01\"",
    ];
    world.write("old", &world.token("alice", &more));
    let done = explain(&world, &["--user", "alice", "--against", "@old", "--format", "json"]);
    let against = done.json()["against"].clone();
    assert_eq!(done.code, 1, "{done:?}");
    assert_eq!(against["missing"], json!([{"name": "http://wso2.org/claims/dob", "value": "1999-01-01"}]));
    let changed: Vec<Value> =
        against["different"].as_array().unwrap().iter().map(|claim| json!([claim["name"], claim["differs"]])).collect();
    assert_eq!(changed, [json!(["http://wso2.org/claims/role", "type"]), json!(["plan", "value"])]);
    let extra = against["extra"].as_array().unwrap();
    assert!(extra.iter().any(|claim| claim["name"] == "http://wso2.org/claims/apiname"), "{extra:?}");
    let text = explain(&world, &["--user", "alice", "--against", "@old"]);
    assert!(text.code == 1 && text.out.contains("missing     http://wso2.org/claims/dob"), "{text:?}");
}

#[test]
fn what_is_no_token_cannot_be_compared() {
    let world = World::with_gateway();
    world.write("old", "not a token");
    let done = explain(&world, &["--user", "alice", "--against", "@old"]);
    assert!(done.code == 2 && done.err.contains("no JWT"), "{done:?}");
}

#[test]
fn one_of_several_headers_is_chosen() {
    let world = World::with_gateway();
    let second =
        "apiPolicies:\n  request:\n    - { policyName: BackendJwt, parameters: { header: X-Second, tokenTTL: 60 } }";
    world.write("apis/orders.yaml", &ORDERS.replace("apiPolicies:\n  request:", second));
    let both = explain(&world, &["--user", "alice", "--format", "json"]);
    assert_eq!(both.json()["jwts"].as_array().unwrap().len(), 2, "{both:?}");
    world.write("old", jwt(&both)["value"].as_str().unwrap());
    let unclear = explain(&world, &["--user", "alice", "--against", "@old"]);
    assert!(unclear.code == 2 && unclear.err.contains("--header"), "{unclear:?}");
    let chosen = explain(&world, &["--user", "alice", "--against", "@old", "--header", "x-second"]);
    assert_eq!(chosen.code, 0, "{chosen:?}");
}

#[test]
fn live_asks_the_running_gateway_and_says_when_there_is_none() {
    let world = World::with_gateway();
    let done = explain(&world, &["--user", "alice", "--live"]);
    assert!(
        done.code == 2 && done.err.contains("cannot ask the gateway on its admin address http://127.0.0.1:1/"),
        "{done:?}"
    );
}

#[test]
fn broken_configuration_is_reported_and_explains_nothing() {
    let world = World::with_gateway();
    world.write("countersign.yaml", "gateway: {}\n");
    let done = explain(&world, &["--user", "alice"]);
    assert!(done.code == 1 && done.out.is_empty() && done.err.contains("error[missing-field]"), "{done:?}");
}

#[test]
fn user_or_token_must_be_named() {
    let done = explain(&World::with_gateway(), &[]);
    assert!(done.code == 2 && done.err.contains("--user"), "{done:?}");
}
