//! `countersign import`: files of other products in, a gateway that checks out.

use crate::testing::World;

const DEPLOYMENT: &str = r#"
[server]
hostname = "apim.example.com"

[user_store]
type = "read_only_ldap_unique_id"
connection_url = "ldaps://directory.example.com"
connection_name = "cn=gateway,dc=example,dc=com"
connection_password = "the-directory's-secret"
user_search_base = "ou=people,dc=example,dc=com"

[keystore.primary]
file_name = "wso2carbon.jks"
password = "the-store's-secret"

[apim.jwt]
enable = true
encoding = "base64"
claim_dialect = "http://wso2.org/claims"
enable_user_claims = true

[[apim.jwt.issuer]]
name = "https://idp.example.com/token"
[apim.jwt.issuer.jwks]
url = "https://idp.example.com/jwks"

[apim.cache.jwt_claim]
enable = true
expiry_time = 600
"#;

/// A definition that differs from its neighbours in everything that WSO2 APK's users vary.
fn definition(number: usize) -> String {
    let list = number.is_multiple_of(2);
    let endpoint = if list {
        format!("  production:\n    - endpoint: http://backend-{number}:8080/v{number}\n")
    } else {
        format!("  production:\n    endpoint: {{ name: backend-{number}, namespace: prod, port: 8080 }}\n")
    };
    let version = ["\"1.0\"", "3.10", "v2", "\"2024-01-31\""][number % 4];
    let authentication = match number % 5 {
        0 => "authentication:\n  - authType: OAuth2\n    headerName: X-Auth\n    sendTokenToUpstream: true\n",
        1 => "authentication:\n  - authType: APIKey\n    enabled: true\n    headerName: X-Key\n",
        2 => "authentication:\n  - authType: JWT\n    headerName: custom-jwt\n    audience: [a, b]\n",
        3 => "authentication:\n  - authType: OAuth2\n    enabled: false\n",
        _ => "",
    };
    let policy = match number % 3 {
        0 => {
            "apiPolicies:\n  request:\n    - policyName: BackendJwt\n      policyVersion: v1\n      parameters:\n        encoding: Base64\n        signingAlgorithm: SHA256withRSA\n        header: X-JWT-Assertion\n        tokenTTL: 3600\n        customClaims: [{ claim: team, value: integration, type: string }]\n"
        }
        1 => {
            "apiPolicies:\n  request:\n    - policyName: BackendJWT\n      parameters: { encoding: base64url, tokenTTL: 60 }\n"
        }
        _ => "",
    };
    let operation_policy = if number % 4 == 1 {
        "    operationPolicies:\n      request:\n        - policyName: BackendJwt\n          parameters: { header: X-User }\n"
    } else {
        ""
    };
    let scopes = if number % 3 == 2 { "    scopes: [\"read:things\", \"admin\"]\n" } else { "    secured: false\n" };
    format!(
        "name: \"API {number}\"\nid: \"api-{number}\"\nbasePath: /api-{number}\nversion: {version}\ntype: REST\n\
         defaultVersion: {list}\nsubscriptionValidation: false\nendpointConfigurations:\n{endpoint}{authentication}{policy}\
         operations:\n  - target: /things\n    verb: GET\n{operation_policy}  - target: /things/{{id}}\n    verb: PUT\n{scopes}  \
         - target: /*\n    verb: DELETE\nadditionalProperties: [{{ name: owner, value: team-{number} }}]\n"
    )
}

fn migrated() -> World {
    let world = World::new();
    for number in 0..40 {
        let ending = ["apk-conf", "yaml", "yml"][number % 3];
        world.write(&format!("old/apis/{number}.{ending}"), &definition(number));
    }
    world.write("old/deployment.toml", DEPLOYMENT);
    world.write("old/notes.yaml", "just: notes\n");
    world
}

