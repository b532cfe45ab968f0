use proptest::prelude::*;

use super::*;
use crate::{
    algorithm::base64url,
    key::{RsaSize, SigningKey},
    verify::SecretKeys,
};

const NOW: u64 = 1_800_000_000;

fn rules() -> AccessTokenRules {
    AccessTokenRules {
        issuer: "https://idp.test".into(),
        audiences: vec!["orders".into(), "billing".into()],
        token_type: TokenType::Any,
        clock_skew: 30,
    }
}

/// Checks claims that are good but for `members`, which replace or, as `null!`, remove some.
fn check(members: &[(&str, &str)]) -> Result<u64, TokenError> {
    check_as(Some("at+jwt"), &rules(), members)
}

fn check_as(typ: Option<&str>, rules: &AccessTokenRules, members: &[(&str, &str)]) -> Result<u64, TokenError> {
    let good = [("iss", r#""https://idp.test""#), ("aud", r#""orders""#), ("sub", r#""alice""#), ("exp", "1800003600")];
    let mut claims = Object::default();
    for (name, value) in good.iter().chain(members) {
        if *value == "null!" {
            claims.remove(name);
        } else {
            claims.insert(*name, Json::parse(value.as_bytes()).unwrap());
        }
    }
    rules.check(typ, &claims, NOW)
}

#[test]
fn an_honest_token_is_accepted_until_its_exp() {
    assert_eq!(check(&[]), Ok(1_800_003_600));
    assert_eq!(check(&[("sub", "null!")]), Ok(1_800_003_600));
    assert_eq!(check(&[("aud", r#"["x","billing"]"#)]), Ok(1_800_003_600));
}

#[test]
fn exp_is_required_and_gets_no_leeway() {
    for (exp, expected) in [
        ("null!", Err(TokenError::NoExpiry)),
        ("1800000001", Ok(1_800_000_001)),
        ("1800000001.9", Ok(1_800_000_001)),
        ("1.8000000015e9", Ok(1_800_000_001)),
        ("1800000000", Err(TokenError::Expired)),
        ("1800000000.9", Err(TokenError::Expired)),
        ("0", Err(TokenError::Expired)),
        ("-1", Err(TokenError::Expired)),
        ("-0.0", Err(TokenError::Expired)),
        ("-1e400", Err(TokenError::Expired)),
        ("1e-400", Err(TokenError::Expired)),
        ("253402300799", Ok(253_402_300_799)),
        ("253402300800", Err(TokenError::MalformedTime)),
        ("9223372036854775808", Err(TokenError::MalformedTime)),
        ("18446744073709551617", Err(TokenError::MalformedTime)),
        ("1e400", Err(TokenError::MalformedTime)),
        ("1e9223372036854775808", Err(TokenError::MalformedTime)),
        ("\"1800003600\"", Err(TokenError::MalformedTime)),
        ("\"never\"", Err(TokenError::MalformedTime)),
        ("null", Err(TokenError::MalformedTime)),
        ("true", Err(TokenError::MalformedTime)),
        ("[1800003600]", Err(TokenError::MalformedTime)),
    ] {
        assert_eq!(check(&[("exp", exp)]), expected, "{exp}");
    }
}

#[test]
fn nbf_and_iat_may_lie_ahead_by_the_clock_skew() {
    for (name, error) in [("nbf", TokenError::NotYetValid), ("iat", TokenError::IssuedInFuture)] {
        assert!(check(&[(name, "1800000030")]).is_ok(), "{name}");
        assert_eq!(check(&[(name, "1800000030.1")]).err(), Some(error));
        assert_eq!(check(&[(name, "1800000031")]).err(), Some(error));
        assert_eq!(check(&[(name, "\"1800000000\"")]).err(), Some(TokenError::MalformedTime));
        assert_eq!(check(&[(name, "{}")]).err(), Some(TokenError::MalformedTime));
        assert!(check(&[(name, "-5")]).is_ok(), "{name}");
    }
}

#[test]
fn the_issuer_must_be_exact() {
    for issuer in [
        "null!",
        "null",
        r#""https://idp.test/""#,
        r#""HTTPS://IDP.TEST""#,
        r#"["https://idp.test"]"#,
        r#""https://idp.test\u0000""#,
        r#""""#,
    ] {
        assert_eq!(check(&[("iss", issuer)]).err(), Some(TokenError::UntrustedIssuer), "{issuer}");
    }
}

#[test]
fn the_audience_must_be_one_of_ours() {
    for audience in [
        "null!",
        "null",
        r#""other""#,
        r#""""#,
        "[]",
        r#"["x"]"#,
        r#"{"orders":1}"#,
        r#"["orders",1]"#,
        r#""x,orders""#,
    ] {
        assert_eq!(check(&[("aud", audience)]).err(), Some(TokenError::WrongAudience), "{audience}");
    }
}

#[test]
fn without_a_configured_audience_any_well_formed_one_will_do() {
    let rules = AccessTokenRules { audiences: Vec::new(), ..rules() };
    let check = |audience| check_as(None, &rules, &[("aud", audience)]);
    assert!(check("null!").is_ok());
    assert!(check(r#""other""#).is_ok());
    assert_eq!(check("{}").err(), Some(TokenError::WrongAudience));
}

#[test]
fn sub_must_be_a_text() {
    for sub in ["1", "null", r#""""#, "{}", r#"["alice"]"#] {
        assert_eq!(check(&[("sub", sub)]).err(), Some(TokenError::MalformedSubject), "{sub}");
    }
}

#[test]
fn another_kind_of_token_is_refused() {
    for typ in [
        None,
        Some("JWT"),
        Some("jwt"),
        Some("application/jwt"),
        Some("at+jwt"),
        Some("AT+JWT"),
        Some("application/at+jwt"),
    ] {
        assert!(check_as(typ, &rules(), &[]).is_ok(), "{typ:?}");
    }
    for typ in [
        "dpop+jwt",
        "logout+jwt",
        "secevent+jwt",
        "txntoken+jwt",
        "",
        "JOSE",
        "at+jwt ",
        "application/application/at+jwt",
    ] {
        assert_eq!(check_as(Some(typ), &rules(), &[]).err(), Some(TokenError::WrongType), "{typ}");
    }
    assert_eq!(check(&[("at_hash", "\"x\"")]).err(), Some(TokenError::IdToken));
    assert_eq!(check(&[("c_hash", "\"x\"")]).err(), Some(TokenError::IdToken));
}

#[test]
fn an_issuer_of_rfc_9068_insists_on_its_typ() {
    let rules = AccessTokenRules { token_type: TokenType::AccessToken, ..rules() };
    assert!(check_as(Some("at+jwt"), &rules, &[]).is_ok());
    assert!(check_as(Some("application/AT+JWT"), &rules, &[]).is_ok());
    assert_eq!(check_as(Some("JWT"), &rules, &[]).err(), Some(TokenError::WrongType));
    assert_eq!(check_as(None, &rules, &[]).err(), Some(TokenError::WrongType));
}

/// Signs any payload, and verifies it as an inbound token.
fn verified(payload: &[u8]) -> Result<AccessToken, TokenError> {
    let key = SigningKey::generate(Algorithm::Es256, RsaSize::default()).unwrap();
    let jwks = format!(r#"{{"keys":[{}]}}"#, Json::Object(key.public_jwk().unwrap()));
    let keys = VerificationKeys::from_jwks(jwks.as_bytes(), SecretKeys::Refuse).unwrap();
    let header = format!(r#"{{"alg":"ES256","kid":"{}"}}"#, key.kid());
    let signed = format!("{}.{}", base64url(header.as_bytes()), base64url(payload));
    let token = format!("{signed}.{}", base64url(&key.sign(signed.as_bytes()).unwrap()));
    let unverified = UnverifiedToken::parse(&token)?;
    assert_eq!(unverified.kid(), Some(key.kid()));
    unverified.verify(&keys, &[Algorithm::Es256], &rules(), NOW)
}

#[test]
fn a_verified_token_gives_its_claims_and_its_key() {
    let token = verified(br#"{"iss":"https://idp.test","aud":"orders","exp":1800000100,"n":12345678901234567890.10}"#);
    let token = token.unwrap();
    assert_eq!(token.expires_at, 1_800_000_100);
    assert_eq!(token.claims.get("n").unwrap().to_string(), "12345678901234567890.10");
}

#[test]
fn a_payload_that_two_parsers_could_read_differently_is_refused() {
    for payload in [
        &b"[1]"[..],
        b"\"x\"",
        b"",
        b"foo",
        br#"{"sub":"alice","sub":"admin"}"#,
        br#"{"sub":"alice","s\u0075b":"admin"}"#,
        br#"{"sub":"\ud800"}"#,
        b"{\"sub\":\"\xff\"}",
        b"{} {}",
        br#"{"exp":NaN}"#,
        "\u{feff}{}".as_bytes(),
    ] {
        assert_eq!(verified(payload).err(), Some(TokenError::MalformedPayload), "{payload:?}");
    }
    let deep = [b"{\"a\":".as_slice(), &b"[".repeat(20_000), &b"]".repeat(20_000), b"}"].concat();
    assert_eq!(verified(&deep).err(), Some(TokenError::MalformedPayload));
}

#[test]
fn the_claimed_issuer_is_known_before_verification() {
    let token = format!("{}.{}.AA", base64url(br#"{"alg":"RS256"}"#), base64url(br#"{"iss":"https://idp.test"}"#));
    assert_eq!(UnverifiedToken::parse(&token).unwrap().claimed_issuer(), Some("https://idp.test"));
    assert_eq!(UnverifiedToken::parse("a.b").err(), Some(TokenError::NotCompact));
}

proptest! {
    #[test]
    fn a_token_is_accepted_only_while_now_is_before_exp(exp in 0_u64..4_000_000_000) {
        prop_assert_eq!(check(&[("exp", &exp.to_string())]).is_ok(), exp > NOW);
    }

    #[test]
    fn no_number_makes_a_time_that_panics(digits in "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,25})?") {
        prop_assert!(check(&[("exp", &digits)]).is_ok_and(|exp| exp > NOW) || check(&[("exp", &digits)]).is_err());
    }
}

#[test]
fn an_introspected_token_may_lack_iss_and_exp_but_what_it_says_must_be_right() {
    let check = |members: &str| {
        let Ok(Json::Object(claims)) = Json::parse(members.as_bytes()) else { panic!("{members}") };
        rules().check_introspected(&claims, NOW)
    };
    assert_eq!(check(r#"{"aud":"orders"}"#), Ok(None));
    assert_eq!(check(r#"{"aud":["x","orders"],"iss":"https://idp.test","exp":1800000001}"#), Ok(Some(1_800_000_001)));
    assert_eq!(check(r#"{"aud":"orders","exp":1800000000}"#), Err(TokenError::Expired));
    assert_eq!(check(r#"{"aud":"orders","nbf":1800000031}"#), Err(TokenError::NotYetValid));
    assert_eq!(check(r#"{"aud":"orders","iss":"https://other.test"}"#), Err(TokenError::UntrustedIssuer));
    assert_eq!(check(r#"{"aud":"orders","iss":7}"#), Err(TokenError::UntrustedIssuer));
    assert_eq!(check(r#"{"aud":"other"}"#), Err(TokenError::WrongAudience));
    assert_eq!(check("{}"), Err(TokenError::WrongAudience));
    assert_eq!(check(r#"{"aud":"orders","sub":7}"#), Err(TokenError::MalformedSubject));
    assert_eq!(check(r#"{"aud":"orders","typ":"Refresh"}"#), Err(TokenError::WrongType));
    assert_eq!(check(r#"{"aud":"orders","token_type":"refresh_token"}"#), Err(TokenError::WrongType));
    assert_eq!(check(r#"{"aud":"orders","typ":"Bearer","token_type":"Bearer"}"#), Ok(None));
}
