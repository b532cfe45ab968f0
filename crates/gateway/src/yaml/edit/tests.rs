use proptest::prelude::*;
use serde_json::json;

use super::*;

/// Checks an edit of what stands at `pointer`.
fn check(text: &str, (pointer, value): (&str, Value), expected: &str) {
    let mut wanted = read(text).unwrap().to_json();
    *wanted.pointer_mut(pointer).unwrap() = value;
    assert_eq!(update(text, &wanted).as_deref(), Ok(expected), "{text}");
}

const API: &str = "\
# Orders, see ADR 7.
name:   orders   # the claim
version: 3.10
basePath: '/orders'

operations:
  # Reading is open to all.
  - target: /orders
    verb: GET
    operationPolicies:
      request:
        # For accounting.
        - policyName: BackendJwt
          parameters: { header: X-A, tokenTTL: 60 } # one minute
  - target: /orders/{id}
    verb: GET   # no policy

# The end.
";

#[test]
fn a_scalar_is_replaced_in_its_place_with_its_quotes() {
    check(API, ("/name", json!("bills")), &API.replace("name:   orders ", "name:   bills "));
    check(API, ("/basePath", json!("/a'b")), &API.replace("'/orders'", "'/a''b'"));
    check("a: \"x\" # c\n", ("/a", json!("y\"\n")), "a: \"y\\\"\\n\" # c\n");
    check("a: x\r\nb: y\r\n", ("/a", json!("no")), "a: no\r\nb: y\r\n");
    check("a: x\n", ("/a", json!("true")), "a: \"true\"\n");
    check("a: x\n", ("/a", json!("3.10")), "a: \"3.10\"\n");
    check("a: |\n  one\n  two\nb: 1\n", ("/a", json!("three")), "a: three\nb: 1\n");
    check("a:\nb: 1\n", ("/a", json!(7)), "a: 7\nb: 1\n");
}

#[test]
fn a_parameter_changes_and_nothing_else_does() {
    let pointer = "/operations/0/operationPolicies/request/0/parameters/tokenTTL";
    check(API, (pointer, json!(900)), &API.replace("tokenTTL: 60", "tokenTTL: 900"));
    let pointer = "/operations/0/operationPolicies/request/0/parameters";
    let more = json!({ "header": "X-A", "tokenTTL": 60, "audience": ["a", "b"] });
    let changed = API.replace("{ header: X-A, tokenTTL: 60 }", "{ audience: [a, b], header: X-A, tokenTTL: 60 }");
    check(API, (pointer, more), &changed);
}

