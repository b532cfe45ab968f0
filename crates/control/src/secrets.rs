//! What of the operator's file and of applications nobody is shown: values that are secrets by their names, and passwords in
//! addresses.
//!
//! A mark stands in their place. Whoever sends it back keeps what it stands for; the mark itself is never written.

use std::{collections::HashSet, ops::Range, path::Path, sync::Arc};

use gateway::{
    Diagnostics,
    yaml::{Node, NodeKind, load_documents},
};
use serde_json::{Map, Value, json};

use crate::definitions::items;

/// What stands in the place of a secret.
const NOT_SHOWN: &str = "(not shown)";

/// The same, where the secret is not the one that was there before.
const NEW: &str = "(not shown: new)";

/// Names that hold secrets, in any spelling.
const SECRET: [&str; 4] = ["secret", "password", "privatekey", "bearertoken"];

/// Names that are a secret's when nothing else is in them.
const SECRET_ALONE: [&str; 3] = ["token", "key", "hash"];

fn is_secret(name: &str) -> bool {
    let lower = name.to_lowercase();
    SECRET.iter().any(|secret| lower.contains(secret)) || SECRET_ALONE.contains(&&*lower)
}

/// Returns a part of the operator's file with a mark in the place of every secret that is written out.
pub(crate) fn without_secrets(value: &Value) -> Value {
    match value {
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), shown(name, value))).collect(),
        Value::Array(values) => values.iter().map(without_secrets).collect(),
        Value::String(text) => json!(without_user_information(text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// Returns what is shown of a member. API keys are known by their ids: their hashes are not even marked.
fn shown(name: &str, value: &Value) -> Value {
    match value {
        Value::Array(keys) if name == "apiKeys" => keys.iter().map(without_hash).collect(),
        Value::String(_) if is_secret(name) => json!(NOT_SHOWN),
        _ => without_secrets(value),
    }
}

fn without_hash(key: &Value) -> Value {
    let mut key = key.clone();
    if let Some(members) = key.as_object_mut() {
        members.remove("hash");
    }
    without_secrets(&key)
}

fn without_user_information(text: &str) -> String {
    match url::Url::parse(text) {
        Ok(mut url) if url.password().is_some() => {
            let _ = url.set_password(None);
            url.to_string()
        }
        Ok(_) | Err(_) => text.to_owned(),
    }
}

/// Returns an object as it was sent, with the secrets that stand in `before` wherever it has just what is shown of them.
///
/// # Errors
///
/// The JSON pointer of a mark that stands for nothing.
pub(crate) fn with_secrets(sent: &Map<String, Value>, before: Option<&Value>) -> Result<Map<String, Value>, String> {
    let mut complete = Map::new();
    for (name, value) in sent {
        let before = before.and_then(|before| before.get(name));
        let pointer = |rest: &str| format!("/{}{rest}", name.replace('~', "~0").replace('/', "~1"));
        complete.insert(name.clone(), completed((name, value), before).map_err(|rest| pointer(&rest))?);
    }
    Ok(complete)
}

fn completed((name, sent): (&str, &Value), before: Option<&Value>) -> Result<Value, String> {
    if let Some(before) = before.filter(|before| shown(name, before) == *sent) {
        return Ok(before.clone());
    }
    match sent {
        Value::Object(members) => with_secrets(members, before).map(Value::Object),
        Value::Array(values) => {
            let before = before.map(items).unwrap_or_default();
            let numbered = values.iter().enumerate();
            numbered.map(|(at, value)| item(value, before).map_err(|rest| format!("/{at}{rest}"))).collect()
        }
        Value::String(text) if [NOT_SHOWN, NEW].contains(&&**text) => Err(String::new()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(sent.clone()),
    }
}

/// An item of a list is known by what is shown of it, wherever it stands.
fn item(sent: &Value, before: &[Value]) -> Result<Value, String> {
    let known = before.iter().find(|before| without_secrets(before) == *sent);
    known.map_or_else(|| completed(("", sent), None), |known| Ok(known.clone()))
}

/// Returns two versions of a file, either perhaps missing, with marks in the place of their secrets; `None` when one of them
/// is no YAML.
pub(crate) fn marked<'t>(before: Option<&'t str>, after: Option<&'t str>) -> Option<(Option<String>, Option<String>)> {
    let read = |text: Option<&'t str>| text.map_or(Some(Vec::new()), secrets_of);
    let (old, new) = (read(before)?, read(after)?);
    let known: HashSet<&str> = old.iter().map(|secret| &*secret.value).collect();
    let old_text = before.map(|text| marked_text(text, &old, &known));
    let new_text = after.map(|text| marked_text(text, &new, &known));
    Some((old_text, new_text))
}

/// A secret in a text.
struct Secret {
    value: String,
    /// What is shown of it.
    shown: String,
    place: Range<usize>,
}

fn marked_text(text: &str, secrets: &[Secret], known: &HashSet<&str>) -> String {
    let mut marked = String::with_capacity(text.len());
    let mut end = 0;
    for secret in secrets {
        marked.push_str(text.get(end..secret.place.start).unwrap_or_default());
        let is_new = !known.contains(&*secret.value);
        match (&*secret.shown, is_new) {
            (NOT_SHOWN, true) => marked.push_str(NEW),
            (shown, true) => marked.extend([shown, " ", NEW]),
            (shown, false) => marked.push_str(shown),
        }
        end = secret.place.end;
    }
    marked.push_str(text.get(end..).unwrap_or_default());
    marked
}

/// Finds the secrets of a file, in its order; `None`: it is no YAML.
fn secrets_of(text: &str) -> Option<Vec<Secret>> {
    let mut mistakes = Diagnostics::new();
    let documents = load_documents(text, &Arc::from(Path::new("")), &mut mistakes);
    if mistakes.has_errors() {
        return None;
    }
    let mut secrets = Vec::new();
    for document in &documents {
        collect("", document, text, &mut secrets);
    }
    secrets.sort_by_key(|secret| secret.place.start);
    // What an alias stands for is found twice.
    secrets.dedup_by(|later, earlier| later.place.start < earlier.place.end);
    Some(secrets)
}

fn collect(name: &str, node: &Node, text: &str, secrets: &mut Vec<Secret>) {
    match &node.kind {
        NodeKind::Mapping(entries) => entries.iter().for_each(|it| collect(&it.key, &it.value, text, secrets)),
        NodeKind::Sequence(items) => items.iter().for_each(|item| collect("", item, text, secrets)),
        NodeKind::Scalar(scalar) => {
            let shown = if is_secret(name) { NOT_SHOWN.to_owned() } else { without_user_information(&scalar.text) };
            let (start, length) = (node.place.offset as usize, node.place.length as usize);
            let written = text.get(start..start + length).unwrap_or_default();
            // The end of a block's last line is the line's.
            let place = start..start + written.trim_end().len();
            if shown != scalar.text && !place.is_empty() {
                secrets.push(Secret { value: scalar.text.clone(), shown, place });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let written = json!({
            "name": "corp",
            "introspection": { "clientId": "c", "clientSecret": "s3cret", "url": "https://u:pw@idp/introspect" },
            "passwords": { "file": "x" },
            "apiKeys": [{ "id": "k", "hash": "sha256:abc" }],
            "attributes": { "hash": "h4sh" },
            "bindPassword": { "file": "secret.txt" },
        });
        let shown = without_secrets(&written).to_string();
        for secret in ["s3cret", "pw@", "sha256", "h4sh"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
        assert!(shown.contains(r#""bindPassword":{"file":"secret.txt"}"#), "{shown}");
        assert!(shown.contains(r#""apiKeys":[{"id":"k"}]"#), "{shown}");
    }

    #[test]
    fn what_was_not_shown_comes_back_as_it_was() {
        let before = json!({
            "name": "shop", "clientIds": ["a", "https://u:pw@h/x"],
            "attributes": { "token": "t0p", "url": "https://u:pw@h/", "team": "x", "hash": "h" },
        });
        let check = |change: &dyn Fn(&mut Value), expected: &dyn Fn(&mut Value)| {
            let (mut sent, mut wanted) = (without_secrets(&before), before.clone());
            change(&mut sent);
            expected(&mut wanted);
            let complete = with_secrets(sent.as_object().unwrap(), Some(&before));
            assert_eq!(complete.map(Value::Object), Ok(wanted));
        };
        check(&|_| {}, &|_| {});
        check(&|it| it["attributes"]["team"] = json!("y"), &|it| it["attributes"]["team"] = json!("y"));
        check(&|it| it["attributes"]["token"] = json!("new"), &|it| it["attributes"]["token"] = json!("new"));
        check(&|it| it["clientIds"] = json!(["b", "https://u@h/x"]), &|it| {
            it["clientIds"] = json!(["b", "https://u:pw@h/x"]);
        });
    }

    #[test]
    fn a_mark_that_stands_for_nothing_is_refused() {
        let check = |sent: Value, before: Option<Value>, pointer: &str| {
            assert_eq!(with_secrets(sent.as_object().unwrap(), before.as_ref()), Err(pointer.to_owned()), "{sent}");
        };
        let sent = json!({ "attributes": { "to/ken": NOT_SHOWN } });
        check(sent.clone(), None, "/attributes/to~1ken");
        check(sent, Some(json!({ "attributes": { "token": "t" } })), "/attributes/to~1ken");
        check(json!({ "name": NOT_SHOWN }), Some(json!({ "name": "shop" })), "/name");
        check(json!({ "clientIds": ["a", NEW] }), None, "/clientIds/1");
        check(
            json!({ "attributes": { "token": NOT_SHOWN } }),
            Some(json!({ "attributes": { "token": 7 } })),
            "/attributes/token",
        );
    }

    #[test]
    fn texts_are_compared_without_their_secrets() {
        let check = |before: &str, after: &str, expected: (&str, &str)| {
            let (old, new) = marked(Some(before), Some(after)).unwrap();
            assert_eq!((old.as_deref(), new.as_deref()), (Some(expected.0), Some(expected.1)));
        };
        let text =
            "a: { token: \"t0p\", n: ü }\nkey: |\n  line\n  line\nurl: 'https://u:pw@h/'\npassword: { file: x }\n";
        let shown =
            "a: { token: (not shown), n: ü }\nkey: |\n  (not shown)\nurl: https://u@h/\npassword: { file: x }\n";
        check(text, text, (shown, shown));
        check("token: one\n", "token: two\n", ("token: (not shown)\n", "token: (not shown: new)\n"));
        assert_eq!(marked(None, Some("token: x")), Some((None, Some("token: (not shown: new)".to_owned()))));
        assert_eq!(marked(None, Some("{ token: x")), None);
    }
}
