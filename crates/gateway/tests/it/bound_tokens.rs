//! Tokens that are bound to a key: only its holder may use them, at every use.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use claims::{Algorithm, RsaSize, SigningKey};
use gateway::{ClientCertificate, Decision};
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

use crate::testing::{Folder, OPERATOR, ORDERS, Running, START, code, connection};

const ITEM: &str = "GET /orders/1.0/items/7";
const URL: &str = "http://api.example.com/orders/1.0/items/7";

fn start() -> Running {
    Folder::new(OPERATOR, &[ORDERS]).start()
}

/// A client with a key of its own.
struct Client(SigningKey);

impl Client {
    fn new() -> Self {
        Self(SigningKey::generate(Algorithm::Es256, RsaSize::default()).unwrap())
    }

    fn token(&self, gateway: &Running) -> String {
        gateway.token(&json!({ "cnf": { "jkt": self.0.kid() } }))
    }

    fn proof(&self, token: &str, changes: &Value) -> String {
        let mut jwk = Vec::new();
        self.0.public_jwk().unwrap().write_to(&mut jwk);
        let mut jwk: Value = serde_json::from_slice(&jwk).unwrap();
        jwk.as_object_mut().unwrap().retain(|name, _| ["kty", "crv", "x", "y"].contains(&name.as_str()));
        let header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": jwk });
        let hash = URL_SAFE_NO_PAD.encode(digest(&SHA256, token.as_bytes()));
        let mut claims = json!({ "jti": uuid(), "htm": "GET", "htu": URL, "iat": START, "ath": hash });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let segment = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", segment(&header), segment(&claims));
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(self.0.sign(message.as_bytes()).unwrap()))
    }
}

fn uuid() -> String {
    URL_SAFE_NO_PAD.encode(SigningKey::generate(Algorithm::EdDsa, RsaSize::default()).unwrap().kid())
}

fn send(gateway: &Running, scheme: &str, token: &str, proofs: &[&str]) -> Decision {
    let authorization = format!("{scheme} {token}");
    let mut fields = vec![("authorization", authorization.as_str())];
    fields.extend(proofs.iter().map(|proof| ("dpop", *proof)));
    gateway.decide_at(0, ITEM, &fields)
}

#[test]
fn a_dpop_token_needs_a_fresh_proof_at_every_use() {
    let (gateway, client) = (start(), Client::new());
    let token = client.token(&gateway);
    for again in 0..3 {
        let proof = client.proof(&token, &json!({}));
        let decision = send(&gateway, "DPoP", &token, &[&proof]);
        assert_eq!(code(&decision), "forwarded", "{again}");
        assert!(!decision.outcome.unwrap().head.parts.headers.contains_key("dpop"));
        assert_eq!(code(&send(&gateway, "DPoP", &token, &[&proof])), "unauthorized", "replayed");
        assert_eq!(code(&send(&gateway, "DPoP", &token, &[])), "unauthorized");
        assert_eq!(code(&send(&gateway, "Bearer", &token, &[&client.proof(&token, &json!({}))])), "unauthorized");
    }
}

#[test]
fn a_proof_for_something_else_is_refused() {
    let (gateway, client) = (start(), Client::new());
    let token = client.token(&gateway);
    let other = gateway.token(&json!({ "cnf": { "jkt": client.0.kid() }, "jti": "2" }));
    let refused = [
        json!({ "htm": "POST" }),
        json!({ "htu": "https://api.example.com/orders/1.0/items/7" }),
        json!({ "htu": "http://other.example.com/orders/1.0/items/7" }),
        json!({ "htu": "http://api.example.com:8080/orders/1.0/items/7" }),
        json!({ "htu": "http://api.example.com@evil.example/orders/1.0/items/7" }),
        json!({ "htu": "http://api.example.com/orders/1.0/items/8" }),
        json!({ "htu": "http://api.example.com/orders/1.0/items" }),
        json!({ "htu": "/orders/1.0/items/7" }),
        json!({ "iat": START - 61 }),
        json!({ "iat": START + 31 }),
        json!({ "ath": null }),
    ];
    for changes in &refused {
        let proof = client.proof(&token, changes);
        assert_eq!(code(&send(&gateway, "DPoP", &token, &[&proof])), "unauthorized", "{changes}");
    }
    assert_eq!(code(&send(&gateway, "DPoP", &token, &[&client.proof(&other, &json!({}))])), "unauthorized");
    assert_eq!(code(&send(&gateway, "DPoP", &token, &[&Client::new().proof(&token, &json!({}))])), "unauthorized");
    let two = [client.proof(&token, &json!({})), client.proof(&token, &json!({}))];
    let authorization = format!("DPoP {token}");
    let joined = two.join(", ");
    assert_eq!(
        code(&gateway.decide_at(0, ITEM, &[("authorization", &authorization), ("dpop", &joined)])),
        "unauthorized"
    );
    for changes in [json!({ "htu": "HTTP://API.example.com:80/orders/1.0/items/7?x#y" }), json!({ "iat": START - 60 })]
    {
        let proof = client.proof(&token, &changes);
        assert_eq!(code(&send(&gateway, "DPoP", &token, &[&proof])), "forwarded", "{changes}");
    }
}