#[test]
fn an_item_comes_after_those_before_it() {
    let added = json!([
        { "policyName": "BackendJwt", "parameters": { "header": "X-A", "tokenTTL": 60 } },
        { "policyName": "BackendJwt", "parameters": { "header": "X-B", "claims": [{ "attribute": "mail", "keep": ["*"] }] } },
    ]);
    let lines = "# one minute
        - policyName: BackendJwt
          parameters:
            claims:
              - attribute: mail
                keep: [\"*\"]
            header: X-B
";
    check(API, ("/operations/0/operationPolicies/request", added), &API.replace("# one minute\n", lines));
}

#[test]
fn an_item_before_the_first_leaves_the_comment_with_its_own() {
    let two = json!([
        { "policyName": "SetHeader" },
        { "policyName": "BackendJwt", "parameters": { "header": "X-A", "tokenTTL": 60 } },
    ]);
    let with = "        - policyName: SetHeader\n        # For accounting.\n";
    check(API, ("/operations/0/operationPolicies/request", two), &API.replace("        # For accounting.\n", with));
}

#[test]
fn entries_come_and_go_as_lines() {
    let mut wanted = read(API).unwrap().to_json();
    wanted["apiPolicies"] = json!({ "request": [{ "policyName": "BackendJwt", "policyVersion": "v1" }] });
    wanted["operations"][0].as_object_mut().unwrap().remove("operationPolicies");
    let expected = API
        .replace("    operationPolicies:\n      request:\n", "")
        .replace("          parameters: { header: X-A, tokenTTL: 60 } # one minute\n", "")
        .replace("        # For accounting.\n        - policyName: BackendJwt\n", "")
        .replace(
            "# no policy\n",
            "# no policy\napiPolicies:\n  request:\n    - policyName: BackendJwt\n      policyVersion: v1\n",
        );
    assert_eq!(update(API, &wanted).as_deref(), Ok(expected.as_str()));
}

#[test]
fn the_first_entry_of_an_item_may_go() {
    check("- a: 1 # c\n  b: 2\n- c: 3", ("/0", json!({ "b": 2 })), "- b: 2\n- c: 3");
    check("x:\n- a: 1\n- b: 2\n", ("/x", json!([{ "b": 2 }])), "x:\n- b: 2\n");
    check("x:\n- a: 1\n-\n  # two\n  b: 2\n", ("/x/1/b", json!(3)), "x:\n- a: 1\n-\n  # two\n  b: 3\n");
    check("x:\n- [1]\n- a: 1\n", ("/x", json!([[1], { "a": 1 }, "c"])), "x:\n- [1]\n- a: 1\n- c\n");
    check("x: [a, b, c]\n", ("/x", json!(["a", "c", "d"])), "x: [a, c, d]\n");
    check("x:\n  - a\n  - b # two\n", ("/x", json!([])), "x: [] # two\n");
    check("x: [] # none\n", ("/x", json!(["a"])), "x: [a] # none\n");
    check("x: {} # none\n", ("/x", json!({ "a": 1 })), "x:\n  a: 1 # none\n");
}

#[test]
fn several_edits_go_side_by_side() {
    let wanted = json!([{ "name": "a", "n": 2 }, { "name": "c", "n": 3 }, { "name": "d" }]);
    let text = "# list\n- name: a\n  n: 1 # one\n# b goes\n- name: b\n- name: c # stays\n  n: 3\n";
    let expected = "# list\n- name: a\n  n: 2 # one\n# b goes\n- name: c # stays\n  n: 3\n- name: d\n";
    assert_eq!(update(text, &wanted).as_deref(), Ok(expected));
}

#[test]
fn what_an_edit_would_break_is_left_to_people() {
    let anchored = "a: &x { n: 1 }\nb: *x\n";
    assert_eq!(update(anchored, &json!({ "a": { "n": 2 }, "b": { "n": 1 } })), Err(YamlEditError::Unsupported));
    assert_eq!(update(anchored, &json!({ "a": { "n": 1 }, "b": { "n": 1 } })).as_deref(), Ok(anchored));
    assert_eq!(update("a: [", &json!({})), Err(YamlEditError::Unreadable));
}

/// Values as configuration files hold them.
fn value() -> impl Strategy<Value = Value> {
    let word = prop_oneof!["[a-z]{1,6}", "[ -~äß\n]{0,8}", Just("3.10".to_owned()), Just("no".to_owned())];
    let leaf = prop_oneof![
        word.clone().prop_map(Value::from),
        (-1000_i64..1000).prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(prop_oneof!["[a-f]", "[a-z .:#-]{1,5}", Just("name".to_owned())], inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn mapping() -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::btree_map("[a-f]", value(), 1..5).prop_map(|members| members.into_iter().collect())
}

/// Writes a document with a comment above and beside every top-level entry.
fn commented(members: &Map<String, Value>) -> String {
    let entry = |(key, value): (&String, &Value)| format!("# above {key}\n{}\n\n", render::entry(key, value, 0));
    format!("# first\n{}# last\n", members.iter().map(entry).collect::<String>())
}

proptest! {
    #[test]
    fn what_is_rendered_reads_back(value in value()) {
        let text = render(&json!({ "x": value }));
        let back = read(&text);
        prop_assert!(back.as_ref().is_some_and(|back| is_same(back, &json!({ "x": value }))), "{}", text);
    }

    #[test]
    fn an_edit_changes_what_it_is_about_and_keeps_every_comment(
        before in mapping(),
        changed in mapping(),
        common in "[a-f]",
    ) {
        let mut before = before;
        let mut wanted = changed.clone();
        before.insert("kept".to_owned(), json!(["a", { "b": 1 }]));
        wanted.insert("kept".to_owned(), json!(["a", { "b": 1 }]));
        if let Some(value) = before.get(&common) {
            wanted.insert(common.clone(), value.clone());
        }
        let text = commented(&before);
        let wanted = Value::Object(wanted);
        let edited = update(&text, &wanted);
        prop_assert!(edited.is_ok(), "{:?}\n{}\n{}", edited, text, wanted);
        let edited = edited.unwrap();
        prop_assert!(read(&edited).is_some_and(|outcome| is_same(&outcome, &wanted)));
        for (key, value) in &before {
            prop_assert!(edited.contains(&format!("# above {key}\n")), "{}", edited);
            if wanted.get(key) == Some(value) {
                let kept = format!("# above {key}\n{}\n", render::entry(key, value, 0));
                prop_assert!(edited.contains(&kept), "{}\nin\n{}", kept, edited);
            }
        }
        prop_assert!(edited.starts_with("# first\n") && edited.contains("# last\n"), "{}", edited);
    }

    #[test]
    fn one_changed_item_leaves_the_bytes_before_and_after_it(
        items in prop::collection::vec(mapping(), 2..6),
        which in any::<prop::sample::Index>(),
        value in value(),
    ) {
        let which = which.index(items.len());
        let items: Vec<Value> = items.into_iter().map(Value::Object).collect();
        let text = render(&json!({ "list": items, "after": 1 }));
        let mut wanted = json!({ "list": items, "after": 1 });
        wanted["list"][which]["a"] = value;
        let edited = update(&text, &wanted);
        prop_assert!(edited.is_ok(), "{:?}\n{}", edited, text);
        let before = render(&json!({ "list": items[..which] }));
        let before = if which == 0 { "" } else { before.trim_end() };
        // "after" is rendered first or last by name; only the items before the edited one are compared.
        let position = text.find(before.trim_start_matches("list:")).unwrap_or(0);
        prop_assert!(edited.unwrap().contains(before.trim_start_matches("list:")), "{}", position);
    }
}
