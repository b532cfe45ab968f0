//! Whose data somebody may see, and what is shown of the others': type, length, count.

use claims::{Json, Object};
use gateway::spec;

use super::person::{Person, Role};

/// True when somebody may see a user's values: support everybody's, the others the test users' and their own.
pub(super) fn sees(person: &Person, admin: &spec::Admin, user: Option<&str>) -> bool {
    let Some(user) = user else { return true };
    let is_test_user = admin.test_users.iter().any(|known| known.value == user);
    person.is(Role::Support) || is_test_user || *person.name == *user
}

/// Masks an explanation: the values of claims that are about the user, and every text that holds them.
pub(super) fn masked(explanation: &Json) -> Json {
    let Json::Object(members) = explanation else { return Json::Null };
    let mut shown = Object::default();
    for (name, value) in members.iter() {
        let value = match (name, value) {
            ("caller", Json::Object(caller)) => masked_caller(caller),
            ("jwts", Json::Array(jwts)) => Json::Array(jwts.iter().map(masked_jwt).collect()),
            _ => value.clone(),
        };
        shown.insert(name, value);
    }
    Json::Object(shown)
}

fn masked_caller(caller: &Object) -> Json {
    let mut shown = Object::default();
    for (name, value) in caller.iter() {
        let is_about_the_user = name == "assumedToken";
        shown.insert(name, if is_about_the_user { mask(value) } else { value.clone() });
    }
    Json::Object(shown)
}

fn masked_jwt(jwt: &Json) -> Json {
    let Json::Object(members) = jwt else { return Json::Null };
    let mut shown = Object::default();
    for (name, value) in members.iter() {
        let value = match (name, value) {
            ("value", value) => mask(value),
            ("claims", Json::Array(claims)) => Json::Array(claims.iter().map(masked_claim).collect()),
            _ => value.clone(),
        };
        shown.insert(name, value);
    }
    Json::Object(shown)
}

fn masked_claim(claim: &Json) -> Json {
    let Json::Object(members) = claim else { return Json::Null };
    let is_the_gateways = members.get("source").and_then(Json::as_str) == Some("gateway");
    let mut shown = Object::default();
    for (name, value) in members.iter() {
        let is_shown =
            name != "value" || (is_the_gateways && members.get("name").and_then(Json::as_str) != Some("sub"));
        shown.insert(name, if is_shown { value.clone() } else { mask(value) });
    }
    Json::Object(shown)
}

/// Says of a value what kind of value it is, and how long.
pub(super) fn mask(value: &Json) -> Json {
    let (kind, size) = match value {
        Json::Null => ("null", None),
        Json::Bool(_) => ("boolean", None),
        Json::Number(_) => ("number", None),
        Json::String(text) => ("string", Some(("length", text.chars().count()))),
        Json::Array(values) => ("list", Some(("count", values.len()))),
        Json::Object(members) => ("object", Some(("count", members.len()))),
    };
    let mut shown = Object::default();
    shown.insert("masked", Json::Bool(true));
    shown.insert("type", Json::string(kind));
    if let Some((name, size)) = size {
        shown.insert(name, Json::from(size as u64));
    }
    Json::Object(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_user_is_left_in_a_masked_explanation() {
        let json = r#"{"api":"orders","caller":{"kind":"user","user":"bob","assumedToken":{"sub":"bob","mail":"b@x"}},
            "jwts":[{"header":"X-A","headerBytes":7,"value":"eyJ.secret","claims":[
                {"name":"iss","value":"https://gateway","source":"gateway"},
                {"name":"mail","value":"b@x","source":"user store staff"},
                {"name":"roles","value":["board","sales"],"source":"user store staff"},
                {"name":"scope","value":"read","source":"token"}]}]}"#;
        let masked = masked(&Json::parse(json.as_bytes()).unwrap()).to_string();
        for secret in ["b@x", "board", "eyJ.secret", "read"] {
            assert!(!masked.contains(secret), "{secret} in {masked}");
        }
        assert!(masked.contains(r#""value":{"masked":true,"type":"list","count":2}"#), "{masked}");
        assert!(masked.contains("https://gateway"), "{masked}");
    }
}
