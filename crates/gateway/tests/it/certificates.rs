//! Client certificates: whom an API trusts, and who the holder is.

use gateway::{ClientCertificate, Connection};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType, date_time_ymd,
};
use serde_json::{Value, json};

use crate::testing::{Folder, OPERATOR, ORDERS, Running, assertion, code, connection, decoded};

pub(crate) const ITEM: &str = "GET /orders/1.0/items/7";
pub(crate) const MANDATORY: &str = "authentication: [{ authType: OAuth2, enabled: false }, { authType: mTLS }]\n";
const BESIDE_TOKEN: &str = "authentication: [{ authType: OAuth2 }, { authType: mTLS }]\n";
const EITHER: &str =
    "authentication: [{ authType: OAuth2, required: optional }, { authType: mTLS, required: optional }]\n";
const ALTERNATIVE: &str = "authentication: [{ authType: OAuth2 }, { authType: mTLS, required: alternative }]\n";
const SETS: &str = "clientCertificates: [{ name: devices, ca: devices.pem }]\n";

/// An authority and the certificates that it signs.
pub(crate) struct Authority(pub(crate) Issuer<'static, KeyPair>, pub(crate) String);

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self(Issuer::new(params, key), pem)
    }

    pub(crate) fn sign(&self, change: impl FnOnce(&mut CertificateParams)) -> ClientCertificate {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.not_after = date_time_ymd(2026, 1, 2);
        change(&mut params);
        let certificate = params.signed_by(&KeyPair::generate().unwrap(), &self.0).unwrap();
        ClientCertificate::new(&[certificate.der().clone()]).unwrap()
    }

    fn named(&self, name: &str) -> ClientCertificate {
        self.sign(|params| params.distinguished_name.push(DnType::CommonName, name))
    }
}

pub(crate) fn with(certificate: &ClientCertificate) -> Connection {
    let connection = connection();
    connection.show(certificate.clone());
    connection
}

fn start(authority: &Authority, sets: &str, authentication: &str) -> Running {
    let applications = "applications: [{ name: Meter, clientIds: [meter-7], tier: Gold }]\n";
    let folder = Folder::new(&format!("{OPERATOR}{sets}{applications}"), &[&format!("{ORDERS}{authentication}")]);
    std::fs::write(folder.directory.path().join("devices.pem"), &authority.1).unwrap();
    folder.start()
}

fn call(gateway: &Running, certificate: &ClientCertificate, seconds: u64) -> &'static str {
    code(&gateway.decide_on(with(certificate), seconds, ITEM, &[]))
}

fn payload(gateway: &Running, certificate: &ClientCertificate, fields: &[(&str, &str)]) -> Value {
    decoded(&assertion(&gateway.decide_on(with(certificate), 0, ITEM, fields))).1
}

#[test]
fn a_certificate_names_a_client_application() {
    let authority = Authority::new("devices");
    let gateway = start(&authority, SETS, MANDATORY);
    let payload = payload(&gateway, &authority.named("meter-7"), &[]);
    assert_eq!(payload["sub"], "meter-7");
    assert_eq!(payload["http://wso2.org/claims/usertype"], "APPLICATION");
    assert_eq!(payload["http://wso2.org/claims/applicationname"], "Meter");
}

#[test]
fn a_users_certificate_gives_what_the_users_token_gives() {
    let authority = Authority::new("staff");
    let mail = "alice@example.com".try_into().unwrap();
    let certificates = [
        ("commonName", authority.named("alice")),
        ("email", authority.sign(|params| params.subject_alt_names = vec![SanType::Rfc822Name(mail)])),
    ];
    for (identity, certificate) in certificates {
        let sets =
            format!("clientCertificates: [{{ name: staff, ca: devices.pem, identity: {identity}, issuer: corp }}]\n");
        let gateway = start(&authority, &sets, EITHER);
        if identity == "email" {
            // No user of the store is called by an address.
            assert_eq!(call(&gateway, &certificate, 0), "unknown_user");
            continue;
        }
        let by_certificate = payload(&gateway, &certificate, &[]);
        let token = format!("Bearer {}", gateway.token(&json!({})));
        let by_token = decoded(&assertion(&gateway.decide_at(0, ITEM, &[("authorization", &token)]))).1;
        for claim in ["sub", "http://wso2.org/claims/enduser", "http://wso2.org/claims/emailaddress"] {
            assert!(by_token.get(claim).is_some(), "{claim} in {by_token}");
            assert_eq!(by_certificate.get(claim), by_token.get(claim), "{claim}");
        }
    }
}