#[test]
fn forty_definitions_and_a_deployment_check_out_without_an_edit() {
    let world = migrated();
    let done = world.run(&["import", "old", "--output", "gateway"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.out.contains("\n40 API definitions, an operator's file; 0 not imported;"), "{}", done.out);
    assert!(done.out.contains("skipped: old/notes.yaml"), "{}", done.out);
    assert!(done.out.contains("- set the environment variable USER_STORE_PASSWORD: the secret"), "{}", done.out);
    for number in 0..40 {
        let ending = ["apk-conf", "yaml", "yml"][number % 3];
        assert_eq!(world.read(&format!("gateway/apis/{number}.{ending}")), definition(number));
    }
    let mut check = world.command();
    check.env("USER_STORE_PASSWORD", "x").args(["check", "--config", "gateway/countersign.yaml"]);
    let output = check.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("41 files:"), "{text}");
}

#[test]
fn no_secret_is_in_what_is_written_or_said() {
    let world = migrated();
    for format in ["text", "json"] {
        let done = world.run(&["import", "old", "--output", "gateway", "--format", format]);
        assert!(!format!("{done:?}").contains("-secret"), "{done:?}");
        assert!(!done.out.contains("directory's") && !done.out.contains("store's-"), "{done:?}");
    }
    assert!(!world.read("gateway/countersign.yaml").contains("secret\""));
    assert!(world.read("gateway/countersign.yaml").contains("bindPassword: { env: USER_STORE_PASSWORD }"));
}

#[test]
fn a_dry_run_says_the_same_and_writes_nothing() {
    let world = migrated();
    let done = world.run(&["import", "old", "--output", "gateway", "--dry-run", "--output-format", "json"]).json();
    assert_eq!(done["files"].as_array().unwrap().len(), 41);
    assert_eq!(done["files"][0]["kind"], "api-manager");
    assert_eq!(done["files"][0]["written"], false);
    assert!(!world.path("gateway").exists());
    let notes = done["notes"].as_array().unwrap();
    let signing = notes.iter().find(|note| note["field"] == "keystore.primary").unwrap();
    assert_eq!((&signing["line"], &signing["outcome"]), (&12.into(), &"changed".into()), "{signing}");
}

#[test]
fn what_is_there_is_not_overwritten_unless_asked() {
    let world = World::new();
    world.write("old.apk-conf", &definition(2));
    world.write("apis/old.apk-conf", "name: other\n");
    let done = world.run(&["import", "old.apk-conf"]);
    assert_eq!(done.code, 2, "{done:?}");
    assert!(done.err.contains("nothing was written: `./apis/old.apk-conf` is there already"), "{}", done.err);
    assert_eq!(world.read("apis/old.apk-conf"), "name: other\n");
    assert_eq!(world.run(&["import", "old.apk-conf", "--force"]).code, 0);
    assert_eq!(world.read("apis/old.apk-conf"), definition(2));
    // The same again changes nothing, and is no conflict.
    let again = world.run(&["import", "old.apk-conf"]);
    assert!(again.code == 0 && again.out.contains("there already: ./apis/old.apk-conf"), "{again:?}");
}

#[test]
fn a_refused_file_is_named_with_its_line_and_the_others_are_imported() {
    let world = World::new();
    world.write("a.yaml", "openapi: 5.0.0\n");
    world.write("b.yaml", "openapi: 3.0.0\ninfo: { title: b, version: '1' }\nservers: [{ url: https://b.test }]\n");
    let done = world.run(&["import", "*.yaml", "--output", "out"]);
    assert_eq!(done.code, 1, "{done:?}");
    assert!(done.out.contains("not imported: a.yaml:1:10: error[unsupported-feature]"), "{}", done.out);
    assert!(world.path("out/apis/b-1.yaml").exists(), "{done:?}");
}

#[test]
fn a_kind_that_is_insisted_on_is_the_kind() {
    let world = World::new();
    world.write("x.yaml", "name: a\nbasePath: /a\noperations: []\n");
    assert_eq!(world.run(&["import", "x.yaml", "--dry-run"]).code, 0);
    let done = world.run(&["import", "x.yaml", "--dry-run", "--kind", "openapi"]);
    assert!(done.code == 1 && done.out.contains("it names no version"), "{done:?}");
}

#[test]
fn shells_and_man_know_the_commands() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let done = world.run(&["completions", shell]);
        assert!(done.code == 0 && done.out.contains("import"), "{shell}: {done:?}");
    }
    assert_eq!(world.run(&["manual", "--output", "man"]).code, 0);
    assert!(world.read("man/countersign-import.1").contains("deployment.toml"));
}
