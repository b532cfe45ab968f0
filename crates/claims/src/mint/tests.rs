use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::{
    attributes::Source,
    claim_set::{OmissionReason, Origin},
    dialect::Dialect,
    key::{HeaderForm, RsaSize},
    policy::{
        Anonymous, AttributeFailure, Audience, ClaimSelection, Oversize, Sensitive, TokenClaims, TokenId, UnknownUser,
    },
    verify::{CompactJws, SecretKeys, VerificationKeys, verify},
};

const SECRET: [u8; 64] = [7; 64];

fn policy(algorithm: Algorithm) -> BackendJwtPolicy {
    BackendJwtPolicy {
        header: "X-JWT-Assertion".into(),
        scheme: None,
        encoding: Encoding::Base64Url,
        algorithm,
        hmac_key: None,
        header_form: HeaderForm::Standard,
        issuer: "https://gateway.test".into(),
        clock_skew: 10,
        token_ttl: 3600,
        cap_to_inbound_token: true,
        not_before: true,
        audience: Audience(Vec::new()),
        dialect: Arc::new(Dialect::new("none", "", "", Vec::new())),
        claims: ClaimSelection::All,
        claim_mappings: Vec::new(),
        sensitive: Sensitive::default(),
        token_claims: TokenClaims::Only(Vec::new()),
        custom_claims: Vec::new(),
        max_header_bytes: 4096,
        on_oversize: Oversize::Reject,
        on_attribute_failure: AttributeFailure::Reject,
        on_unknown_user: UnknownUser::Reject,
        anonymous: Anonymous::Omit,
        token_id: TokenId::Cached,
    }
}

fn key(algorithm: Algorithm) -> SigningKey {
    SigningKey::generate(algorithm, RsaSize::default())
        .unwrap_or_else(|_| SigningKey::hmac("secret", &SECRET, algorithm).unwrap())
}

/// A claim set of `iss`, `exp` and `iat`, and these attributes.
fn claims(attributes: &[(&str, Json)]) -> ClaimSet {
    let mut claims = ClaimSet::default();
    for (name, value) in
        [("iss", Json::string("https://gateway.test")), ("exp", 4600_u64.into()), ("iat", 990_u64.into())]
    {
        claims.push(Name::new(name), value, Origin::Registered, "registered".into());
    }
    for (name, value) in attributes {
        let source = Source::Store("staff".into());
        let origin = Origin::Attribute { attribute: format!("attribute_{name}").into(), source, as_of: 990 };
        claims.push(Name::new(name), value.clone(), origin, "test".into());
    }
    claims
}

fn groups(count: usize) -> Json {
    Json::Array((0..count).map(|number| Json::string(format!("group-{number:04}"))).collect())
}

/// Returns the three segments, decoded.
fn decoded(jwt: &str, encoding: Encoding) -> Vec<Vec<u8>> {
    jwt.split('.').map(|segment| encoding.decode(segment).unwrap()).collect()
}

fn header(value: &str) -> String {
    String::from_utf8(decoded(value, Encoding::Base64Url).remove(0)).unwrap()
}

