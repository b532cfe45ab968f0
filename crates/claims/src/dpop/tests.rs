use super::*;
use crate::{
    algorithm::base64url,
    key::{RsaSize, SigningKey},
};

const NOW: u64 = 1_800_000_000;
const TOKEN: &[u8] = b"Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";

fn jwk(key: &SigningKey) -> Object {
    key.public_jwk().unwrap()
}

fn claims() -> Object {
    let Ok(Json::Object(mut claims)) = Json::parse(
        br#"{"jti":"e1j3V_bKic8-LAEB","htm":"GET","htu":"https://api.example.com/orders","iat":1800000000}"#,
    ) else {
        panic!()
    };
    claims.insert("ath", Json::string(base64url(digest(&SHA256, TOKEN).as_ref())));
    claims
}

fn proof(key: &SigningKey, typ: &str, jwk: Object, claims: &Object) -> String {
    let mut header = Object::default();
    header.insert("typ", Json::string(typ));
    header.insert("alg", Json::string(key.algorithm().name()));
    header.insert("jwk", Json::Object(jwk));
    let segment = |object: &Object| {
        let mut text = Vec::new();
        object.write_to(&mut text);
        base64url(&text)
    };
    let message = format!("{}.{}", segment(&header), segment(claims));
    let signature = key.sign(message.as_bytes()).unwrap();
    format!("{message}.{}", base64url(&signature))
}

fn verify(proof: &str) -> Result<DpopProof, DpopError> {
    DpopProof::verify(proof, ProvedRequest { method: "GET", access_token: TOKEN, now: NOW })
}

fn check(change: impl FnOnce(&mut Object), expected: DpopError) {
    let key = SigningKey::generate(Algorithm::Es256, RsaSize::default()).unwrap();
    let mut claims = claims();
    change(&mut claims);
    assert_eq!(verify(&proof(&key, "dpop+jwt", jwk(&key), &claims)), Err(expected));
}

#[test]
fn a_proof_names_its_key_address_and_id() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Ps256, Algorithm::Es512] {
        let key = SigningKey::generate(algorithm, RsaSize::default()).unwrap();
        let verified = verify(&proof(&key, "dpop+jwt", jwk(&key), &claims())).unwrap();
        assert_eq!(base64url(&verified.key), key.kid());
        assert_eq!((&*verified.url, &*verified.id), ("https://api.example.com/orders", "e1j3V_bKic8-LAEB"));
    }
}

#[test]
fn a_nonce_is_text_or_not_there() {
    let key = SigningKey::generate(Algorithm::Es256, RsaSize::default()).unwrap();
    let mut claims = claims();
    assert_eq!(verify(&proof(&key, "dpop+jwt", jwk(&key), &claims)).unwrap().nonce, None);
    claims.insert("nonce", Json::string("eyJ7S_zG"));
    assert_eq!(verify(&proof(&key, "dpop+jwt", jwk(&key), &claims)).unwrap().nonce.as_deref(), Some("eyJ7S_zG"));
    check(|claims| claims.insert("nonce", Json::Null), DpopError::Malformed);
}

/// RFC 9449 §7.1, the example: its signature, key thumbprint and token hash are the authors'.
#[test]
fn the_example_of_the_rfc_is_verified() {
    let proof = concat!(
        "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6Ik",
        "VDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCR",
        "nMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JE",
        "QSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIj",
        "oiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0Z",
        "WRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNF",
        "c05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71E",
        "OptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA",
    );
    let request = ProvedRequest { method: "GET", access_token: TOKEN, now: 1_562_262_620 };
    let verified = DpopProof::verify(proof, request).unwrap();
    assert_eq!(base64url(&verified.key), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    assert_eq!(&*verified.url, "https://resource.example.org/protectedresource");
}

/// Checks a proof in which one claim has another value; `None` takes it out.
fn check_with(name: &'static str, value: Option<Json>, expected: DpopError) {
    let change = |claims: &mut Object| match value {
        Some(value) => {
            claims.insert(name, value);
        }
        None => {
            claims.remove(name);
        }
    };
    check(change, expected);
}

#[test]
fn a_proof_for_something_else_is_refused() {
    let text = |text: &str| Some(Json::string(text));
    check_with("htm", text("POST"), DpopError::WrongMethod);
    check_with("htm", text("get"), DpopError::WrongMethod);
    check_with("ath", text(&"A".repeat(43)), DpopError::WrongToken);
    check_with("ath", None, DpopError::WrongToken);
    check_with("iat", Some((NOW - 61).into()), DpopError::WrongTime);
    check_with("iat", Some((NOW + 31).into()), DpopError::WrongTime);
    check_with("iat", text("now"), DpopError::Malformed);
    check_with("jti", text(""), DpopError::Malformed);
    check_with("jti", text(&"x".repeat(513)), DpopError::Malformed);
    for name in ["jti", "htm", "htu", "iat"] {
        check_with(name, None, DpopError::Malformed);
    }
}

#[test]
fn a_proof_is_signed_by_the_public_key_that_it_carries() {
    let (key, other) = (
        SigningKey::generate(Algorithm::Es256, RsaSize::default()).unwrap(),
        SigningKey::generate(Algorithm::Es256, RsaSize::default()).unwrap(),
    );
    assert_eq!(verify(&proof(&key, "dpop+jwt", jwk(&other), &claims())), Err(DpopError::Signature));
    assert_eq!(verify(&proof(&key, "jwt", jwk(&key), &claims())), Err(DpopError::WrongType));
    let mut private = jwk(&key);
    private.insert("d", Json::string("AAAA"));
    assert_eq!(verify(&proof(&key, "dpop+jwt", private, &claims())), Err(DpopError::Signature));
    let Ok(Json::Object(secret)) = Json::parse(br#"{"kty":"oct","k":"AAAA"}"#) else { panic!() };
    assert_eq!(verify(&proof(&key, "dpop+jwt", secret, &claims())), Err(DpopError::Signature));
    assert_eq!(verify(&proof(&key, "dpop+jwt", Object::default(), &claims())), Err(DpopError::Signature));
    for text in ["", "a.b.c", "..", "not a proof"] {
        assert_eq!(verify(text), Err(DpopError::Malformed), "{text}");
    }
}
