//! Registered, gateway, custom, user store, inbound token: a weaker source never overrides a stronger one.

use super::*;

const ENDUSER: &str = "http://wso2.org/claims/enduser";

/// A dialect without prefix whose claims are named as its attributes.
fn identity_dialect(attributes: &[&str]) -> Arc<Dialect> {
    let mapping = |name: &&str| crate::dialect::ClaimMapping {
        attribute: (*name).into(),
        claim: crate::name::Name::new(name),
        multi: false,
        claim_type: crate::dialect::ClaimType::AsIs,
    };
    Arc::new(Dialect::new("own", "http://example.com", "", attributes.iter().map(mapping).collect()))
}

#[test]
fn no_attribute_overrides_a_registered_claim_a_mark_or_a_binding() {
    let names = [
        "sub",
        "exp",
        "aud",
        "iss",
        "iat",
        "nbf",
        "jti",
        "cnf",
        "act",
        "may_act",
        "attributes_as_of",
        "claims_dropped",
    ];
    let case = Case::alice(&format!("{{{}}}", names.map(|name| format!(r#""{name}":["evil"]"#)).join(",")));
    let case = case.policy(|policy| policy.dialect = identity_dialect(&names));
    let set = case.compose().unwrap();
    assert!(!String::from_utf8(set.payload()).unwrap().contains("evil"));
    for name in names {
        assert_eq!(case.reason(name), Some("overridden"), "{name}");
    }
}

#[test]
fn no_attribute_overrides_a_gateway_claim_also_an_empty_one() {
    let case = Case::alice(r#"{"version":["9"],"subscriber":["mallory"]}"#);
    let case = case.policy(|policy| policy.dialect = identity_dialect(&["version", "subscriber"]));
    assert_eq!(case.claim("version").as_deref(), Some("\"1.0\""));
    assert_eq!(case.claim("subscriber"), None);
}

#[test]
fn roles_is_a_name_like_any_other() {
    let case = Case::alice(r#"{"roles":["admin"]}"#).policy(|policy| policy.dialect = identity_dialect(&["roles"]));
    assert_eq!(case.claim("roles").as_deref(), Some("\"admin\""));
}

#[test]
fn the_token_sets_no_registered_no_gateway_claim_and_no_mark() {
    let names = [
        "iss",
        "aud",
        "exp",
        "nbf",
        "iat",
        "jti",
        "sub",
        ENDUSER,
        "http://wso2.org/claims/applicationname",
        "attributes_omitted",
        "claims_dropped",
    ];
    let claims = names.map(|name| format!(r#""{name}":"evil""#)).join(",");
    let case = Case::alice("{}").token(&format!("{{{claims}}}")).policy(|policy| {
        policy.token_claims = TokenClaims::AllBut(BTreeSet::new());
        policy.audience = Audience(Vec::new());
    });
    assert!(!String::from_utf8(case.compose().unwrap().payload()).unwrap().contains("evil"));
    let listed = names.map(Box::from).into();
    let case = case.policy(|policy| policy.token_claims = TokenClaims::Only(listed));
    assert!(!String::from_utf8(case.compose().unwrap().payload()).unwrap().contains("evil"));
    assert_eq!(case.reason("aud"), Some("excluded"));
    assert_eq!(case.reason("iss"), None);
    assert_eq!(case.reason(ENDUSER), Some("overridden"));
}

#[test]
fn a_custom_claim_hides_the_attribute_and_the_token_claim_of_its_name() {
    let case = Case::alice(r#"{"email":["store"]}"#).dialect("oidc").token(r#"{"email":"token"}"#);
    let case = case.policy(|policy| policy.token_claims = TokenClaims::AllBut(BTreeSet::new()));
    let constant = case.clone().custom("email", "fixed", CustomClaimType::String);
    assert_eq!(constant.claim("email").as_deref(), Some("\"fixed\""));
    let absent = case.custom("email", "${user.other}", CustomClaimType::String);
    assert_eq!(absent.claim("email"), None);
}

#[test]
fn a_custom_claim_named_as_a_stronger_one_is_skipped() {
    let case = Case::alice("{}").custom("sub", "evil", CustomClaimType::String).custom(
        ENDUSER,
        "evil",
        CustomClaimType::String,
    );
    assert_eq!(case.claim("sub").as_deref(), Some("\"alice\""));
    assert_eq!(case.claim(ENDUSER).as_deref(), Some("\"alice\""));
    assert_eq!(case.reason(ENDUSER), Some("overridden"));
}

#[test]
fn what_the_store_is_to_give_is_never_filled_from_the_token() {
    let token = r#"{"groups":["old-admin"],"email":"token@example.com","role":"x"}"#;
    for dialect in ["wso2", "oidc", "scim", "none"] {
        let case = Case::alice("{}").dialect(dialect).token(token).with(|case| case.gives = ["groups".into()].into());
        for token_claims in
            [TokenClaims::AllBut(BTreeSet::new()), TokenClaims::Only(vec!["groups".into()]), TokenClaims::apk()]
        {
            for user in [User::Found, User::Stale, User::Omitted, User::Partial, User::StaleRefused, User::Unknown] {
                let case = case
                    .clone()
                    .with(|case| case.user = user)
                    .policy(|policy| policy.token_claims = token_claims.clone());
                let payload = String::from_utf8(case.compose().unwrap().payload()).unwrap();
                assert!(!payload.contains("old-admin"), "{dialect} {payload}");
            }
        }
    }
}

#[test]
fn what_no_store_is_to_give_comes_from_the_token() {
    let case = Case::alice("{}").token(r#"{"email":"token@example.com","groups":["a",null],"iat":1699990000.5}"#);
    assert_eq!(case.claim("http://wso2.org/claims/emailaddress").as_deref(), Some("\"token@example.com\""));
    assert_eq!(case.claim("http://wso2.org/claims/role").as_deref(), Some(r#"["a"]"#));
    let origin = case.compose().unwrap().get("http://wso2.org/claims/emailaddress").unwrap().origin.clone();
    assert_eq!(origin, Origin::Attribute { attribute: "email".into(), source: Source::Token, as_of: 1_699_990_000 });
    let unknown = case.with(|case| case.user = User::Unknown);
    assert_eq!(unknown.claim("http://wso2.org/claims/emailaddress"), None);
}

#[test]
fn the_store_wins_over_the_token() {
    let case = Case::alice(r#"{"email":["store"]}"#).dialect("oidc").token(r#"{"email":"token"}"#);
    let case = case.policy(|policy| policy.token_claims = TokenClaims::AllBut(BTreeSet::new()));
    assert_eq!(case.claim("email").as_deref(), Some("\"store\""));
}

#[test]
fn a_renamed_attribute_is_not_sent_twice() {
    let case = Case::alice("{}").token(r#"{"email":"token"}"#).policy(|policy| {
        policy.claim_mappings = vec![("mail".into(), "email".into())];
        policy.token_claims = TokenClaims::AllBut(BTreeSet::new());
    });
    let payload = String::from_utf8(case.compose().unwrap().payload()).unwrap();
    assert_eq!(payload.matches("token").count(), 1, "{payload}");
    assert_eq!(case.claim("mail").as_deref(), Some("\"token\""));
}

#[test]
fn no_token_travels_inside_the_token() {
    let jws = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln";
    let token = format!(
        r#"{{"access_token":"opaque","refresh_token":"r","id_token":"{jws}","raw":"{jws}","nested":{{"list":["Bearer {jws}"]}},"email":"{jws}","ok":"x"}}"#
    );
    let case =
        Case::alice("{}").token(&token).policy(|policy| policy.token_claims = TokenClaims::AllBut(BTreeSet::new()));
    let case = case
        .custom("c1", "${token.access_token}", CustomClaimType::String)
        .custom("c2", "x ${token.raw}", CustomClaimType::String)
        .custom("c3", "${user.email}", CustomClaimType::String);
    let payload = String::from_utf8(case.compose().unwrap().payload()).unwrap();
    assert!(!payload.contains(jws) && !payload.contains("opaque"), "{payload}");
    assert_eq!(case.claim("ok").as_deref(), Some("\"x\""));
    assert_eq!(case.reason("nested"), Some("not_allowed"));
}

#[test]
fn sensitive_attributes_stay_out_unless_the_operator_allows_them() {
    let attributes = r#"{"userPassword":["p1"],"totpSecretKey":["p2"],"national_id":["p3"],"email":["a@b"]}"#;
    let names = ["userPassword", "totpSecretKey", "national_id"];
    let case = Case::alice(attributes).token(r#"{"client_secret":"p4","NationalID":"p5"}"#).policy(|policy| {
        policy.dialect = identity_dialect(&names);
        policy.claim_mappings = vec![("other".into(), "userPassword".into())];
        policy.token_claims = TokenClaims::AllBut(BTreeSet::new());
    });
    let case = case.custom("custom", "${user.national_id}", CustomClaimType::String).custom(
        "t",
        "${token.client_secret}",
        CustomClaimType::String,
    );
    let payload = String::from_utf8(case.compose().unwrap().payload()).unwrap();
    assert!(!["p1", "p2", "p3", "p4", "p5"].iter().any(|secret| payload.contains(secret)), "{payload}");
    assert!(names.iter().all(|name| case.reason(name) == Some("not_allowed")));
    let allowed = case.policy(|policy| policy.sensitive.allowed = ["national_id".into()].into());
    assert_eq!(allowed.claim("national_id").as_deref(), Some("\"p3\""));
    assert_eq!(allowed.claim("custom").as_deref(), Some("\"p3\""));
}
