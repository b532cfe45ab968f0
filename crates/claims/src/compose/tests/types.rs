//! Types: what a value becomes, and that no user changes a claim's type.

use super::*;
use crate::{
    claim_set::{ClaimIssue, ClaimProblem},
    dialect::{ClaimMapping, ClaimType},
};

/// Maps one attribute `x` to the claim `x`.
fn one_claim(values: &str, multi: bool, claim_type: ClaimType) -> Case {
    let mapping = ClaimMapping { attribute: "x".into(), claim: "x".into(), multi, claim_type };
    let dialect = Dialect::new("own", "", "", vec![mapping]);
    Case::alice(&format!(r#"{{"x":{values}}}"#)).policy(|policy| policy.dialect = Arc::new(dialect))
}

fn check(values: &str, multi: bool, claim_type: ClaimType, expected: Option<&str>) {
    assert_eq!(one_claim(values, multi, claim_type).claim("x").as_deref(), expected, "{values}");
}

#[test]
fn single_values_stay_what_they_are() {
    for value in [
        r#""a""#,
        r#""""#,
        "7",
        "1.50",
        "true",
        r#"{"a":[1,null]}"#,
        r#"["a","b"]"#,
        "12345678901234567890123",
        "-0",
        "1E400",
    ] {
        check(&format!("[{value}]"), false, ClaimType::AsIs, Some(value));
    }
}

#[test]
fn multi_valued_claims_are_always_arrays() {
    check(r#"["a","b"]"#, true, ClaimType::AsIs, Some(r#"["a","b"]"#));
    check(r#"["a"]"#, true, ClaimType::AsIs, Some(r#"["a"]"#));
    check("[]", true, ClaimType::AsIs, Some("[]"));
    check("[null]", true, ClaimType::AsIs, Some("[]"));
    check(r#"[["a","b"]]"#, true, ClaimType::AsIs, Some(r#"["a","b"]"#));
    check(r#"[1,true,"a"]"#, true, ClaimType::AsIs, Some(r#"[1,true,"a"]"#));
}

#[test]
fn null_and_nothing_are_left_out() {
    for values in ["[]", "[null]", "[null,null]"] {
        check(values, false, ClaimType::AsIs, None);
        assert_eq!(one_claim(values, false, ClaimType::AsIs).reason("x"), Some("not_in_store"));
    }
    check(r#"[null,"a"]"#, false, ClaimType::AsIs, Some(r#""a""#));
}

#[test]
fn several_values_for_one_are_reported_and_never_joined() {
    let case = one_claim(r#"["a","b","c"]"#, false, ClaimType::AsIs);
    assert_eq!(case.claim("x"), None);
    let problem = ClaimProblem::SeveralValues { attribute: "x".into(), count: 3 };
    assert_eq!(case.compose().unwrap().issues, [ClaimIssue { claim: "x".into(), problem }]);
    assert_eq!(case.reason("x"), Some("not_allowed"));
}

#[test]
fn a_string_claim_is_always_a_string() {
    check("[7]", false, ClaimType::String, Some(r#""7""#));
    check("[12345678901234567890]", false, ClaimType::String, Some(r#""12345678901234567890""#));
    check("[true]", false, ClaimType::String, Some(r#""true""#));
    check(r#"["a"]"#, false, ClaimType::String, Some(r#""a""#));
    check("[1,2.0]", true, ClaimType::String, Some(r#"["1","2.0"]"#));
    check(r#"[{"a":1}]"#, false, ClaimType::String, Some(r#""{\"a\":1}""#));
}

#[test]
fn any_text_decodes_to_itself() {
    let long = "x".repeat(1 << 20);
    for text in
        ["\"", "\\", "a\r\nb", "😀", "\u{202e}right to left", "\u{0}\u{1f}\u{7f}", "NaN", "", "</script>", &long]
    {
        let case = one_claim(&serde_json::json!([text]).to_string(), false, ClaimType::AsIs);
        let payload: serde_json::Value = serde_json::from_slice(&case.compose().unwrap().payload()).unwrap();
        assert_eq!(payload["x"], *text);
    }
}

#[test]
fn keep_lets_only_matching_values_through() {
    let groups = Case::alice(r#"{"groups":["orders-read","hr","orders-write",7]}"#);
    let role = "http://wso2.org/claims/role";
    let only = groups.clone().only(&[("groups", &["orders-*", "7"])]);
    assert_eq!(only.claim(role).as_deref(), Some(r#"["orders-read","orders-write",7]"#));
    let nothing = groups.only(&[("groups", &["sales-*"])]);
    assert_eq!(nothing.claim(role).as_deref(), Some("[]"));
    assert_eq!(nothing.reason("groups"), Some("filtered"));
    let single = Case::alice(r#"{"email":["a@b"]}"#).only(&[("email", &["*@corp"])]);
    assert_eq!(single.claim("http://wso2.org/claims/emailaddress"), None);
    assert_eq!(single.reason("email"), Some("filtered"));
}

#[test]
fn custom_claims_see_user_token_application_api_and_operation() {
    let case = Case::alice(r#"{"department":["R&D"],"groups":["a"],"level":[3]}"#).token(r#"{"azp":"c","n":1.50}"#);
    let case = case.with(|case| case.application = Some(application()));
    let check = |value: &str, claim_type, expected: Option<&str>| {
        let case = case.clone().custom("x", value, claim_type);
        assert_eq!(case.claim("x").as_deref(), expected, "{value}");
    };
    check("${user.department}/${token.azp}", CustomClaimType::String, Some(r#""R&D/c""#));
    check("${user.groups}", CustomClaimType::String, Some(r#"["a"]"#));
    check("${user.level}", CustomClaimType::Int, Some("3"));
    check("${token.n}", CustomClaimType::String, Some("1.50"));
    check("${application.attributes.plan}", CustomClaimType::String, Some("3"));
    check("${application.attributes}", CustomClaimType::Json, Some(r#"{"plan":3}"#));
    check(
        "${api.context} ${operation.verb} ${operation.target}",
        CustomClaimType::String,
        Some(r#""/orders/1.0 GET /{id}""#),
    );
    check("${user.other}", CustomClaimType::String, None);
    check("2024-01-31", CustomClaimType::Date, Some(r#""2024-01-31""#));
}

#[test]
fn a_required_claim_without_a_value_is_refused() {
    let case = Case::alice("{}").custom("x", "${user.other}", CustomClaimType::String);
    assert_eq!(case.reason("x"), Some("not_in_store"));
    let case = case.policy(|policy| policy.custom_claims[0].required = true);
    assert_eq!(case.compose(), Err(ComposeError::MissingClaim { claim: "x".into() }));
}

#[test]
fn a_value_that_cannot_be_converted_fails_the_token() {
    let case = Case::alice(r#"{"level":["high"]}"#).custom("x", "${user.level}", CustomClaimType::Int);
    let source = ConversionError::Type(CustomClaimType::Int);
    assert_eq!(case.compose(), Err(ComposeError::Conversion { claim: "x".into(), source }));
}