#[test]
fn what_is_not_trusted_is_refused() {
    let (authority, stranger) = (Authority::new("devices"), Authority::new("devices"));
    let gateway = start(&authority, SETS, MANDATORY);
    let refused = [
        stranger.named("meter-7"),
        authority.sign(|_| {}),
        authority.named("a\nb"),
        authority.sign(|params| {
            params.distinguished_name.push(DnType::CommonName, "meter-7");
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        }),
        authority.sign(|params| {
            params.distinguished_name.push(DnType::CommonName, "meter-7");
            params.not_after = date_time_ymd(2025, 12, 31);
        }),
        authority.sign(|params| {
            params.distinguished_name.push(DnType::CommonName, "meter-7");
            params.not_before = date_time_ymd(2026, 1, 2);
            params.not_after = date_time_ymd(2027, 1, 2);
        }),
    ];
    for (number, certificate) in refused.iter().enumerate() {
        assert_eq!(call(&gateway, certificate, 0), "unauthorized", "{number}");
    }
    assert_eq!(code(&gateway.decide_at(0, ITEM, &[])), "unauthorized");
    let posing = [("x-forwarded-client-cert", "Subject=\"CN=meter-7\""), ("client-cert", ":AAAA:")];
    assert_eq!(code(&gateway.decide_at(0, ITEM, &posing)), "unauthorized");
    assert_eq!(call(&gateway, &authority.named("meter-7"), 0), "forwarded");
}

#[test]
fn a_known_certificate_ends_when_it_expires_and_so_does_what_is_made_of_it() {
    let authority = Authority::new("devices");
    let (gateway, certificate) = (start(&authority, SETS, MANDATORY), authority.named("meter-7"));
    let day = 24 * 3600;
    let late = gateway.decide_on(with(&certificate), day - 60, ITEM, &[]);
    assert_eq!(decoded(&assertion(&late)).1["exp"], crate::testing::START + day + 1);
    assert_eq!(call(&gateway, &certificate, day + 1), "unauthorized");
}

#[test]
fn a_mandatory_certificate_comes_in_addition_to_the_token() {
    let authority = Authority::new("devices");
    let (gateway, certificate) = (start(&authority, SETS, BESIDE_TOKEN), authority.named("meter-7"));
    let token = format!("Bearer {}", gateway.token(&json!({})));
    let fields = [("authorization", token.as_str())];
    assert_eq!(code(&gateway.decide_at(0, ITEM, &fields)), "unauthorized");
    assert_eq!(call(&gateway, &certificate, 0), "unauthorized");
    assert_eq!(payload(&gateway, &certificate, &fields)["sub"], "alice");
}

#[test]
fn an_optional_certificate_counts_where_nothing_else_is_sent() {
    let (authority, stranger) = (Authority::new("devices"), Authority::new("devices"));
    let (gateway, certificate) = (start(&authority, SETS, EITHER), authority.named("meter-7"));
    let token = format!("Bearer {}", gateway.token(&json!({})));
    let fields = [("authorization", token.as_str())];
    assert_eq!(payload(&gateway, &certificate, &[])["sub"], "meter-7");
    assert_eq!(payload(&gateway, &certificate, &fields)["sub"], "alice");
    assert_eq!(payload(&gateway, &stranger.named("meter-7"), &fields)["sub"], "alice");
    assert_eq!(call(&gateway, &stranger.named("meter-7"), 0), "unauthorized");
    let bad = gateway.decide_on(with(&certificate), 0, ITEM, &[("authorization", "Bearer bad")]);
    assert_eq!(code(&bad), "unauthorized");
    let anonymous = gateway.decide_at(0, ITEM, &[]);
    assert!(!anonymous.outcome.unwrap().head.parts.headers.contains_key("x-jwt-assertion"));
}

#[test]
fn a_token_or_a_certificate_but_one_of_them() {
    let (authority, stranger) = (Authority::new("devices"), Authority::new("devices"));
    for optional in [false, true] {
        let authentication =
            if optional { ALTERNATIVE.replace("OAuth2", "OAuth2, required: optional") } else { ALTERNATIVE.to_owned() };
        let (gateway, certificate) = (start(&authority, SETS, &authentication), authority.named("meter-7"));
        let token = format!("Bearer {}", gateway.token(&json!({})));
        let fields = [("authorization", token.as_str())];
        assert_eq!(payload(&gateway, &certificate, &[])["sub"], "meter-7");
        assert_eq!(payload(&gateway, &certificate, &fields)["sub"], "alice");
        assert_eq!(payload(&gateway, &stranger.named("meter-7"), &fields)["sub"], "alice");
        assert_eq!(decoded(&assertion(&gateway.decide_at(0, ITEM, &fields))).1["sub"], "alice");
        assert_eq!(call(&gateway, &stranger.named("meter-7"), 0), "unauthorized");
        let bad = gateway.decide_on(with(&certificate), 0, ITEM, &[("authorization", "Bearer bad")]);
        assert_eq!(code(&bad), "unauthorized");
        let refused = gateway.decide_at(0, ITEM, &[]).outcome.unwrap_err();
        let offered: Vec<&str> = refused.headers.iter().map(|(_, value)| value.to_str().unwrap()).collect();
        assert_eq!((refused.code.text(), offered.last()), ("unauthorized", Some(&"ClientCertificate")));
    }
}

