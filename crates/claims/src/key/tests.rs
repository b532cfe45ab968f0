use super::*;
use crate::{certificate::CertificateError, public_key::JwkError};

const RSA_PKCS8: &[u8] = include_bytes!("../../tests/data/rsa-pkcs8.pem");
const RSA_PKCS1: &[u8] = include_bytes!("../../tests/data/rsa-pkcs1.pem");
const RSA_1024: &[u8] = include_bytes!("../../tests/data/rsa-1024.pem");
const P256_SEC1: &[u8] = include_bytes!("../../tests/data/p256-sec1.pem");
const P384_PKCS8: &[u8] = include_bytes!("../../tests/data/p384-pkcs8.pem");
const P521_SEC1: &[u8] = include_bytes!("../../tests/data/p521-sec1.pem");
const ED25519: &[u8] = include_bytes!("../../tests/data/ed25519-pkcs8.pem");
const SECP256K1: &[u8] = include_bytes!("../../tests/data/secp256k1-pkcs8.pem");
const OPENSSL_P12: &[u8] = include_bytes!("../../tests/data/openssl.p12");
const OPENSSL_LEGACY_P12: &[u8] = include_bytes!("../../tests/data/openssl-legacy.p12");
const NO_CERTIFICATE_P12: &[u8] = include_bytes!("../../tests/data/no-certificate.p12");
const KEYTOOL_P12: &[u8] = include_bytes!("../../tests/data/keytool.p12");
const KEYTOOL_LEGACY_P12: &[u8] = include_bytes!("../../tests/data/keytool-legacy.p12");

/// The thumbprint of the RSA key in tests/data, computed elsewhere.
const RSA_KID: &str = "sLmpOAwCn693MGIcS4fC9_6n7UAVGSF-rXXMFTimocY";

fn generated() -> impl Iterator<Item = SigningKey> {
    Algorithm::ALL.into_iter().filter_map(|algorithm| SigningKey::generate(algorithm, RsaSize::default()).ok())
}

fn is_same_key(first: &SigningKey, second: &SigningKey) -> bool {
    first.fingerprint() == second.fingerprint() && first.public_jwk() == second.public_jwk()
}

#[test]
fn every_algorithm_with_a_key_pair_is_generated() {
    let algorithms: Vec<_> = generated().map(|key| key.algorithm()).collect();
    assert_eq!(algorithms, Algorithm::ALL[..10]);
    assert_eq!(
        SigningKey::generate(Algorithm::Hs256, RsaSize::default()).err(),
        Some(KeyError::NotGenerated(Algorithm::Hs256))
    );
    assert_eq!(
        SigningKey::generate(Algorithm::None, RsaSize::default()).err(),
        Some(KeyError::NotGenerated(Algorithm::None))
    );
}

#[test]
fn rsa_size_is_that_of_the_signature() {
    for (bits, length) in [(2048, 256), (3072, 384), (4096, 512)] {
        let key = SigningKey::generate(Algorithm::Rs256, RsaSize::from_bits(bits).unwrap()).unwrap();
        assert_eq!((key.signature_len(), key.sign(b"m").unwrap().len()), (length, length));
    }
    assert_eq!(RsaSize::from_bits(1024), None);
}

#[test]
fn a_generated_key_survives_its_own_jwk() {
    for key in generated() {
        let text = key.to_private_jwk(&Object::default()).unwrap();
        let read = SigningKey::from_jwk(&text, None).unwrap();
        assert!(is_same_key(&key, &read), "{}", key.algorithm());
        assert_eq!(read.algorithm(), key.algorithm());
    }
}

#[test]
fn a_private_jwk_is_read_by_another_implementation() {
    let key = SigningKey::generate(Algorithm::Es256, RsaSize::default()).unwrap();
    let text = key.to_private_jwk(&Object::default()).unwrap();
    let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_slice(&text).unwrap();
    assert_eq!(jwk.common.key_id.as_deref(), Some(key.kid()));
    assert_eq!(jwk.thumbprint(jsonwebtoken::jwk::ThumbprintHash::SHA256).unwrap(), key.kid());
}

#[test]
fn a_public_jwk_has_no_private_member() {
    for key in generated() {
        let jwk = key.public_jwk().unwrap();
        for member in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert_eq!(jwk.get(member), None, "{}", key.algorithm());
        }
        let names: Vec<&str> = jwk.iter().map(|(name, _)| name).collect();
        assert_eq!(names[..4], ["kty", "use", "alg", "kid"]);
    }
}

