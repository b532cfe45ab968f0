//! What backends of other products check: the legacy token header, for one API or for all.

use rcgen::{CertificateParams, DnType, KeyPair};
use serde_json::{Value, json};

use crate::testing::{Folder, OPERATOR, ORDERS, Running, START, assertion, decoded};

/// A gateway whose ES256 key has a certificate.
fn start(operator: &str, api: &str) -> Running {
    let listed = "keys:\n  directory: keys/\n  files: [{ file: key.pem, certificate: certificate.pem }]\n";
    let operator = operator.replace("keys: { directory: keys/ }\n", listed);
    let parameters = "parameters: { signingAlgorithm: ES256, excludedClaims: [scope] }";
    let api = api.replace("policyName: BackendJwt", &format!("policyName: BackendJwt, {parameters}"));
    let folder = Folder::new(&operator, &[&api]);
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "gateway");
    let certificate = params.self_signed(&key).unwrap();
    std::fs::write(folder.directory.path().join("key.pem"), key.serialize_pem()).unwrap();
    std::fs::write(folder.directory.path().join("certificate.pem"), certificate.pem()).unwrap();
    folder.start()
}

/// Returns header and payload of a token for `GET /items/7`, and the `kid`s of the key set.
fn token(gateway: &Running) -> (Value, Value, Vec<Value>) {
    let inbound = gateway.token(&json!({ "aut": "APPLICATION_USER" }));
    let (header, payload) = decoded(&assertion(&gateway.decide("GET /orders/1.0/items/7", &inbound)));
    let jwks: Value = serde_json::from_slice(&gateway.gateway.runtime().keyring.jwks(START).body).unwrap();
    let kids = jwks["keys"].as_array().unwrap().iter().map(|key| key["kid"].clone()).collect();
    (header, payload, kids)
}

#[test]
fn the_key_set_has_the_kid_of_every_legacy_header() {
    let one = start(OPERATOR, &format!("{ORDERS}compatibility: apim\n"));
    let all = start(&OPERATOR.replace("gateway:\n", "gateway:\n  compatibility: apim\n"), ORDERS);
    for gateway in [one, all] {
        let (header, payload, kids) = token(&gateway);
        assert_eq!(header.as_object().unwrap().keys().collect::<Vec<_>>(), ["alg", "kid", "typ", "x5t"], "{header}");
        assert!(kids.contains(&header["kid"]), "{header} {kids:?}");
        assert!(["aud", "nbf", "scope"].iter().all(|absent| payload.get(absent).is_none()), "{payload}");
        assert_eq!((&payload["aut"], payload["exp"].as_u64()), (&json!("APPLICATION_USER"), Some(START + 3600)));
    }
}

#[test]
fn without_a_legacy_header_the_key_set_has_each_key_once() {
    let (header, payload, kids) = token(&start(OPERATOR, ORDERS));
    assert!(kids.contains(&header["kid"]), "{header}");
    assert_eq!(kids.len(), 3, "the two of the first start, and the listed one");
    assert!(payload.get("nbf").is_some(), "{payload}");
}