#[test]
fn each_api_trusts_for_itself() {
    let (devices, partners) = (Authority::new("devices"), Authority::new("partners"));
    let sets = "clientCertificates: [{ name: devices, ca: devices.pem }, { name: partners, ca: partners.pem }]\n";
    let api = |name: &str| {
        let chosen = MANDATORY.replace("mTLS }", &format!("mTLS, certificates: [{{ name: {name}, key: tls.crt }}] }}"));
        format!("{ORDERS}{chosen}").replace("orders", name)
    };
    let folder = Folder::new(&format!("{OPERATOR}{sets}"), &[&api("devices"), &api("partners")]);
    std::fs::write(folder.directory.path().join("devices.pem"), &devices.1).unwrap();
    std::fs::write(folder.directory.path().join("partners.pem"), &partners.1).unwrap();
    let gateway = folder.start();
    for (authority, at_devices, at_partners) in
        [(&devices, "forwarded", "unauthorized"), (&partners, "unauthorized", "forwarded")]
    {
        let certificate = authority.named("somebody");
        let call = |path: &str| code(&gateway.decide_on(with(&certificate), 0, path, &[]));
        assert_eq!(call("GET /devices/1.0/items/7"), at_devices);
        assert_eq!(call("GET /partners/1.0/items/7"), at_partners);
    }
}

#[test]
fn a_pinned_certificate_needs_no_authority_and_a_removed_pin_counts_at_once() {
    let stranger = Authority::new("whoever");
    let (pinned, other) = (stranger.named("meter-7"), stranger.named("meter-7"));
    let pin = pinned.thumbprint().map(|byte| format!("{byte:02X}")).join(":");
    let sets = format!("clientCertificates: [{{ name: pins, thumbprints: ['{pin}'], identity: thumbprint }}]\n");
    let mut gateway = start(&stranger, &sets, MANDATORY);
    let digits = pinned.thumbprint().map(|byte| format!("{byte:02x}")).concat();
    assert_eq!(payload(&gateway, &pinned, &[])["sub"], digits);
    assert_eq!(call(&gateway, &other, 0), "unauthorized");
    assert_eq!(call(&gateway, &pinned, 2 * 24 * 3600), "unauthorized");
    gateway.folder.operator = gateway.folder.operator.replace(&pin, &"00".repeat(32));
    gateway.gateway.apply(&gateway.folder.sources()).unwrap();
    assert_eq!(call(&gateway, &pinned, 0), "unauthorized");
}

#[test]
fn a_whole_subject_is_told_apart_from_one_that_looks_like_it() {
    let authority = Authority::new("devices");
    let sets = "clientCertificates: [{ name: devices, ca: devices.pem, identity: subject }]\n";
    let gateway = start(&authority, sets, MANDATORY);
    let honest = authority.sign(|params| {
        params.distinguished_name.push(DnType::OrganizationName, "x");
        params.distinguished_name.push(DnType::CommonName, "alice");
    });
    assert_eq!(payload(&gateway, &honest, &[])["sub"], "CN=alice,O=x");
    assert_eq!(payload(&gateway, &authority.named("alice,O=x"), &[])["sub"], "CN=alice\\,O=x");
}

#[test]
fn mistakes_in_certificates_are_found() {
    let check = |sets: &str, authentication: &str, message: &str| {
        let folder = Folder::new(&format!("{OPERATOR}{sets}"), &[&format!("{ORDERS}{authentication}")]);
        std::fs::write(folder.directory.path().join("devices.pem"), Authority::new("a").1).unwrap();
        std::fs::write(folder.directory.path().join("empty.pem"), "nothing").unwrap();
        let found = folder.diagnostics().to_string();
        assert!(found.contains(message), "{message} in {found}");
    };
    check("", MANDATORY, "no client certificate is trusted here");
    check(SETS, MANDATORY, "no listener asks clients for a certificate");
    check(SETS, &MANDATORY.replace("mTLS", "mTLS, certificates: [{ name: x }]"), "none of the operator's");
    check("clientCertificates: [{ name: a }]\n", "", "neither `ca` nor `thumbprints`");
    check("clientCertificates: [{ name: a, ca: empty.pem }]\n", "", "no certificate in this file");
    check("clientCertificates: [{ name: a, ca: missing.pem }]\n", "", "cannot read");
    check("clientCertificates: [{ name: a, thumbprints: [abc] }]\n", "", "64 hexadecimal digits");
    check("clientCertificates: [{ name: a, ca: devices.pem, issuer: b }]\n", "", "there is no issuer `b`");
}
