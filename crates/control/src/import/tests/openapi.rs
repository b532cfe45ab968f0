//! OpenAPI documents of every form, whole and broken.

use proptest::prelude::*;

use super::*;

const BOOKS: &str = r##"
openapi: 3.1.0
info: { title: Book Shop, version: 2.1.0, x-logo: { url: logo.png } }
servers:
  - url: https://{region}.books.test/shop/2.1.0?x=1
    variables: { region: { default: eu, enum: [eu, us] } }
  - url: https://staging.books.test/shop
security: [{ login: [] }]
tags: [{ name: books }]
paths:
  /books:
    get: { operationId: list, security: [], x-codegen: { lang: rust } }
    post: { security: [{ login: ["books:write"] }, { login: ["books:admin"] }] }
    trace: {}
  /books/{isbn}:
    parameters: [{ name: isbn, in: path, required: true, schema: { type: string } }]
    servers: [{ url: "https://reader:hunter2@catalogue.books.test/v1" }]
    get: { security: [{ login: ["books:read", "books:detail"] }] }
    delete: { security: [{ login: ["books:write"], partner: [] }] }
  /books/{id}:
    get: {}
    put: { security: [{}, { partner: [] }] }
  /books/{isbn}.{format}:
    head: {}
  /search?q={q}:
    get: {}
  /events:
    $ref: "#/components/pathItems/Events"
  /elsewhere:
    $ref: "other.yaml#/paths/x"
components:
  pathItems:
    Events: { get: { callbacks: { sold: {} } } }
  securitySchemes:
    login: { type: openIdConnect, openIdConnectUrl: "https://idp.test/.well-known/openid-configuration" }
    partner: { type: apiKey, in: header, name: X-Partner-Key }
  schemas: { Book: { type: object } }
webhooks: { sold: {} }
"##;

#[test]
fn a_document_becomes_a_definition_and_a_note_for_each_part() {
    insta::assert_snapshot!(shown(import(BOOKS, &ApiWishes::default())));
}

#[test]
fn an_old_document_becomes_a_definition() {
    let text = r#"{"swagger":"2.0","info":{"title":"Taxi \ud83d\ude95","version":"v1"},
        "host":"api.taxi.test","basePath":"/v1","schemes":["http","https"],
        "securityDefinitions":{"key":{"type":"apiKey","in":"query","name":"token"},"old":{"type":"basic"}},
        "paths":{"/rides/{id}":{"get":{"security":[{"key":[]}]},"post":{"security":[{"old":[]}]}}},
        "definitions":{"Ride":{}}}"#;
    insta::assert_snapshot!(shown(import(text, &ApiWishes::default())));
}

#[test]
fn keys_alone_switch_tokens_off() {
    let text = "openapi: 3.0.0\ninfo: { title: k, version: '1' }\npaths: { /a: { get: {} } }\nsecurity: [{ k: [] }]\n\
                components: { securitySchemes: { k: { type: apiKey, in: header, name: X-Key } } }\n";
    let imported = import(text, &ApiWishes::default()).unwrap();
    let expected =
        "authentication:\n  - authType: OAuth2\n    enabled: false\n  - authType: APIKey\n    headerName: X-Key\n";
    assert!(imported.text.contains(expected), "{}", imported.text);
}

#[test]
fn the_new_verbs_of_3_2_are_named() {
    let text = "openapi: 3.2.0\ninfo: { title: q, version: '1' }\nservers: [{ url: https://q.test }]\n\
                paths: { /a: { query: {}, get: {}, additionalOperations: { COPY: {} } } }\n";
    insta::assert_snapshot!(shown(import(text, &ApiWishes::default())));
}