fn keys(key: &SigningKey) -> VerificationKeys {
    let secret = crate::algorithm::base64url(&SECRET);
    let jwk = match key.public_jwk() {
        Some(jwk) => Json::Object(jwk).to_string(),
        None => format!(r#"{{"kty":"oct","k":"{secret}","kid":"{}"}}"#, key.kid()),
    };
    VerificationKeys::from_jwks(format!(r#"{{"keys":[{jwk}]}}"#).as_bytes(), SecretKeys::Accept).unwrap()
}

#[test]
fn every_algorithm_in_every_encoding_verifies_over_the_bytes_sent() {
    for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| *algorithm != Algorithm::None) {
        let key = key(algorithm);
        for encoding in [Encoding::Base64Url, Encoding::Base64] {
            let policy = BackendJwtPolicy { encoding, ..policy(algorithm) };
            let mut claims = claims(&[("name", Json::string("Žofie 😀 ??? >>> ÿþ"))]);
            let jwt = mint(&mut claims, &policy, Some(&key)).unwrap();
            let jws = CompactJws::parse_as(&jwt.value, encoding).unwrap();
            let verified = verify(&jws, &keys(&key), &[algorithm]).unwrap();
            assert_eq!(verified.payload, claims.payload(), "{algorithm} {}", encoding.name());
            assert_eq!(jws.kid(), Some(key.kid()));
        }
    }
}

#[test]
fn a_backend_jwt_knows_its_key_and_its_times() {
    let key = key(Algorithm::Es256);
    let jwt = mint(&mut claims(&[]), &policy(Algorithm::Es256), Some(&key)).unwrap();
    assert_eq!((jwt.issued_at, jwt.expires_at), (990, 4600));
    assert_eq!((jwt.kid.as_deref(), jwt.key), (Some(key.kid()), Some(key.fingerprint())));
    assert_eq!(jwt.header_bytes, "X-JWT-Assertion: ".len() + jwt.value.len());
}

#[test]
fn the_standard_header_is_typ_alg_kid() {
    let key = key(Algorithm::EdDsa);
    let jwt = mint(&mut claims(&[]), &policy(Algorithm::EdDsa), Some(&key)).unwrap();
    assert_eq!(header(&jwt.value), format!(r#"{{"typ":"JWT","alg":"EdDSA","kid":"{}"}}"#, key.kid()));
}

#[test]
fn with_a_certificate_the_header_names_it_in_either_form() {
    let file = include_bytes!("../../tests/data/openssl.p12");
    let key = SigningKey::from_pkcs12(file, "changeit", None, None).unwrap();
    let certificate = key.certificate().unwrap();
    let minted = |header_form| {
        let policy = BackendJwtPolicy { header_form, ..policy(Algorithm::Rs256) };
        mint(&mut claims(&[]), &policy, Some(&key)).unwrap()
    };
    let (kid, x5t, x5t_s256) = (key.kid(), certificate.x5t(), certificate.x5t_s256());
    assert_eq!(
        header(&minted(HeaderForm::Standard).value),
        format!(r#"{{"typ":"JWT","alg":"RS256","kid":"{kid}","x5t":"{x5t}","x5t#S256":"{x5t_s256}"}}"#)
    );
    let (legacy_x5t, legacy_kid) = (certificate.legacy_x5t(), certificate.legacy_kid());
    assert_eq!(header(&minted(HeaderForm::Plain).value), format!(r#"{{"typ":"JWT","alg":"RS256","kid":"{kid}"}}"#));
    let legacy = minted(HeaderForm::Legacy);
    assert_eq!(
        header(&legacy.value),
        format!(r#"{{"typ":"JWT","alg":"RS256","x5t":"{legacy_x5t}","kid":"{legacy_kid}"}}"#)
    );
    assert_eq!(legacy.kid.as_deref(), Some(key.kid()));
}

#[test]
fn the_legacy_header_needs_a_certificate_unless_the_key_is_a_secret() {
    let minted = |key: &SigningKey| {
        let policy = BackendJwtPolicy { header_form: HeaderForm::Legacy, ..policy(key.algorithm()) };
        mint(&mut claims(&[]), &policy, Some(key))
    };
    let es256 = key(Algorithm::Es256);
    assert_eq!(minted(&es256).err(), Some(MintError::NoCertificate(es256.kid().into())));
    assert!(!es256.supports_header(HeaderForm::Legacy) && es256.supports_header(HeaderForm::Standard));
    let secret = minted(&key(Algorithm::Hs256)).unwrap();
    assert_eq!(header(&secret.value), r#"{"typ":"JWT","alg":"HS256","kid":"secret"}"#);
}

#[test]
fn an_unsigned_token_ends_with_a_dot_and_names_no_key() {
    for encoding in [Encoding::Base64Url, Encoding::Base64] {
        let policy = BackendJwtPolicy { encoding, ..policy(Algorithm::None) };
        let jwt = mint(&mut claims(&[]), &policy, None).unwrap();
        let segments = decoded(&jwt.value, encoding);
        assert_eq!(segments[0], br#"{"typ":"JWT","alg":"none"}"#);
        assert_eq!((segments.len(), segments[2].len(), jwt.kid, jwt.key), (3, 0, None, None));
        assert!(jwt.value.ends_with('.'));
        assert_eq!(jwt.header_bytes, "X-JWT-Assertion: ".len() + jwt.value.len());
    }
}

#[test]
fn the_scheme_stands_before_the_jwt_and_is_not_signed() {
    let key = key(Algorithm::Es256);
    let policy =
        BackendJwtPolicy { header: "Authorization".into(), scheme: Some("Bearer".into()), ..policy(Algorithm::Es256) };
    let jwt = mint(&mut claims(&[]), &policy, Some(&key)).unwrap();
    let jws = CompactJws::parse(jwt.value.strip_prefix("Bearer ").unwrap()).unwrap();
    assert!(verify(&jws, &keys(&key), &[Algorithm::Es256]).is_ok());
    assert_eq!(jwt.header_bytes, "Authorization: ".len() + jwt.value.len());
}

#[test]
fn a_key_for_another_algorithm_signs_nothing() {
    let key = key(Algorithm::Es256);
    let mint = |algorithm, key| mint(&mut claims(&[]), &policy(algorithm), key).err();
    assert_eq!(mint(Algorithm::Rs256, Some(&key)), Some(MintError::NoKey(Algorithm::Rs256)));
    assert_eq!(mint(Algorithm::Es256, None), Some(MintError::NoKey(Algorithm::Es256)));
    assert_eq!(mint(Algorithm::None, Some(&key)), Some(MintError::NoKey(Algorithm::None)));
}

#[test]
fn a_claim_set_without_its_times_is_never_minted() {
    let mint = |name: &str, value: Option<Json>| {
        let mut claims = claims(&[]);
        claims.claims.retain(|claim| &*claim.name != name);
        if let Some(value) = value {
            claims.push(Name::new(name), value, Origin::Registered, "registered".into());
        }
        mint(&mut claims, &policy(Algorithm::None), None).err()
    };
    assert_eq!(mint("exp", None), Some(MintError::Claim("exp")));
    assert_eq!(mint("iat", Some(Json::string("990"))), Some(MintError::Claim("iat")));
    assert_eq!(mint("exp", Some(990_u64.into())), Some(MintError::Claim("exp")));
    assert_eq!(mint("sub", Some(Json::string(""))), Some(MintError::Claim("sub")));
    assert_eq!(mint("sub", Some(Json::Null)), Some(MintError::Claim("sub")));
    assert_eq!(mint("sub", Some(Json::string("alice"))), None);
}

#[test]
fn a_token_over_the_bound_is_refused_with_names_and_counts_only() {
    let key = key(Algorithm::Es256);
    let mut claims = claims(&[("groups", groups(500)), ("email", Json::string("alice@corp.test"))]);
    let error = mint(&mut claims, &policy(Algorithm::Es256), Some(&key)).unwrap_err();
    let MintError::TooLarge { bytes, limit, claims } = &error else { panic!("{error}") };
    assert!(*bytes > 8000 && *limit == 4096);
    let counts: Vec<(&str, usize)> = claims.iter().map(|(name, count)| (&**name, *count)).collect();
    assert_eq!(counts, [("iss", 1), ("exp", 1), ("iat", 1), ("groups", 500), ("email", 1)]);
    assert!(!format!("{error:?}").contains("alice"));
}

#[test]
fn the_bound_is_exact() {
    let key = key(Algorithm::Es512);
    let fits = mint(&mut claims(&[]), &policy(Algorithm::Es512), Some(&key)).unwrap().header_bytes;
    let with = |max_header_bytes| {
        let policy = BackendJwtPolicy { max_header_bytes, ..policy(Algorithm::Es512) };
        (mint(&mut claims(&[]), &policy, Some(&key)).is_ok(), fit(&mut claims(&[]), &policy, Some(&key)).is_ok())
    };
    assert_eq!((with(fits), with(fits - 1)), ((true, true), (false, false)));
    assert_eq!(fit(&mut claims(&[]), &policy(Algorithm::Es512), Some(&key)), Ok(fits));
}

#[test]
fn whole_claims_are_dropped_in_order_until_it_fits_and_listed() {
    let policy = BackendJwtPolicy {
        on_oversize: Oversize::Drop(vec![
            "iss".into(),
            "absent".into(),
            "attribute_groups".into(),
            "roles".into(),
            "email".into(),
        ]),
        ..policy(Algorithm::None)
    };
    let mut set =
        claims(&[("groups", groups(300)), ("roles", groups(300)), ("email", Json::string("alice@corp.test"))]);
    let jwt = mint(&mut set, &policy, None).unwrap();
    assert!(jwt.header_bytes <= 4096);
    let names: Vec<&str> = set.claims.iter().map(|claim| &*claim.name).collect();
    assert_eq!(names, ["iss", "exp", "iat", "email", "claims_dropped"]);
    let payload = decoded(&jwt.value, Encoding::Base64Url).remove(1);
    let payload: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(payload["claims_dropped"], serde_json::json!(["groups", "roles"]));
    let dropped: Vec<_> = set.omissions.iter().map(|omission| (&*omission.name, omission.reason)).collect();
    let reason = OmissionReason::DroppedForSize;
    assert_eq!(dropped, [("attribute_groups", reason), ("attribute_roles", reason)]);
}

#[test]
fn nothing_is_dropped_from_a_token_that_fits() {
    let policy = BackendJwtPolicy { on_oversize: Oversize::Drop(vec!["email".into()]), ..policy(Algorithm::None) };
    let mut set = claims(&[("email", Json::string("alice@corp.test"))]);
    let before = set.clone();
    assert!(mint(&mut set, &policy, None).is_ok());
    assert_eq!(set, before);
}

#[test]
fn a_token_that_stays_too_large_is_refused_with_all_its_claims() {
    let policy = BackendJwtPolicy { on_oversize: Oversize::Drop(vec!["email".into()]), ..policy(Algorithm::None) };
    let mut set = claims(&[("groups", groups(500)), ("email", Json::string("alice@corp.test"))]);
    let Err(MintError::TooLarge { claims, .. }) = mint(&mut set, &policy, None) else { panic!("minted") };
    assert_eq!(claims.len(), 5);
}

proptest! {
    #[test]
    fn any_value_arrives_as_it_was_in_an_ascii_header(value in "\\PC{0,100}|[\\x00-\\x7f]{0,50}", is_standard in any::<bool>()) {
        let encoding = if is_standard { Encoding::Base64 } else { Encoding::Base64Url };
        let policy = BackendJwtPolicy { encoding, ..policy(Algorithm::Hs256) };
        let key = key(Algorithm::Hs256);
        let jwt = mint(&mut claims(&[("value", Json::string(value.as_str()))]), &policy, Some(&key)).unwrap();
        prop_assert!(jwt.value.bytes().all(|byte| byte.is_ascii_graphic()));
        let payload = decoded(&jwt.value, encoding).remove(1);
        let payload: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        prop_assert_eq!(payload["value"].as_str(), Some(value.as_str()));
    }

    #[test]
    fn dropping_never_leaves_a_token_over_its_bound(sizes in prop::collection::vec(0_usize..200, 0..8), limit in 200_usize..3000) {
        let names: Vec<String> = (0..sizes.len()).map(|number| format!("claim{number}")).collect();
        let attributes: Vec<(&str, Json)> = names.iter().map(String::as_str).zip(sizes.iter().map(|size| groups(*size))).collect();
        let order = names.iter().map(|name| name.as_str().into()).collect();
        let policy = BackendJwtPolicy { max_header_bytes: limit, on_oversize: Oversize::Drop(order), ..policy(Algorithm::None) };
        let mut set = claims(&attributes);
        match mint(&mut set, &policy, None) {
            Ok(jwt) => {
                prop_assert!(jwt.header_bytes <= limit);
                prop_assert_eq!(jwt.header_bytes, "X-JWT-Assertion: ".len() + jwt.value.len());
                prop_assert_eq!(set.claims.iter().any(|claim| &*claim.name == "claims_dropped"), !set.omissions.is_empty());
            }
            Err(error) => {
                let is_over = matches!(error, MintError::TooLarge { bytes, .. } if bytes > limit);
                prop_assert!(is_over);
            }
        }
    }
}