#[test]
fn pem_of_every_kind_gives_its_key() {
    for (pem, algorithm) in [
        (RSA_PKCS8, Algorithm::Rs256),
        (RSA_PKCS1, Algorithm::Rs256),
        (P256_SEC1, Algorithm::Es256),
        (P384_PKCS8, Algorithm::Es384),
        (P521_SEC1, Algorithm::Es512),
        (ED25519, Algorithm::EdDsa),
    ] {
        let key = SigningKey::from_pem(pem, None, None).unwrap();
        assert_eq!(key.algorithm(), algorithm);
        assert_eq!(key.sign(b"m").unwrap().len(), key.signature_len(), "{algorithm}");
        assert!(SigningKey::from_pem(pem, Some(algorithm), None).is_ok(), "{algorithm}");
    }
}

#[test]
fn one_key_has_one_kid_in_every_file_format() {
    let ps512 = SigningKey::from_pem(RSA_PKCS8, Some(Algorithm::Ps512), None).unwrap();
    assert_eq!(SigningKey::from_pem(RSA_PKCS1, None, None).unwrap().kid(), RSA_KID);
    assert_eq!(ps512.kid(), RSA_KID);
    for file in [OPENSSL_P12, OPENSSL_LEGACY_P12, NO_CERTIFICATE_P12] {
        assert_eq!(SigningKey::from_pkcs12(file, "changeit", None, None).unwrap().kid(), RSA_KID);
    }
}

#[test]
fn a_key_is_refused_for_an_algorithm_of_another_type() {
    for (pem, algorithm, key) in [
        (RSA_PKCS8, Algorithm::Es256, "an RSA key"),
        (RSA_PKCS1, Algorithm::EdDsa, "an RSA key"),
        (P256_SEC1, Algorithm::Es384, "a key for P-256"),
        (P384_PKCS8, Algorithm::Rs256, "a key for P-384"),
        (ED25519, Algorithm::Hs256, "an Ed25519 key"),
    ] {
        let expected = KeyError::WrongAlgorithm { algorithm, key: key.to_owned() };
        assert_eq!(SigningKey::from_pem(pem, Some(algorithm), None).err(), Some(expected));
    }
}

#[test]
fn weak_encrypted_and_foreign_pem_is_refused_by_name() {
    let encrypted = include_bytes!("../../tests/data/rsa-encrypted.pem");
    let old = include_bytes!("../../tests/data/rsa-pkcs1-encrypted.pem");
    let read = |pem| SigningKey::from_pem(pem, None, None).err();
    assert_eq!(read(RSA_1024), Some(KeyError::Unusable(JwkError::RsaSize(1024))));
    assert_eq!(read(encrypted), Some(KeyError::Encrypted));
    assert_eq!(read(old), Some(KeyError::Encrypted));
    assert!(matches!(read(SECP256K1), Some(KeyError::Unsupported(_))));
    assert_eq!(read(include_bytes!("../../tests/data/ca.pem")), Some(KeyError::NoPrivateKey));
    assert_eq!(read(b""), Some(KeyError::NoPrivateKey));
    assert_eq!(read(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), Some(KeyError::Malformed));
}

#[test]
fn pkcs12_of_openssl_brings_the_chain() {
    for file in [OPENSSL_P12, OPENSSL_LEGACY_P12] {
        let key = SigningKey::from_pkcs12(file, "changeit", Some("GATEWAY"), Some(Algorithm::Rs256)).unwrap();
        let certificate = key.certificate().unwrap();
        assert_eq!(certificate.as_der().count(), 2);
        assert_eq!(certificate.x5t(), "beuDM-7IfdF4KH0FMR2dAr81_TQ");
        assert_eq!(key.public_jwk().unwrap().get("x5c").unwrap().as_array().unwrap().len(), 2);
    }
}

#[test]
fn pkcs12_of_keytool_is_read_by_alias() {
    let read = |alias| SigningKey::from_pkcs12(KEYTOOL_P12, "changeit", alias, None);
    assert_eq!(read(Some("gateway")).unwrap().algorithm(), Algorithm::Es256);
    let partner = read(Some("partner")).unwrap();
    assert_eq!(partner.algorithm(), Algorithm::Es384);
    assert_eq!(partner.certificate().unwrap().as_der().count(), 1);
    let aliases = KeyError::Alias(vec!["gateway".to_owned(), "partner".to_owned()]);
    assert_eq!(read(None).err(), Some(aliases.clone()));
    assert_eq!(read(Some("other")).err(), Some(aliases));
    assert!(SigningKey::from_pkcs12(KEYTOOL_LEGACY_P12, "changeit", None, None).unwrap().certificate().is_some());
}

#[test]
fn pkcs12_with_a_wrong_password_is_refused() {
    for file in [OPENSSL_P12, OPENSSL_LEGACY_P12, KEYTOOL_P12, KEYTOOL_LEGACY_P12, &b"junk"[..]] {
        assert_eq!(SigningKey::from_pkcs12(file, "wrong", None, None).err(), Some(KeyError::Pkcs12));
    }
}

