use super::*;

fn jwk(text: &str) -> Object {
    Json::parse(text.as_bytes()).unwrap().as_object().unwrap().clone()
}

fn read(text: &str) -> Result<PublicKey, JwkError> {
    PublicKey::from_jwk(&jwk(text))
}

#[test]
fn thumbprint_is_that_of_rfc_7638_section_3_1() {
    let key = read(
        r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#,
    );
    assert_eq!(key.unwrap().thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

#[test]
fn thumbprint_is_that_of_rfc_8037_appendix_a_3() {
    let key = read(r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#);
    assert_eq!(key.unwrap().thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn malformed_keys_are_refused_by_the_member_at_fault() {
    for (text, error) in [
        (r"{}", JwkError::KeyType),
        (r#"{"kty":5}"#, JwkError::KeyType),
        (r#"{"kty":"oct","k":"AAAA"}"#, JwkError::KeyType),
        (r#"{"kty":"EC","crv":"P-224","x":"AA","y":"AA"}"#, JwkError::Curve),
        (r#"{"kty":"EC","crv":"P-256","x":"AQ","y":"AQ"}"#, JwkError::Member("x")),
        (r#"{"kty":"OKP","crv":"X25519","x":"AQ"}"#, JwkError::Curve),
        (r#"{"kty":"OKP","crv":"Ed25519","x":"AQ"}"#, JwkError::Member("x")),
        (r#"{"kty":"RSA","n":"AQAB","e":"AQAB="}"#, JwkError::Member("e")),
        (r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#, JwkError::RsaSize(17)),
        (r#"{"kty":"RSA","n":"","e":"AQAB"}"#, JwkError::Member("n")),
    ] {
        assert_eq!(read(text).err(), Some(error), "{text}");
    }
}

#[test]
fn degenerate_rsa_exponents_are_refused() {
    let modulus = [0xff; 256];
    for exponent in [&[1][..], &[2], &[1, 0, 0], &[1, 0, 0, 0, 0, 1]] {
        assert_eq!(PublicKey::rsa(&modulus, exponent), Err(JwkError::Invalid), "{exponent:?}");
    }
    assert_eq!(PublicKey::rsa(&[0xff; 255], &[1, 0, 1]), Err(JwkError::RsaSize(2040)));
    assert_eq!(PublicKey::rsa(&[0xff; 1025], &[1, 0, 1]), Err(JwkError::RsaSize(8200)));
    assert_eq!(PublicKey::rsa(&[0xfe; 256], &[1, 0, 1]), Err(JwkError::Invalid));
}

#[test]
fn leading_zeros_of_an_rsa_key_do_not_change_it() {
    let padded = [&[0, 0][..], &[0xff; 256]].concat();
    assert_eq!(PublicKey::rsa(&padded, &[0, 1, 0, 1]), PublicKey::rsa(&[0xff; 256], &[1, 0, 1]));
}

#[test]
fn small_order_ed25519_keys_are_refused_with_either_sign() {
    for hex in SMALL_ORDER {
        for sign in [0, 0x80] {
            let digits: Vec<u8> = hex.chars().map(|digit| digit.to_digit(16).unwrap().try_into().unwrap()).collect();
            let mut key: Vec<u8> = digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect();
            key[31] |= sign;
            assert_eq!(PublicKey::ed25519(&key), Err(JwkError::Invalid), "{hex}");
        }
    }
}

#[test]
fn a_point_off_its_curve_is_no_key() {
    let key = PublicKey::ec(Curve::P256, &[&[4][..], &[1; 64]].concat()).unwrap();
    assert_eq!(key.verifier(Algorithm::Es256).err(), Some(JwkError::Invalid));
}

#[test]
fn an_algorithm_of_another_type_has_no_verifier() {
    let key = PublicKey::rsa(&[0xff; 256], &[1, 0, 1]).unwrap();
    for algorithm in Algorithm::ALL {
        let is_rsa = matches!(algorithm.name().get(..2), Some("RS" | "PS"));
        assert_eq!(key.permits(algorithm), is_rsa, "{algorithm}");
        assert_eq!(key.verifier(algorithm).is_ok(), is_rsa, "{algorithm}");
    }
}
