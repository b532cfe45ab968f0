//! `countersign keys`: the life cycle on disk.

use serde_json::{Value, json};

use crate::testing::{Done, OPERATOR, World};

fn keys(world: &World, arguments: &[&str]) -> Done {
    let mut all = vec!["keys"];
    all.extend(arguments);
    all.extend(["--directory", "keys"]);
    world.run(&all)
}

fn generate(world: &World, algorithm: &str) {
    let done = keys(world, &["generate", "--algorithm", algorithm]);
    assert_eq!(done.code, 0, "{done:?}");
}

/// Returns algorithm and state of every key.
fn states(world: &World) -> Value {
    let list = keys(world, &["list", "--format", "json"]).json();
    let state = |key: &Value| json!([key["algorithm"], key["state"]]);
    list.as_array().unwrap().iter().map(state).collect()
}

/// Returns the `kid` of the key in that state.
fn kid(world: &World, state: &str) -> String {
    let list = keys(world, &["list", "--format", "json"]).json();
    let key = list.as_array().unwrap().iter().find(|key| key["state"] == state).expect("a key in that state").clone();
    key["kid"].as_str().unwrap().to_owned()
}

#[test]
fn first_key_of_an_algorithm_signs_at_once_and_is_its_owners_alone() {
    let world = World::new();
    generate(&world, "ES256");
    generate(&world, "SHA512withRSA");
    assert_eq!(states(&world), json!([["RS512", "active"], ["ES256", "active"]]));
    assert_eq!(world.mode("keys"), 0o700);
    assert_eq!(world.mode(&format!("keys/{}.json", kid(&world, "active"))), 0o600);
}

#[test]
fn rotation_announces_a_key_and_keeps_the_old_one_signing() {
    let world = World::new();
    generate(&world, "ES256");
    let done = keys(&world, &["rotate", "--algorithm", "ES256"]);
    assert!(done.code == 0 && done.out.contains("announced: published now") && done.err.is_empty(), "{done:?}");
    assert_eq!(states(&world), json!([["ES256", "active"], ["ES256", "announced"]]));
    let again = keys(&world, &["rotate", "--algorithm", "ES256"]);
    assert!(again.code == 2 && again.err.contains("is announced already"), "{again:?}");
}

#[test]
fn rotation_at_once_lets_the_announced_key_sign_and_says_who_may_break() {
    let world = World::new();
    generate(&world, "ES256");
    keys(&world, &["rotate", "--algorithm", "ES256"]);
    let announced = kid(&world, "announced");
    let done = keys(&world, &["rotate", "--algorithm", "ES256", "--now"]);
    assert!(done.code == 0 && done.err.contains("who may break"), "{done:?}");
    assert_eq!(kid(&world, "active"), announced);
    assert_eq!(states(&world), json!([["ES256", "active"], ["ES256", "retired"]]));
}

#[test]
fn rotation_keeps_the_size_of_an_rsa_key() {
    let world = World::new();
    keys(&world, &["generate", "--algorithm", "RS256", "--rsa-size", "3072"]);
    keys(&world, &["rotate", "--algorithm", "RS256"]);
    let public = keys(&world, &["export", &kid(&world, "announced")]).json();
    assert_eq!(public["n"].as_str().unwrap().len(), 3072 / 8 * 4 / 3);
}

#[test]
fn rotation_without_a_key_is_refused_with_the_line_that_helps() {
    let done = keys(&World::new(), &["rotate", "--algorithm", "EdDSA"]);
    assert!(done.code == 2 && done.err.contains("countersign keys generate --algorithm EdDSA"), "{done:?}");
}

#[test]
fn announcement_under_the_age_of_a_jwks_is_refused() {
    let world = World::new();
    generate(&world, "ES256");
    let done = keys(&world, &["rotate", "--algorithm", "ES256", "--announce-for", "5m"]);
    assert!(done.code == 2 && done.err.contains("too short"), "{done:?}");
}

#[test]
fn revoked_signing_key_has_a_successor_at_once() {
    let world = World::new();
    generate(&world, "ES256");
    let revoked = kid(&world, "active");
    let done = keys(&world, &["revoke", revoked.get(..8).unwrap()]);
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(states(&world), json!([["ES256", "active"], ["ES256", "revoked"]]));
    assert_eq!(kid(&world, "revoked"), revoked);
}

#[test]
fn unknown_key_is_refused() {
    let world = World::new();
    generate(&world, "ES256");
    for arguments in [["revoke", "nobody"], ["export", "nobody"]] {
        let done = keys(&world, &arguments);
        assert!(done.code == 2 && done.err.contains("there is no key `nobody`"), "{done:?}");
    }
}

