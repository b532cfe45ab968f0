//! Whole payloads: per dialect, per compatibility and per kind of caller.

use super::*;

const ATTRIBUTES: &str =
    r#"{"email":["alice@example.com"],"given_name":["Alice"],"department":["R&D"],"groups":["admins","staff"]}"#;

fn alice() -> Case {
    Case::alice(ATTRIBUTES)
        .with(|case| case.application = Some(application()))
        .token(r#"{"sub":"a","scope":"orders:read","iss":"x"}"#)
}

#[test]
fn wso2_dialect_has_its_prefix_everywhere() {
    alice().check(
        r#"
    {"iss":"https://gateway.example.com",
    "sub":"alice",
    "aud":"orders",
    "exp":1700000900,
    "iat":1699999990,
    "nbf":1699999990,
    "jti":"7c0f6f0e-8a9a-4f0c-9d2a-0c5d8a7b6e21",
    "http://wso2.org/claims/apiname":"orders",
    "http://wso2.org/claims/apicontext":"/orders/1.0",
    "http://wso2.org/claims/version":"1.0",
    "http://wso2.org/claims/keytype":"PRODUCTION",
    "http://wso2.org/claims/subscriber":"bob",
    "http://wso2.org/claims/applicationid":"12",
    "http://wso2.org/claims/applicationUUId":"2f6c",
    "http://wso2.org/claims/applicationname":"Mobile",
    "http://wso2.org/claims/applicationtier":"Gold",
    "http://wso2.org/claims/applicationAttributes":{"plan":3},
    "http://wso2.org/claims/tier":"Silver",
    "http://wso2.org/claims/enduser":"alice",
    "http://wso2.org/claims/usertype":"Application_User",
    "http://wso2.org/claims/idp":"https://idp.example.com",
    "http://wso2.org/claims/givenname":"Alice",
    "http://wso2.org/claims/emailaddress":"alice@example.com",
    "http://wso2.org/claims/department":"R&D",
    "http://wso2.org/claims/role":["admins",
    "staff"],
    "scope":"orders:read"}"#,
    );
}

#[test]
fn oidc_dialect_has_short_names() {
    alice().dialect("oidc").with(|case| case.application = None).check(
        r#"
    {"iss":"https://gateway.example.com",
    "sub":"alice",
    "aud":"orders",
    "exp":1700000900,
    "iat":1699999990,
    "nbf":1699999990,
    "jti":"7c0f6f0e-8a9a-4f0c-9d2a-0c5d8a7b6e21",
    "apiname":"orders",
    "apicontext":"/orders/1.0",
    "version":"1.0",
    "keytype":"PRODUCTION",
    "enduser":"alice",
    "usertype":"Application_User",
    "idp":"https://idp.example.com",
    "given_name":"Alice",
    "email":"alice@example.com",
    "department":"R&D",
    "groups":["admins",
    "staff"],
    "scope":"orders:read"}"#,
    );
}

#[test]
fn scim_dialect_names_attributes_after_its_urn() {
    alice().dialect("scim").with(|case| case.application = None).check(
        r#"
    {"iss":"https://gateway.example.com",
    "sub":"alice",
    "aud":"orders",
    "exp":1700000900,
    "iat":1699999990,
    "nbf":1699999990,
    "jti":"7c0f6f0e-8a9a-4f0c-9d2a-0c5d8a7b6e21",
    "urn:ietf:params:scim:schemas:core:2.0:User:apiname":"orders",
    "urn:ietf:params:scim:schemas:core:2.0:User:apicontext":"/orders/1.0",
    "urn:ietf:params:scim:schemas:core:2.0:User:version":"1.0",
    "urn:ietf:params:scim:schemas:core:2.0:User:keytype":"PRODUCTION",
    "urn:ietf:params:scim:schemas:core:2.0:User:enduser":"alice",
    "urn:ietf:params:scim:schemas:core:2.0:User:usertype":"Application_User",
    "urn:ietf:params:scim:schemas:core:2.0:User:idp":"https://idp.example.com",
    "urn:ietf:params:scim:schemas:core:2.0:User:name.givenName":"Alice",
    "urn:ietf:params:scim:schemas:core:2.0:User:emails":["alice@example.com"],
    "urn:ietf:params:scim:schemas:core:2.0:User:groups":["admins",
    "staff"],
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department":"R&D",
    "scope":"orders:read"}"#,
    );
}

#[test]
fn dialect_none_maps_only_what_the_policy_names() {
    let case = alice().dialect("none").with(|case| case.application = None);
    case.policy(|policy| {
        policy.claim_mappings = vec![("roles".into(), "groups".into()), ("mail".into(), "email".into())];
    })
    .check(
        r#"
    {"iss":"https://gateway.example.com",
    "sub":"alice",
    "aud":"orders",
    "exp":1700000900,
    "iat":1699999990,
    "nbf":1699999990,
    "jti":"7c0f6f0e-8a9a-4f0c-9d2a-0c5d8a7b6e21",
    "apiname":"orders",
    "apicontext":"/orders/1.0",
    "version":"1.0",
    "keytype":"PRODUCTION",
    "enduser":"alice",
    "usertype":"Application_User",
    "idp":"https://idp.example.com",
    "roles":["admins",
    "staff"],
    "mail":"alice@example.com",
    "scope":"orders:read"}"#,
    );
}

#[test]
fn apk_compatibility_passes_the_tokens_claims_on_and_has_no_audience() {
    let token = r#"{"sub":"a","iss":"x","exp":1700000900,"aut":"APPLICATION_USER","azp":"c","scope":"s","level":3,"cnf":{"jkt":"k"}}"#;
    let case = Case::alice("{}").with(|case| case.user = User::NotLookedUp).token(token);
    let case = case.policy(|policy| {
        policy.audience = Audience(Vec::new());
        policy.not_before = false;
        policy.cap_to_inbound_token = false;
        policy.token_claims = TokenClaims::apk();
    });
    let expected = |aut: &str| {
        format!(
            r#"
    {{"iss":"https://gateway.example.com",
    "sub":"alice",
    "exp":1700003600,
    "iat":1699999990,
    "jti":"7c0f6f0e-8a9a-4f0c-9d2a-0c5d8a7b6e21",
    "http://wso2.org/claims/apiname":"orders",
    "http://wso2.org/claims/apicontext":"/orders/1.0",
    "http://wso2.org/claims/version":"1.0",
    "http://wso2.org/claims/keytype":"PRODUCTION",
    "http://wso2.org/claims/enduser":"alice",
    "http://wso2.org/claims/usertype":"Application_User",
    "http://wso2.org/claims/idp":"https://idp.example.com",{aut}
    "azp":"c",
    "scope":"s",
    "level":3,
    "cnf":{{"jkt":"k"}}}}"#
        )
    };
    case.check(&expected(""));
    let apim = case.policy(|policy| policy.token_claims = TokenClaims::apim(["other".into()]));
    apim.check(&expected("\n    \"aut\":\"APPLICATION_USER\","));
}

#[test]
fn anonymous_calls_have_no_subject_and_no_user() {
    Case::alice(ATTRIBUTES).with(|case| case.principal = None).check(
        r#"
    {"iss":"https://gateway.example.com",
    "aud":"orders",
    "exp":1700003600,
    "iat":1699999990,
    "nbf":1699999990,
    "jti":"7c0f6f0e-8a9a-4f0c-9d2a-0c5d8a7b6e21",
    "http://wso2.org/claims/apiname":"orders",
    "http://wso2.org/claims/apicontext":"/orders/1.0",
    "http://wso2.org/claims/version":"1.0",
    "http://wso2.org/claims/keytype":"PRODUCTION",
    "http://wso2.org/claims/usertype":"ANONYMOUS"}"#,
    );
}

#[test]
fn client_credentials_have_a_subject_and_no_user() {
    let case = Case::alice(ATTRIBUTES).token(r#"{"sub":"mobile-app","email":"app@example.com","scope":"s"}"#);
    let case = case.with(|case| {
        let principal = case.principal.as_mut().unwrap();
        principal.kind = PrincipalKind::Application;
        principal.subject = "mobile-app".into();
        Arc::make_mut(&mut principal.grant).organizations = ["acme".into()].into();
    });
    case.check(
        r#"
    {"iss":"https://gateway.example.com",
    "sub":"mobile-app",
    "aud":"orders",
    "exp":1700000900,
    "iat":1699999990,
    "nbf":1699999990,
    "jti":"7c0f6f0e-8a9a-4f0c-9d2a-0c5d8a7b6e21",
    "http://wso2.org/claims/apiname":"orders",
    "http://wso2.org/claims/apicontext":"/orders/1.0",
    "http://wso2.org/claims/version":"1.0",
    "http://wso2.org/claims/keytype":"PRODUCTION",
    "http://wso2.org/claims/usertype":"APPLICATION",
    "http://wso2.org/claims/idp":"https://idp.example.com",
    "http://wso2.org/claims/organizations":["acme"],
    "scope":"s"}"#,
    );
}

#[test]
fn the_audience_keeps_its_order_and_one_entry_is_a_string() {
    let aud = |list: &[&str]| {
        let audience = Audience(list.iter().map(|entry| Box::from(*entry)).collect());
        Case::alice("{}").token(r#"{"aud":"client"}"#).policy(|policy| policy.audience = audience).claim("aud")
    };
    assert_eq!(aud(&["b", "a"]).as_deref(), Some(r#"["b","a"]"#));
    assert_eq!(aud(&["b"]).as_deref(), Some(r#""b""#));
    assert_eq!(aud(&[]), None);
}

#[test]
fn the_life_is_bounded_by_the_inbound_token_unless_the_policy_lifts_that() {
    let exp = |cap: bool, inbound: Option<u64>| {
        let case = Case::alice("{}").policy(|policy| policy.cap_to_inbound_token = cap);
        case.with(|case| case.principal.as_mut().unwrap().expires_at = inbound)
            .compose()
            .map(|set| set.get("exp").unwrap().value.as_u64())
    };
    assert_eq!(exp(true, Some(NOW + 900)), Ok(Some(NOW + 900)));
    assert_eq!(exp(true, Some(NOW + 9000)), Ok(Some(NOW + 3600)));
    assert_eq!(exp(true, None), Ok(Some(NOW + 3600)));
    assert_eq!(exp(false, Some(NOW + 900)), Ok(Some(NOW + 3600)));
    assert_eq!(exp(true, Some(NOW)), Err(ComposeError::Expired));
    assert_eq!(exp(false, Some(NOW - 1)), Err(ComposeError::Expired));
}

#[test]
fn an_empty_subject_is_never_minted() {
    let case = Case::alice("{}").with(|case| case.principal.as_mut().unwrap().subject = "".into());
    assert_eq!(case.compose(), Err(ComposeError::NoSubject));
}

#[test]
fn degraded_tokens_say_so() {
    let mark = |user: User, name: &str| Case::alice(ATTRIBUTES).with(|case| case.user = user).claim(name);
    assert_eq!(mark(User::Stale, "attributes_as_of").as_deref(), Some("1699999400"));
    assert_eq!(mark(User::Omitted, "attributes_omitted").as_deref(), Some("true"));
    assert_eq!(mark(User::Partial, "attributes_omitted").as_deref(), Some("true"));
    assert_eq!(mark(User::StaleRefused, "attributes_omitted").as_deref(), Some("true"));
    for (user, name) in
        [(User::Found, "attributes_as_of"), (User::Stale, "attributes_omitted"), (User::Unknown, "attributes_omitted")]
    {
        assert_eq!(mark(user, name), None);
    }
}

#[test]
fn the_tenants_id_is_a_string_and_follows_the_allow_list() {
    let case = Case::alice(r#"{"tenant_id":[-1234]}"#);
    assert_eq!(case.claim("http://wso2.org/claims/enduserTenantId").as_deref(), Some("\"-1234\""));
    assert_eq!(case.only(&[("email", &[])]).claim("http://wso2.org/claims/enduserTenantId"), None);
}

#[test]
fn every_claim_knows_its_rule_source_and_age() {
    let set = alice().compose().unwrap();
    let claim = set.get("http://wso2.org/claims/emailaddress").unwrap();
    assert_eq!(claim.rule.to_string(), "dialect wso2: email → http://wso2.org/claims/emailaddress");
    let source = Source::Store("staff".into());
    assert_eq!(claim.origin, Origin::Attribute { attribute: "email".into(), source, as_of: NOW - 60 });
    assert_eq!(set.get("scope").unwrap().rule.to_string(), "tokenClaims");
    assert_eq!(set.get("sub").unwrap().origin, Origin::Registered);
}
