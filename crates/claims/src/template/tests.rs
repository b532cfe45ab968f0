use proptest::prelude::*;

use super::*;
use crate::json::Object;

fn token() -> Object {
    match Json::parse(br#"{"sub":"alice","uid":7,"ratio":1.5,"empty":"","groups":["a"],"flag":true,"none":null}"#) {
        Ok(Json::Object(object)) => object,
        _ => panic!("no object"),
    }
}

fn resolve(text: &str) -> Result<Option<String>, ResolveError> {
    let token = token();
    let value = Template::compile(text).unwrap().resolve(|placeholder| token.get(placeholder.name()).cloned())?;
    Ok(value.map(|value| value.to_string()))
}

fn check(text: &str, expected: &str) {
    assert_eq!(resolve(text), Ok(Some(expected.to_owned())), "{text}");
}

#[test]
fn a_single_placeholder_keeps_its_values_type() {
    check("${token.uid}", "7");
    check("${token.ratio}", "1.5");
    check("${token.flag}", "true");
    check("${token.groups}", r#"["a"]"#);
}

#[test]
fn amid_text_scalars_are_text() {
    check("u${token.uid}-${token.sub} ${token.flag}", r#""u7-alice true""#);
    check("<${token.empty}>", r#""<>""#);
    assert!(matches!(resolve("x${token.groups}"), Err(ResolveError::NotText(_))));
}

#[test]
fn an_absent_or_null_value_makes_the_whole_absent() {
    assert_eq!(resolve("a${token.other}b"), Ok(None));
    assert_eq!(resolve("${token.none}"), Ok(None));
    assert_eq!(resolve("a${token.none}"), Ok(None));
}

#[test]
fn dollar_signs_are_literal_unless_they_open_a_placeholder() {
    check("5$ {x} $", r#""5$ {x} $""#);
    check("$${token.sub}", r#""${token.sub}""#);
    check("a$${b}${token.sub}", r#""a${b}alice""#);
    check("", r#""""#);
}

#[test]
fn constants_know_that_they_are() {
    for (text, constant) in [("", Some("")), ("a$${b}", Some("a${b}")), ("${token.sub}", None), ("a${token.sub}", None)]
    {
        let template = Template::compile(text).unwrap();
        assert_eq!(template.as_constant(), constant, "{text}");
        assert_eq!(template.is_constant(), constant.is_some(), "{text}");
    }
}

#[test]
fn claim_names_may_hold_dots_and_uris() {
    let template = Template::compile("${token.https://example.com/a.b}").unwrap();
    assert_eq!(template.as_single_placeholder(), Some(&Placeholder::Token("https://example.com/a.b".into())));
    assert_eq!(
        template.placeholders().map(ToString::to_string).collect::<String>(),
        "${token.https://example.com/a.b}"
    );
}

#[test]
fn the_request_cannot_be_named() {
    for inside in
        ["request.header.x-role", "header.x-role", "headers.x", "path", "query.id", "Request.path", "cookie.c"]
    {
        let text = format!("a${{{inside}}}");
        assert_eq!(Template::compile(&text), Err(TemplateError::Request(inside.to_owned())), "{text}");
    }
}

#[test]
fn placeholders_that_cannot_exist_are_refused() {
    for inside in ["", "user", "user.", ".email", "User.email", " user.email", "store.email", "$ctx:request.path"] {
        let text = format!("${{{inside}}}");
        assert_eq!(Template::compile(&text), Err(TemplateError::Unknown(inside.to_owned())), "{text}");
    }
    for text in ["${api.nam}", "${operation.path}", "${application.attributes.}", "${application.secret}"] {
        assert!(matches!(Template::compile(text), Err(TemplateError::UnknownField { .. })), "{text}");
    }
    assert_eq!(Template::compile("${user.email"), Err(TemplateError::Unclosed));
    assert!(Template::compile("${application.attributes.plan}${api.keyType}${operation.verb}").is_ok());
}

#[test]
fn errors_list_what_exists() {
    let error = Template::compile("${api.nam}").unwrap_err();
    assert_eq!(error.to_string(), "`${api.nam}` does not exist; api has id, name, context, version, keyType");
}

#[test]
fn subjects_come_from_the_token_alone() {
    for text in ["", "everybody", "${user.email}", "${token.sub}@${api.name}"] {
        assert_eq!(Template::compile_subject(text), Err(TemplateError::NotSubject), "{text}");
    }
}

#[test]
fn subjects_are_never_empty_and_never_guessed() {
    let check = |text: &str, expected: Option<&str>| {
        assert_eq!(Template::compile_subject(text).unwrap().resolve_subject(&token()).as_deref(), expected, "{text}");
    };
    check("corp/${token.sub}", Some("corp/alice"));
    check("${token.uid}", Some("7"));
    for text in [
        "${token.empty}",
        "corp/${token.empty}",
        "${token.ratio}",
        "${token.groups}",
        "${token.flag}",
        "${token.none}",
        "${token.x}",
    ] {
        check(text, None);
    }
    let mut token = Object::default();
    token.insert("sub", Json::from(7_u64));
    assert_eq!(Template::compile_subject("${token.sub}").unwrap().resolve_subject(&token), None);
}

proptest! {
    #[test]
    fn no_text_panics_and_texts_without_placeholders_stay(text: String) {
        match Template::compile(&text) {
            Ok(template) if !text.contains("${") => prop_assert_eq!(template.as_constant(), Some(&*text)),
            Ok(_) | Err(_) => {}
        }
    }

    #[test]
    fn no_value_escapes_its_place_in_a_json_text(value: String) {
        let template = Template::compile(r#"{"a":"x${user.a}\\","b":${user.a},"c":["${user.a}"]}"#).unwrap();
        let text = template.resolve_json_text(|_| Some(Json::string(value.clone()))).unwrap().unwrap();
        let expected = serde_json::json!({ "a": format!("x{value}\\"), "b": value, "c": [value] });
        prop_assert_eq!(serde_json::from_slice::<serde_json::Value>(&text).unwrap(), expected);
    }
}