#[test]
fn private_half_is_printed_only_when_asked_for() {
    let world = World::new();
    generate(&world, "ES256");
    let kid = kid(&world, "active");
    for form in [&["export", &kid] as &[&str], &["export", &kid, "--jwks"]] {
        let done = keys(&world, form);
        assert!(done.code == 0 && done.err.is_empty(), "{done:?}");
        let key = done.json();
        let key = key.pointer("/keys/0").unwrap_or(&key);
        assert!(key["kid"] == kid.as_str() && key.get("d").is_none(), "{key}");
    }
    let private = keys(&world, &["export", &kid, "--private"]);
    assert!(private.json()["d"].is_string() && private.err.contains("private key"), "{private:?}");
}

#[test]
fn exported_private_key_is_the_same_key_elsewhere() {
    let world = World::new();
    generate(&world, "EdDSA");
    let exported = keys(&world, &["export", &kid(&world, "active"), "--private"]);
    world.write("key.jwk", &exported.out);
    let done = world.run(&["keys", "import", "key.jwk", "--directory", "other"]);
    assert!(done.code == 0 && done.out.contains(&kid(&world, "active")), "{done:?}");
    let again = world.run(&["keys", "import", "key.jwk", "--directory", "other"]);
    assert!(again.code == 2 && again.err.contains("already"), "{again:?}");
}

#[test]
fn pkcs12_is_imported_with_password_and_alias() {
    let world = World::new();
    world.copy_foreign_key("keytool.p12");
    world.write("password.txt", "changeit\n");
    let file = ["import", "keytool.p12", "--password-file", "password.txt"];
    let several = keys(&world, &file);
    assert!(several.code == 2 && several.err.contains("gateway") && several.err.contains("partner"), "{several:?}");
    let done = keys(&world, &[&file as &[&str], &["--alias", "gateway"]].concat());
    assert!(done.code == 0 && done.out.starts_with("imported"), "{done:?}");
    let certificate = keys(&world, &["export", &kid(&world, "active"), "--certificate"]);
    assert!(certificate.out.starts_with("-----BEGIN CERTIFICATE-----\n"), "{certificate:?}");
    assert!(certificate.out.lines().all(|line| line.len() <= 64), "{certificate:?}");
}

#[test]
fn pkcs12_with_a_wrong_password_is_refused() {
    let world = World::new();
    world.copy_foreign_key("openssl.p12");
    let done = keys(&world, &["import", "openssl.p12"]);
    assert!(done.code == 2 && done.err.contains("wrong password"), "{done:?}");
}

#[test]
fn imported_key_takes_over_from_the_one_that_signs() {
    let world = World::new();
    generate(&world, "RS256");
    world.copy_foreign_key("openssl.p12");
    world.write("password.txt", "changeit");
    let done = keys(&world, &["import", "openssl.p12", "--password-file", "password.txt", "--now"]);
    assert!(done.code == 0 && done.err.contains("who may break"), "{done:?}");
    assert_eq!(states(&world), json!([["RS256", "active"], ["RS256", "retired"]]));
}

#[test]
fn keys_are_found_by_the_operators_file() {
    let world = World::new();
    world.write("gateway/countersign.yaml", &format!("{OPERATOR}\nkeys: {{ directory: signing, announceFor: 48h }}\n"));
    let config = ["--config", "gateway/countersign.yaml"];
    let done = world.run(&[&["keys", "generate", "--algorithm", "ES256"] as &[&str], &config].concat());
    assert!(done.code == 0 && done.out.contains("gateway/signing/"), "{done:?}");
    let list = world.run(&[&["keys", "list"] as &[&str], &config].concat());
    assert!(list.code == 0 && list.out.contains("ES256") && list.out.contains("active"), "{list:?}");
}

#[test]
fn broken_operators_file_is_refused_with_a_way_round() {
    let world = World::new();
    world.write("countersign.yaml", "gateway: { isuer: x }\n");
    let done = world.run(&["keys", "list"]);
    assert!(done.code == 2 && done.err.contains("--directory") && done.err.contains("countersign.yaml:1:"), "{done:?}");
}

#[test]
fn unknown_algorithm_is_refused_with_the_names_that_there_are() {
    let done = keys(&World::new(), &["generate", "--algorithm", "RS257"]);
    assert!(done.code == 2 && done.err.contains("ES256") && done.err.contains("SHA256withRSA"), "{done:?}");
}

#[test]
fn shared_secrets_are_the_operators_files() {
    let done = keys(&World::new(), &["generate", "--algorithm", "HS256"]);
    assert!(done.code == 2 && done.err.contains("keys.hmac"), "{done:?}");
}