#[test]
fn a_token_that_is_not_bound_is_no_dpop_token() {
    let (gateway, client) = (start(), Client::new());
    let token = gateway.token(&json!({}));
    assert_eq!(code(&send(&gateway, "Bearer", &token, &[])), "forwarded");
    assert_eq!(code(&send(&gateway, "DPoP", &token, &[&client.proof(&token, &json!({}))])), "unauthorized");
}

#[test]
fn a_proof_behind_a_trusted_proxy_is_for_the_address_that_the_client_used() {
    let client = Client::new();
    for (proxies, expected) in [("[192.0.2.0/24]", "forwarded"), ("[10.0.0.0/8]", "unauthorized")] {
        let operator =
            OPERATOR.replace("  clockSkew: 10s\n", &format!("  clockSkew: 10s\n  trustedProxies: {proxies}\n"));
        let gateway = Folder::new(&operator, &[ORDERS]).start();
        let token = client.token(&gateway);
        let proof = client.proof(&token, &json!({ "htu": "https://public.example.com/orders/1.0/items/7" }));
        let authorization = format!("DPoP {token}");
        let fields = [
            ("authorization", authorization.as_str()),
            ("dpop", &proof),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "public.example.com"),
        ];
        assert_eq!(code(&gateway.decide_at(0, ITEM, &fields)), expected, "{proxies}");
    }
}

#[test]
fn the_refusal_says_what_is_wrong_with_the_proof() {
    let (gateway, client) = (start(), Client::new());
    let token = client.token(&gateway);
    let check = |decision: Decision, expected: &str| {
        let rejection = decision.outcome.unwrap_err();
        let offered: Vec<&str> = rejection.headers.iter().map(|(_, value)| value.to_str().unwrap()).collect();
        assert_eq!(offered[0], "Bearer");
        assert!(offered[1].starts_with(expected) && offered[1].contains("algs=\"ES256 "), "{offered:?}");
    };
    check(send(&gateway, "DPoP", &token, &["x"]), r#"DPoP error="invalid_dpop_proof""#);
    check(send(&gateway, "Bearer", &token, &[]), r#"DPoP error="invalid_token""#);
    check(gateway.decide_at(0, ITEM, &[]), "DPoP algs=");
}

#[test]
fn a_certificate_bound_token_needs_its_certificate_at_every_use() {
    let gateway = start();
    let certificate = || {
        let made = CertificateParams::default().self_signed(&KeyPair::generate().unwrap()).unwrap();
        ClientCertificate::new(&[made.der().clone()]).unwrap()
    };
    let (own, other) = (certificate(), certificate());
    let token = gateway.token(&json!({ "cnf": { "x5t#S256": URL_SAFE_NO_PAD.encode(own.thumbprint()) } }));
    let authorization = format!("Bearer {token}");
    let fields = [("authorization", authorization.as_str())];
    let with = |certificate: &ClientCertificate| {
        let connection = connection();
        connection.show(certificate.clone());
        code(&gateway.decide_on(connection, 0, ITEM, &fields))
    };
    for _ in 0..2 {
        assert_eq!(with(&own), "forwarded");
        assert_eq!(with(&other), "unauthorized");
        assert_eq!(code(&gateway.decide_at(0, ITEM, &fields)), "unauthorized");
    }
}

#[test]
fn what_cannot_be_checked_is_refused() {
    let gateway = start();
    for cnf in [json!({}), json!({ "kid": "1" }), json!({ "jkt": "short" }), json!("x"), json!(null)] {
        let mut claims = json!({ "cnf": cnf });
        if cnf.is_null() {
            claims = json!({ "cnf": { "jwk": null } });
        }
        assert_eq!(code(&send(&gateway, "Bearer", &gateway.token(&claims), &[])), "unauthorized", "{claims}");
    }
}
