use proptest::prelude::*;

use super::*;
use crate::{
    algorithm::{Encoding, base64url},
    key::{RsaSize, SigningKey},
};

/// The payload of RFC 7515 appendices A.1 to A.3.
const RFC_PAYLOAD: &[u8] = b"{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}";

const A1_KEY: &str =
    r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#;
const A1: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const A2_KEY: &str = r#"{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}"#;
const A2: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
const A3_KEY: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
const A3: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
const A4_KEY: &str = r#"{"kty":"EC","crv":"P-521","x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk","y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}"#;
const A4: &str = "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn";
const RFC_8037_KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
const RFC_8037: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

fn keys(jwks: &[&str]) -> VerificationKeys {
    let text = format!(r#"{{"keys":[{}]}}"#, jwks.join(","));
    VerificationKeys::from_jwks(text.as_bytes(), SecretKeys::Accept).unwrap()
}

fn check(token: &str, keys: &VerificationKeys) -> Result<Vec<u8>, TokenError> {
    verify(&CompactJws::parse(token)?, keys, &Algorithm::ALL).map(|verified| verified.payload)
}

fn key(algorithm: Algorithm) -> SigningKey {
    SigningKey::generate(algorithm, RsaSize::default())
        .unwrap_or_else(|_| SigningKey::hmac("secret", &[7; 64], algorithm).unwrap())
}

fn public(key: &SigningKey) -> String {
    match key.public_jwk() {
        Some(jwk) => crate::Json::Object(jwk).to_string(),
        None => format!(
            r#"{{"kty":"oct","k":"{}","kid":"{}","alg":"{}"}}"#,
            base64url(&[7; 64]),
            key.kid(),
            key.algorithm()
        ),
    }
}

fn token(key: &SigningKey, header: &str, payload: &[u8]) -> String {
    let signed = format!("{}.{}", base64url(header.as_bytes()), base64url(payload));
    let signature = key.sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", base64url(&signature))
}

fn header(key: &SigningKey) -> String {
    format!(r#"{{"alg":"{}","kid":"{}"}}"#, key.algorithm(), key.kid())
}

fn signed_algorithms() -> impl Iterator<Item = Algorithm> {
    Algorithm::ALL.into_iter().filter(|algorithm| *algorithm != Algorithm::None)
}

#[test]
fn examples_of_the_rfcs_verify() {
    for (token, key, payload) in [
        (A1, A1_KEY, RFC_PAYLOAD),
        (A2, A2_KEY, RFC_PAYLOAD),
        (A3, A3_KEY, RFC_PAYLOAD),
        (A4, A4_KEY, b"Payload"),
        (RFC_8037, RFC_8037_KEY, b"Example of Ed25519 signing"),
    ] {
        assert_eq!(check(token, &keys(&[key])), Ok(payload.to_vec()), "{key}");
    }
}

#[test]
fn every_algorithm_verifies_what_it_signed_and_nothing_else() {
    for algorithm in signed_algorithms() {
        let key = key(algorithm);
        let keys = keys(&[&public(&key)]);
        let token = token(&key, &header(&key), b"payload");
        assert_eq!(check(&token, &keys), Ok(b"payload".to_vec()), "{algorithm}");
        let others: Vec<Algorithm> = Algorithm::ALL.into_iter().filter(|other| *other != algorithm).collect();
        let refused = verify(&CompactJws::parse(&token).unwrap(), &keys, &others);
        assert_eq!(refused.err(), Some(TokenError::AlgorithmNotAllowed), "{algorithm}");
    }
}

#[test]
fn every_signature_is_accepted_by_another_implementation() {
    use jsonwebtoken::{DecodingKey, crypto, jwk::Jwk};
    for algorithm in signed_algorithms().filter(|algorithm| *algorithm != Algorithm::Es512) {
        let key = key(algorithm);
        let signature = base64url(&key.sign(b"message").unwrap());
        let theirs = if algorithm.is_hmac() {
            DecodingKey::from_secret(&[7; 64])
        } else {
            DecodingKey::from_jwk(&serde_json::from_str::<Jwk>(&public(&key)).unwrap()).unwrap()
        };
        let name = algorithm.name().parse().unwrap();
        assert_eq!(crypto::verify(&signature, b"message", &theirs, name).ok(), Some(true), "{algorithm}");
        assert_eq!(crypto::verify(&signature, b"massage", &theirs, name).ok(), Some(false), "{algorithm}");
    }
}

#[test]
fn every_changed_byte_is_noticed() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Hs256] {
        let key = key(algorithm);
        let keys = keys(&[&public(&key)]);
        let token = token(&key, &header(&key), br#"{"sub":"alice"}"#);
        for position in 0..token.len() {
            for replacement in ['A', 'B', 'Q', '_', '.', '='] {
                let mut changed: Vec<char> = token.chars().collect();
                changed[position] = replacement;
                let changed: String = changed.into_iter().collect();
                assert!(changed == token || check(&changed, &keys).is_err(), "{algorithm} {changed}");
            }
        }
    }
}

#[test]
fn malformed_tokens_are_refused_by_name() {
    let ok = base64url(br#"{"alg":"ES256"}"#);
    let header = |text: &str| format!("{}.e30.AA", base64url(text.as_bytes()));
    for (token, error) in [
        (String::new(), TokenError::NotCompact),
        ("..".to_owned(), TokenError::MalformedHeader),
        (".".repeat(10_000), TokenError::NotCompact),
        (format!("{ok}.e30"), TokenError::NotCompact),
        (format!("{ok}.e30.AA.AA"), TokenError::NotCompact),
        (format!("{ok}.AA.AA.AA.AA"), TokenError::Encrypted),
        (format!("{ok}.e30.AA="), TokenError::NotCompact),
        (format!("{ok}.e30.AB"), TokenError::NotCompact),
        (format!("{ok} .e30.AA"), TokenError::NotCompact),
        ("a".repeat(CompactJws::MAX_LENGTH + 1), TokenError::TooLong),
        (header("[]"), TokenError::MalformedHeader),
        (header("\u{feff}{\"alg\":\"ES256\"}"), TokenError::MalformedHeader),
        (header("{}"), TokenError::MalformedHeader),
        (header(r#"{"alg":["ES256"]}"#), TokenError::MalformedHeader),
        (header(r#"{"alg":"none","alg":"ES256"}"#), TokenError::MalformedHeader),
        (header(r#"{"alg":"none"}"#), TokenError::UnsupportedAlgorithm),
        (header(r#"{"alg":"nOnE"}"#), TokenError::UnsupportedAlgorithm),
        (header(r#"{"alg":"es256"}"#), TokenError::UnsupportedAlgorithm),
        (header(r#"{"alg":"SHA256withRSA"}"#), TokenError::UnsupportedAlgorithm),
        (header(r#"{"alg":"ES256","kid":1}"#), TokenError::MalformedHeader),
        (header(r#"{"alg":"ES256","typ":null}"#), TokenError::MalformedHeader),
        (header(r#"{"alg":"ES256","crit":[]}"#), TokenError::UnsupportedHeader),
        (header(r#"{"alg":"ES256","crit":["exp"]}"#), TokenError::UnsupportedHeader),
        (header(r#"{"alg":"ES256","b64":true}"#), TokenError::UnsupportedHeader),
        (header(r#"{"alg":"ES256","zip":"DEF"}"#), TokenError::UnsupportedHeader),
        (header(r#"{"alg":"dir","enc":"A256GCM"}"#), TokenError::Encrypted),
    ] {
        assert_eq!(CompactJws::parse(&token).err(), Some(error), "{token:.80}");
    }
}

#[test]
fn the_key_is_chosen_by_kid_and_algorithm() {
    let (first, second) = (key(Algorithm::Es256), key(Algorithm::Es256));
    let rsa = key(Algorithm::Rs256);
    let keys = keys(&[&public(&first), &public(&second), &public(&rsa)]);
    let checked = |kid: &str| check(&token(&first, &format!(r#"{{"alg":"ES256","kid":"{kid}"}}"#), b"x"), &keys).err();
    assert_eq!(checked(first.kid()), None);
    assert_eq!(checked(second.kid()), Some(TokenError::BadSignature));
    assert_eq!(checked(rsa.kid()), Some(TokenError::WrongKey));
    assert_eq!(checked("other"), Some(TokenError::UnknownKid));
    assert_eq!(check(&token(&first, r#"{"alg":"ES256"}"#, b"x"), &keys).err(), Some(TokenError::AmbiguousKey));
    assert_eq!(check(&token(&rsa, r#"{"alg":"RS256"}"#, b"x"), &keys), Ok(b"x".to_vec()));
    assert_eq!(check(&token(&rsa, r#"{"alg":"PS256"}"#, b"x"), &keys).err(), Some(TokenError::UnknownKid));
}

#[test]
fn two_keys_of_one_kid_are_not_tried_in_turn() {
    let (first, second) = (key(Algorithm::Es256), key(Algorithm::Es256));
    let renamed = |key: &SigningKey| public(key).replace(key.kid(), "same");
    let token = token(&first, r#"{"alg":"ES256","kid":"same"}"#, b"x");
    assert_eq!(check(&token, &keys(&[&renamed(&first), &renamed(&second)])).err(), Some(TokenError::AmbiguousKey));
    assert_eq!(check(&token, &keys(&[&renamed(&first), &renamed(&first)])), Ok(b"x".to_vec()));
}

#[test]
fn where_an_issuer_publishes_no_kid_the_only_key_counts() {
    let token =
        token(&SigningKey::hmac("a", &[7; 64], Algorithm::Hs256).unwrap(), r#"{"alg":"HS256","kid":"any"}"#, b"x");
    let secret = format!(r#"{{"kty":"oct","k":"{}"}}"#, base64url(&[7; 64]));
    assert_eq!(check(&token, &keys(&[&secret, A3_KEY])), Ok(b"x".to_vec()));
    assert_eq!(check(&token, &keys(&[&secret, A1_KEY])).err(), Some(TokenError::AmbiguousKey));
}

#[test]
fn keys_that_may_not_verify_are_skipped_and_counted() {
    let es256 = A3_KEY.strip_suffix('}').unwrap();
    for members in [
        r#","use":"enc"}"#,
        r#","use":5}"#,
        r#","key_ops":["sign"]}"#,
        r#","alg":"ES384"}"#,
        r#","alg":"ECDH-ES"}"#,
        r#","alg":"RS256"}"#,
        r#","kid":7}"#,
    ] {
        let keys = keys(&[&format!("{es256}{members}")]);
        assert_eq!((keys.len(), keys.skipped(), keys.is_empty()), (0, 1, true), "{members}");
    }
    let usable = keys(&[&format!(r#"{es256},"use":"sig","key_ops":["verify"],"alg":"ES256","kid":"k"}}"#), "5", "{}"]);
    assert_eq!((usable.len(), usable.skipped()), (1, 2));
}

#[test]
fn published_secrets_and_private_keys_are_not_trusted() {
    let private = key(Algorithm::Es256).to_private_jwk(&crate::Object::default()).unwrap();
    let private = String::from_utf8(private.to_vec()).unwrap();
    let jwks = format!(r#"{{"keys":[{A1_KEY},{private},{A3_KEY}]}}"#);
    let keys = VerificationKeys::from_jwks(jwks.as_bytes(), SecretKeys::Refuse).unwrap();
    assert_eq!((keys.len(), keys.skipped()), (1, 2));
    assert_eq!(check(A1, &keys).err(), Some(TokenError::UnknownKid));
}

#[test]
fn a_public_key_is_never_a_secret() {
    let rsa = key(Algorithm::Rs256);
    let jwk = public(&rsa);
    for secret in [jwk.as_bytes(), rsa.kid().as_bytes(), &[0; 64][..]] {
        let padded = [secret, &[0; 64]].concat();
        let forger = SigningKey::hmac(rsa.kid(), &padded, Algorithm::Hs256).unwrap();
        assert_eq!(check(&token(&forger, &header(&forger), b"x"), &keys(&[&jwk])).err(), Some(TokenError::WrongKey));
    }
}

#[test]
fn an_ecdsa_signature_in_der_is_refused() {
    // 0x30, length, then two integers of 32 bytes: what libraries that forget JOSE produce.
    let der = [&[0x30, 0x44, 0x02, 0x20][..], &[1; 32], &[0x02, 0x20], &[1; 32]].concat();
    let signed = A3.rsplit_once('.').unwrap().0;
    for signature in [&der[..], &[0; 64], &[0; 63], &[]] {
        let token = format!("{signed}.{}", base64url(signature));
        assert_eq!(check(&token, &keys(&[A3_KEY])).err(), Some(TokenError::BadSignature));
    }
}

#[test]
fn jwks_beyond_the_bounds_are_refused() {
    let read = |text: &[u8]| VerificationKeys::from_jwks(text, SecretKeys::Refuse).err();
    let long = " ".repeat(VerificationKeys::MAX_BYTES + 1);
    assert_eq!(read(long.as_bytes()), Some(JwksError::TooLong));
    assert_eq!(read(format!(r#"{{"keys":[{}]}}"#, vec!["{}"; 101].join(",")).as_bytes()), Some(JwksError::TooMany));
    assert_eq!(read(br#"{"kty":"EC"}"#), Some(JwksError::NoKeys));
    assert_eq!(read(br#"{"keys":{}}"#), Some(JwksError::NoKeys));
    assert!(matches!(read(b"<html>"), Some(JwksError::Json(_))));
    assert_eq!(read(br#"{"keys":[]}"#), None);
}

#[test]
fn trust_ends_when_the_key_leaves_or_its_algorithm_changes() {
    let rsa = key(Algorithm::Rs256);
    let jwk = public(&rsa);
    let published = keys(&[&jwk]);
    let token = token(&rsa, &header(&rsa), b"x");
    let fingerprint = verify(&CompactJws::parse(&token).unwrap(), &published, &Algorithm::ALL).unwrap().fingerprint;
    assert!(published.trusts(&fingerprint));
    assert!(keys(&[A3_KEY, &jwk]).trusts(&fingerprint));
    assert!(!keys(&[A3_KEY]).trusts(&fingerprint));
    assert!(!keys(&[&jwk.replace("RS256", "PS256")]).trusts(&fingerprint));
}

#[test]
fn tokens_in_the_standard_alphabet_verify_over_the_received_bytes() {
    let key = key(Algorithm::Es256);
    let mut signed = String::new();
    Encoding::Base64.encode_to(header(&key).as_bytes(), &mut signed);
    signed.push('.');
    Encoding::Base64.encode_to(b"\xfb\xff\xfe>>>???", &mut signed);
    let signature = key.sign(signed.as_bytes()).unwrap();
    signed.push('.');
    Encoding::Base64.encode_to(&signature, &mut signed);
    let keys = keys(&[&public(&key)]);
    let verified = verify(&CompactJws::parse_as(&signed, Encoding::Base64).unwrap(), &keys, &Algorithm::ALL);
    assert_eq!(verified.unwrap().payload, b"\xfb\xff\xfe>>>???");
    let misread = CompactJws::parse(&signed).and_then(|jws| verify(&jws, &keys, &Algorithm::ALL));
    assert_eq!(misread.err(), Some(TokenError::NotCompact));
}

#[test]
fn a_whole_token_is_judged_by_signature_and_claims() {
    let key = key(Algorithm::EdDsa);
    let jwks = format!(r#"{{"keys":[{}]}}"#, public(&key));
    let signed = |payload: &[u8]| token(&key, &header(&key), payload);
    let judge = |token: &str, checks: ClaimChecks| {
        let how = TokenVerification { encoding: Encoding::Base64Url, checks, clock_skew: 30 };
        verify_token(jwks.as_bytes(), token, &how, 1000).err()
    };
    let claims = |issuer: Option<&str>, audience: Option<&str>| ClaimChecks::Claims {
        issuer: issuer.map(Into::into),
        audience: audience.map(Into::into),
    };
    let good = signed(br#"{"iss":"me","aud":"you","exp":2000}"#);
    assert_eq!(judge(&good, claims(None, None)), None);
    assert_eq!(judge(&good, claims(Some("me"), Some("you"))), None);
    assert_eq!(judge(&signed(br#"{"exp":2000}"#), claims(None, None)), None);
    assert_eq!(judge(&signed(br#"{"exp":2000}"#), claims(Some("me"), None)), Some(TokenError::UntrustedIssuer.into()));
    assert_eq!(judge(&good, claims(Some("she"), None)), Some(TokenError::UntrustedIssuer.into()));
    assert_eq!(judge(&good, claims(None, Some("they"))), Some(TokenError::WrongAudience.into()));
    assert_eq!(judge(&signed(b"foo"), ClaimChecks::SignatureOnly), None);
    assert_eq!(judge(&signed(b"foo"), claims(None, None)), Some(TokenError::MalformedPayload.into()));
    assert_eq!(judge(&signed(br#"{"iss":"me","exp":999}"#), claims(None, None)), Some(TokenError::Expired.into()));
    assert_eq!(judge(A3, ClaimChecks::SignatureOnly), Some(TokenError::UnknownKid.into()));
}

#[test]
fn every_reason_is_a_stable_code() {
    assert_eq!(TokenError::UnknownKid.reason(), "unknown_kid");
    assert_eq!(TokenError::Expired.reason(), "expired");
    assert_eq!(TokenError::BadSignature.to_string(), "the token's signature is wrong");
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(token in "\\PC{0,200}") {
        let _ = CompactJws::parse(&token);
        let _ = CompactJws::parse_as(&token, Encoding::Base64);
    }

    #[test]
    fn no_three_segments_make_the_verifier_panic(header in prop::collection::vec(any::<u8>(), 0..60), payload in prop::collection::vec(any::<u8>(), 0..60), signature in prop::collection::vec(any::<u8>(), 0..100)) {
        let token = format!("{}.{}.{}", base64url(&header), base64url(&payload), base64url(&signature));
        prop_assert!(check(&token, &keys(&[A3_KEY])).is_err());
    }

    #[test]
    fn no_signature_of_chance_is_accepted(algorithm in prop::sample::select(vec!["RS256", "PS384", "ES256", "ES512", "EdDSA", "HS256"]), signature in prop::collection::vec(any::<u8>(), 0..300)) {
        let header = format!(r#"{{"alg":"{algorithm}"}}"#);
        let token = format!("{}.{}.{}", base64url(header.as_bytes()), base64url(b"{}"), base64url(&signature));
        let keys = keys(&[A1_KEY, A2_KEY, A3_KEY, A4_KEY, RFC_8037_KEY]);
        prop_assert_eq!(check(&token, &keys).err(), Some(TokenError::BadSignature));
    }

    #[test]
    fn no_jwks_makes_the_reader_panic(text in "\\PC{0,300}") {
        let _ = VerificationKeys::from_jwks(text.as_bytes(), SecretKeys::Accept);
        let _ = VerificationKeys::from_jwks(format!(r#"{{"keys":[{{"kty":"EC","crv":"P-256","x":"{text}","y":"AA"}}]}}"#).as_bytes(), SecretKeys::Accept);
    }
}
