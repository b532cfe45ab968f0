use super::*;
use crate::{Algorithm, KeyError, SigningKey};

const KEY: &[u8] = include_bytes!("../../tests/data/rsa-pkcs8.pem");
const LEAF: &[u8] = include_bytes!("../../tests/data/rsa-certificate.pem");
const ISSUER: &[u8] = include_bytes!("../../tests/data/ca.pem");
const NAMES: &[u8] = include_bytes!("../../tests/data/names.pem");

fn key(certificates: &[u8]) -> Result<SigningKey, KeyError> {
    SigningKey::from_pem(KEY, Some(Algorithm::Rs256), Some(certificates))
}

#[test]
fn thumbprints_are_those_that_java_computes() {
    let key = key(LEAF).unwrap();
    let certificate = key.certificate().unwrap();
    assert_eq!(certificate.x5t(), "beuDM-7IfdF4KH0FMR2dAr81_TQ");
    assert_eq!(certificate.x5t_s256(), "IwKOpsteSlRHP6nPC2cDRwGE0n_8nT2_26Tol6MpqbU");
    assert_eq!(certificate.legacy_x5t(), "NmRlYjgzMzNlZWM4N2RkMTc4Mjg3ZDA1MzExZDlkMDJiZjM1ZmQzNA==");
    assert_eq!(certificate.legacy_kid(), base64url(b"CN=Example CA, O=Example#1677089283"));
}

#[test]
fn issuer_names_are_those_that_java_prints() {
    let printed = [
        "CN=localhost, OU=WSO2, O=WSO2, L=Mountain View, ST=CA, C=US#1677089283",
        "UID=jo, EMAILADDRESS=a@b.c, CN=\"Smith, John\", DC=example, DC=com#348814840900108166005536513005166892613856904750",
        "CN=\"\\\"q\\\" \\\\ <x>;=#\", O=A + OU=B#58172810552760275781046461053687989373520633678",
        "OID.2.5.4.17=94043, OID.2.5.4.13=desc, STREET=st, INITIALS=i, T=t, SURNAME=s, GIVENNAME=g, SERIALNUMBER=12, O=Jürgen 日本, CN=\" lead  two \"#315923994679049672312337302381217277106039424765",
        "OU=\"x,y\", O=\"#hash\", CN=a#9223372036854775808",
        "OID.2.5.4.97=oi, OID.2.5.4.41=nm, OID.2.5.4.65=p, GENERATION=III, DNQ=q, OID.1.3.6.1.4.1.311.60.2.1.3=US, OID.2.5.4.15=Private#651508670719434911432249385886016465778830577107",
        "CN=tab\tx, O=\"two  spaces\"#386531646174499391044406643464245905699646403636",
        "CN=\"apos'n (p) [b] {c} @ ! * | ~ _ : \"#650422834034652520859650206022912726082873473311",
    ];
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(NAMES).map(Result::unwrap).collect();
    assert_eq!(certificates.len(), printed.len());
    for (der, printed) in certificates.iter().zip(printed) {
        let certificate = parse(der).unwrap();
        let text = distinguished_name::java_text(certificate.issuer());
        assert_eq!(format!("{text}#{}", certificate.serial), printed);
    }
}

#[test]
fn the_certificate_of_the_key_comes_first_whatever_the_file_says() {
    let reversed = key(&[ISSUER, LEAF].concat()).unwrap();
    let in_order = key(&[LEAF, ISSUER].concat()).unwrap();
    assert_eq!(reversed.certificate(), in_order.certificate());
    assert_eq!(in_order.certificate().unwrap().as_der().count(), 2);
    assert_eq!(in_order.certificate().unwrap().x5t(), key(LEAF).unwrap().certificate().unwrap().x5t());
}

#[test]
fn a_certificate_of_another_key_is_refused() {
    assert_eq!(key(ISSUER).err(), Some(KeyError::Certificate(CertificateError::OtherKey)));
    assert_eq!(key(b"no certificate").err(), Some(KeyError::Certificate(CertificateError::Missing)));
    assert_eq!(key(&ISSUER.repeat(11)).err(), Some(KeyError::Certificate(CertificateError::TooMany)));
}

#[test]
fn a_certificate_makes_another_fingerprint_but_no_other_kid() {
    let (with, without) = (key(LEAF).unwrap(), SigningKey::from_pem(KEY, None, None).unwrap());
    assert_eq!(with.kid(), without.kid());
    assert_ne!(with.fingerprint(), without.fingerprint());
}