#[test]
fn a_certificate_survives_the_jwk() {
    let key = SigningKey::from_pkcs12(OPENSSL_P12, "changeit", None, None).unwrap();
    let text = key.to_private_jwk(&Object::default()).unwrap();
    assert!(is_same_key(&key, &SigningKey::from_jwk(&text, None).unwrap()));
}

#[test]
fn a_jwk_with_a_certificate_of_another_key_is_refused() {
    let key = SigningKey::from_pkcs12(OPENSSL_P12, "changeit", None, None).unwrap();
    let mut more = Object::default();
    more.insert("x5c", key.certificate().unwrap().x5c());
    let other = SigningKey::generate(Algorithm::Es256, RsaSize::default()).unwrap();
    let read = SigningKey::from_jwk(&other.to_private_jwk(&more).unwrap(), None);
    assert_eq!(read.err(), Some(KeyError::Certificate(CertificateError::OtherKey)));
}

#[test]
fn broken_jwks_are_refused_by_name() {
    let ed25519 = r#""kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;
    let d = r#""d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A""#;
    let read = |members: &str| SigningKey::from_jwk(format!("{{{members}}}").as_bytes(), None).err();
    assert_eq!(read(&format!("{ed25519},{d}")), None);
    assert_eq!(read(ed25519), Some(KeyError::Unusable(JwkError::Member("d"))));
    assert_eq!(
        read(&format!("{ed25519},\"d\":\"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2B\"")),
        Some(KeyError::Unusable(JwkError::Member("d")))
    );
    assert_eq!(
        read(&format!("{ed25519},\"d\":\"oWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\"")),
        Some(KeyError::Malformed)
    );
    assert_eq!(read(&format!("{ed25519},{d},\"use\":\"enc\"")), Some(KeyError::Purpose("use")));
    assert_eq!(read(&format!("{ed25519},{d},\"alg\":\"ECDH-ES\"")), Some(KeyError::Purpose("alg")));
    assert!(matches!(read(&format!("{ed25519},{d},\"alg\":\"ES256\"")), Some(KeyError::WrongAlgorithm { .. })));
    assert!(matches!(read(&format!("{ed25519},{d},{d}")), Some(KeyError::Json(_))));
    assert_eq!(read(r#""kty":"oct","k":"AAAA""#), Some(KeyError::Unsupported("oct".to_owned())));
    assert_eq!(SigningKey::from_jwk(b"[]", None).err(), Some(KeyError::NotAnObject));
}

#[test]
fn the_signature_of_rfc_8037_appendix_a_4_is_made() {
    let jwk = br#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let key = SigningKey::from_jwk(jwk, None).unwrap();
    let signature = key.sign(b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc").unwrap();
    assert_eq!(
        crate::algorithm::base64url(&signature),
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    );
}

#[test]
fn a_secret_shorter_than_its_hash_is_refused() {
    for (algorithm, needed) in [(Algorithm::Hs256, 32), (Algorithm::Hs384, 48), (Algorithm::Hs512, 64)] {
        let short = KeyError::ShortSecret { algorithm, needed, bytes: needed - 1 };
        assert_eq!(SigningKey::hmac("a", &vec![7; needed - 1], algorithm).err(), Some(short));
        let key = SigningKey::hmac("a", &vec![7; needed], algorithm).unwrap();
        assert_eq!((key.kid(), key.signature_len()), ("a", needed));
        assert_eq!(
            (key.public_jwk(), key.to_private_jwk(&Object::default()).err()),
            (None, Some(KeyError::NotExportable))
        );
    }
    assert_eq!(SigningKey::hmac("a", &[7; 64], Algorithm::Es256).err(), Some(KeyError::NotHmac(Algorithm::Es256)));
}

#[test]
fn debug_shows_no_private_part() {
    let key = SigningKey::generate(Algorithm::Es256, RsaSize::default()).unwrap();
    assert_eq!(format!("{key:?}"), format!("SigningKey {{ algorithm: Es256, kid: {:?}, .. }}", key.kid()));
}

#[test]
fn the_fingerprint_covers_algorithm_name_and_secret() {
    let key = |name: &str, secret: &[u8], algorithm| SigningKey::hmac(name, secret, algorithm).unwrap().fingerprint();
    let first = key("a", &[7; 64], Algorithm::Hs256);
    assert_eq!(first, key("a", &[7; 64], Algorithm::Hs256));
    assert_ne!(first, key("b", &[7; 64], Algorithm::Hs256));
    assert_ne!(first, key("a", &[8; 64], Algorithm::Hs256));
    assert_ne!(first, key("a", &[7; 64], Algorithm::Hs384));
    let rsa = |algorithm| SigningKey::from_pem(RSA_PKCS8, Some(algorithm), None).unwrap().fingerprint();
    assert_ne!(rsa(Algorithm::Rs256), rsa(Algorithm::Ps256));
}
