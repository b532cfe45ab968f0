//! Why something is not in the token: each attribute and claim with exactly one reason.

use super::*;

#[test]
fn every_reason_is_given() {
    let case = Case::alice(r#"{"email":["a"],"shoe_size":[42],"groups":["hr"],"nickname":["Al"],"secret_word":["x"]}"#);
    let case = case.token(r#"{"scope":"s","azp":"c"}"#).with(|case| {
        case.gives.insert("department".into());
    });
    let rules: [(&str, &[&str]); 3] = [("email", &[]), ("groups", &["orders-*"]), ("department", &[])];
    let case = case.only(&rules).custom("http://wso2.org/claims/emailaddress", "fixed", CustomClaimType::String);
    for (name, reason) in [
        ("department", "not_in_store"),
        ("shoe_size", "not_mapped"),
        ("nickname", "not_allowed"),
        ("secret_word", "not_allowed"),
        ("groups", "filtered"),
        ("email", "overridden"),
        ("azp", "excluded"),
        ("http://wso2.org/claims/applicationname", "not_in_store"),
    ] {
        assert_eq!(case.reason(name), Some(reason), "{name}");
    }
    assert_eq!(case.reason("scope"), None);
}

#[test]
fn a_policy_uses_what_it_may_send_whether_the_user_has_it_or_not() {
    let case =
        Case::alice("{}").only(&[("email", &[]), ("groups", &["orders-*"]), ("shoe_size", &[]), ("tenant_id", &[])]);
    let case = case.custom("greeting", "Dear ${user.title}, ${user.secret_word}", CustomClaimType::String);
    let case = case.policy(|policy| policy.claim_mappings = vec![("pet".into(), "cat".into())]);
    let used = |name: &&str| case.policy.uses(name);
    let names = ["email", "groups", "tenant_id", "title", "secret_word", "shoe_size", "nickname", "cat"];
    assert_eq!(names.iter().copied().filter(used).collect::<Vec<_>>(), ["email", "groups", "tenant_id", "title"]);
    let all = case.policy(|policy| policy.claims = ClaimSelection::All);
    let used: Vec<_> = names.iter().copied().filter(|name| all.policy.uses(name)).collect();
    assert_eq!(used, ["email", "groups", "tenant_id", "title", "nickname", "cat"]);
}

#[test]
fn what_only_some_stores_gave_is_there_and_the_rest_was_not_readable() {
    let case = Case::alice(r#"{"given_name":["Alice"]}"#).token(r#"{"email":"token@example.com"}"#);
    let case = case.with(|case| {
        case.user = User::Partial;
        case.gives = ["given_name".into(), "email".into(), "groups".into()].into();
    });
    assert_eq!(case.claim("http://wso2.org/claims/givenname").as_deref(), Some(r#""Alice""#));
    assert_eq!(case.claim("http://wso2.org/claims/emailaddress"), None);
    assert_eq!(case.reason("groups"), Some("not_readable"));
}

#[test]
fn a_failed_look_up_has_its_reason_for_every_attribute_of_the_store() {
    for (user, reason) in [
        (User::Unknown, "user_not_found"),
        (User::StaleRefused, "stale_refused"),
        (User::Omitted, "not_readable"),
        (User::NotLookedUp, "not_in_store"),
    ] {
        let case = Case::alice(r#"{"email":["a"],"groups":["b"],"shoe_size":[42]}"#).with(|case| case.user = user);
        assert_eq!(case.reason("email"), Some(reason));
        assert_eq!(case.reason("groups"), Some(reason));
        assert_eq!(case.reason("shoe_size"), Some("not_mapped"));
    }
}

#[test]
fn excluded_token_claims_are_listed() {
    let excluded = ["azp".into()].into();
    let case = Case::alice("{}").token(r#"{"azp":"c","amr":["pwd"]}"#);
    let case = case.policy(|policy| policy.token_claims = TokenClaims::AllBut(excluded));
    assert_eq!(case.reason("azp"), Some("excluded"));
    assert_eq!(case.claim("amr").as_deref(), Some(r#"["pwd"]"#));
}

#[test]
fn an_attribute_that_a_custom_claim_uses_is_in_the_token() {
    let case = Case::alice(r#"{"shoe_size":[42]}"#).custom("size", "${user.shoe_size}", CustomClaimType::String);
    assert_eq!(case.reason("shoe_size"), None);
    assert_eq!(case.claim("size").as_deref(), Some("42"));
}