#[test]
fn other_versions_are_refused_by_their_name() {
    let check = |text: &str, expected: &str| {
        let refusal = import(text, &ApiWishes::default()).unwrap_err().to_string();
        assert!(refusal.contains(expected), "{refusal}");
    };
    check("openapi: 4.0.0\npaths: {}\n", "document.yaml:1:10: error[unsupported-feature]: it is `openapi: 4.0.0`");
    check("{\"swagger\": \"1.2\"}", "it is `swagger: 1.2`");
    check("openapi: 3.3.0", "only OpenAPI 2.0, 3.0, 3.1 and 3.2 are imported");
    check("openapi: 30\n", "it is `openapi: 30`");
    check("asyncapi: 2.0.0\n", "neither an API definition");
}

#[test]
fn broken_documents_give_what_they_have() {
    let check = |text: &str, operations: usize| {
        let imported = import(text, &ApiWishes::default()).unwrap();
        assert_eq!(imported.text.matches("- target:").count(), operations, "{}", imported.text);
    };
    check("openapi: 3.0.0", 0);
    check("openapi: 3.0", 0);
    check("swagger: 2.0\npaths: 7\n", 0);
    check("openapi: 3.0.1\npaths: { /a: 7, /b: { get: }, /c: { get: x, put: {} }, d: { get: {} } }\nsecurity: no\n", 2);
    check("openapi: 3.0.1\ninfo: []\nservers: { url: 1 }\npaths: { /a: { get: { security: 1 }, get: {} } }\n", 1);
    check(
        "openapi: 3.0.1\nservers: [{}, { url: '{x}' }, { url: 'ftp://a' }, 1]\npaths: { /a: { get: { security: [[], 1] } } }\n",
        1,
    );
    check("openapi: 3.0.1\npaths: { /a: { $ref: '#/paths/~1a' }, /b: { $ref: '#/paths/~1c' }, /c: { get: {} } }\n", 2);
}

#[test]
fn text_that_is_no_document_is_refused_with_its_line() {
    let refusal = import("openapi: 3.0.0\npaths: { a: b: c }\n", &ApiWishes::default()).unwrap_err();
    assert!(refusal.to_string().starts_with("document.yaml:2:"), "{refusal}");
    let refusal = import("{ \"openapi\": \"3.0.0\", ", &ApiWishes::default()).unwrap_err();
    assert!(refusal.to_string().contains("error[yaml-syntax]"), "{refusal}");
}

#[test]
fn what_is_asked_for_goes_before_what_the_document_says() {
    let wishes = ApiWishes {
        name: Some("shop".into()),
        version: Some("3".into()),
        base_path: Some("/s".into()),
        endpoint: Some("http://127.0.0.1:8091/x".into()),
    };
    let text = import(BOOKS, &wishes).unwrap().text;
    assert!(text.contains("\nname: shop\nbasePath: /s\nversion: \"3\"\n"), "{text}");
    assert!(text.contains("\n    - endpoint: http://127.0.0.1:8091/x\n"), "{text}");
}

#[test]
fn nothing_of_a_secret_is_copied() {
    let imported = import(BOOKS, &ApiWishes::default()).unwrap();
    assert!(!format!("{imported:?}").contains("hunter2"));
}

#[test]
fn an_open_operation_that_another_would_hide_is_secured() {
    let text = "openapi: 3.0.0\ninfo: { title: c, version: '1' }\n\
                paths: { '/a/{x}': { get: { security: [] } }, '/a/{y}': { get: { security: [{ l: [s] }] } } }\n";
    let definition = import(text, &ApiWishes::default()).unwrap().text;
    assert!(definition.ends_with("operations:\n  - target: /a/{x}\n    verb: GET\n    scopes: [s]\n"), "{definition}");
}

#[test]
fn of_two_templates_for_the_same_requests_neither_asks_less_than_it_says() {
    let check = |first: &str, second: &str, expected: &str| {
        let text = format!(
            "openapi: 3.0.0\ninfo: {{ title: t }}\ncomponents: {{ securitySchemes: {{ l: {{ type: oauth2, flows: {{}} }} }} }}\n\
             paths: {{ '/a/{{x}}': {{ get: {{ security: {first} }} }}, '/a/{{y}}': {{ get: {{ security: {second} }} }} }}\n"
        );
        let definition = import(&text, &ApiWishes::default()).unwrap().text;
        let expected = format!("operations:\n  - target: /a/{{x}}\n    verb: GET\n{expected}");
        assert!(definition.ends_with(&expected), "{first} {second}: {definition}");
    };
    check("[{ l: [] }]", "[{ l: [s] }]", "    scopes: [s]\n");
    check("[{ l: [s] }]", "[{ l: [] }]", "    scopes: [s]\n");
    check("[{ l: [s] }]", "[]", "    scopes: [s]\n");
    check("[{ l: [s] }]", "[{ l: [t] }]", "    scopes: [s, t]\n    scopesMatch: all\n");
    check("[{ l: [s] }, { l: [t] }]", "[{ l: [t] }]", "    scopes: [t]\n");
    check("[{ l: [s, t] }]", "[{ l: [t] }]", "    scopes: [s, t]\n    scopesMatch: all\n");
}

#[test]
fn a_large_document_is_quick() {
    let paths =
        (0..2_000).map(|number| format!("\"/things/{number}/{{id}}\":{{\"get\":{{\"description\":\"{:0>200}\"}}}}", 0));
    let text = format!("{{\"openapi\":\"3.0.3\",\"paths\":{{{}}}}}", paths.collect::<Vec<_>>().join(","));
    assert!(text.len() > 480_000);
    let imported = import(&text, &ApiWishes::default()).unwrap();
    assert_eq!(imported.text.matches("- target:").count(), 2_000);
}

/// Path templates that the gateway takes as they are, no two of which answer the same requests.
fn templates() -> impl Strategy<Value = Vec<String>> {
    let segment = prop_oneof!["[a-z]{1,6}", Just("{p}".to_owned())];
    let template = prop::collection::vec(segment, 1..4).prop_map(|segments| format!("/{}", segments.join("/")));
    prop::collection::btree_set(template, 1..12).prop_map(|set| set.into_iter().collect())
}

proptest! {
    #[test]
    fn a_document_imports_to_a_definition_with_the_same_operations(
        templates in templates(),
        verbs in prop::collection::vec(prop::sample::subsequence(vec!["get", "put", "post", "delete", "patch"], 1..4), 12),
        open in any::<bool>(),
    ) {
        let mut paths = serde_json::Map::new();
        let mut expected = Vec::new();
        for (template, verbs) in templates.iter().zip(&verbs) {
            let security = if open { serde_json::json!([]) } else { serde_json::json!([{ "login": ["a"] }]) };
            let item = verbs.iter().map(|verb| ((*verb).to_owned(), serde_json::json!({ "security": security })));
            paths.insert(template.clone(), serde_json::Value::Object(item.collect()));
        }
        for (template, item) in &paths {
            for verb in item.as_object().unwrap().keys() {
                expected.push((verb.to_uppercase(), template.clone(), !open));
            }
        }
        let document = serde_json::json!({
            "openapi": "3.0.3", "info": { "title": "t", "version": "1" },
            "servers": [{ "url": "https://backend.test/x" }], "paths": paths,
        });
        let imported = import(&document.to_string(), &ApiWishes::default()).unwrap();
        let mut diagnostics = Diagnostics::new();
        let source = Source { path: "x.yaml".into(), text: imported.text };
        let api = parse_api(&source, &mut diagnostics).unwrap();
        prop_assert!(diagnostics.is_empty(), "{diagnostics}");
        let found: Vec<_> = api
            .operations
            .iter()
            .map(|operation| (operation.verb.value.clone(), operation.target.value.clone(), operation.secured.value))
            .collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn no_text_makes_it_fail(text in "\\PC{0,200}", head in prop::sample::select(vec!["", "openapi: 3.0.0\n", "swagger: '2.0'\npaths:\n "])) {
        if let Ok(imported) = import(&format!("{head}{text}"), &ApiWishes::default()) {
            prop_assert!(!mistakes(&imported.text).has_errors());
        }
    }
}
