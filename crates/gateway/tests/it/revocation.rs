//! Client certificates that have been revoked, by the lists of their authorities.

use gateway::ClientCertificate;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyPair, RevokedCertParams, SerialNumber, date_time_ymd,
};

use crate::{
    certificates::{Authority, ITEM, MANDATORY, with},
    testing::{Folder, OPERATOR, ORDERS, Running, code},
};

const DAY: u64 = 24 * 3600;

/// Returns a certificate with this number.
fn numbered(authority: &Authority, number: u64) -> ClientCertificate {
    authority.sign(|params| {
        params.distinguished_name.push(DnType::CommonName, format!("meter-{number}"));
        params.serial_number = Some(SerialNumber::from(number));
        params.not_after = date_time_ymd(2026, 2, 1);
    })
}

/// Returns the list of an authority, from the first of January until the third: these numbers are revoked.
fn list(issuer: &Issuer<'static, KeyPair>, revoked: &[u64]) -> rcgen::CertificateRevocationList {
    let revoked = revoked.iter().map(|number| RevokedCertParams {
        serial_number: SerialNumber::from(*number),
        revocation_time: date_time_ymd(2025, 12, 31),
        reason_code: None,
        invalidity_date: None,
    });
    let params = CertificateRevocationListParams {
        this_update: date_time_ymd(2025, 12, 31),
        next_update: date_time_ymd(2026, 1, 3),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: revoked.collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    params.signed_by(issuer).unwrap()
}

/// Starts a gateway that trusts the authority, with further fields and files.
fn start(authority: &Authority, fields: &str, files: &[(&str, &[u8])]) -> Running {
    let folder = folder(authority, fields, files);
    folder.start()
}

fn folder(authority: &Authority, fields: &str, files: &[(&str, &[u8])]) -> Folder {
    let sets = format!("clientCertificates: [{{ name: devices, ca: devices.pem{fields} }}]\n");
    let folder = Folder::new(&format!("{OPERATOR}{sets}"), &[&format!("{ORDERS}{MANDATORY}")]);
    for (name, content) in files.iter().chain([&("devices.pem", authority.1.as_bytes())]) {
        std::fs::write(folder.directory.path().join(name), content).unwrap();
    }
    folder
}

fn call(gateway: &Running, certificate: &ClientCertificate, seconds: u64) -> &'static str {
    code(&gateway.decide_on(with(certificate), seconds, ITEM, &[]))
}

#[test]
fn who_is_on_the_list_does_not_get_in() {
    let authority = Authority::new("devices");
    let list = list(&authority.0, &[7, 8]);
    for content in [list.pem().unwrap().into_bytes(), list.der().to_vec()] {
        let gateway = start(&authority, ", crl: devices.crl", &[("devices.crl", &content)]);
        assert_eq!(call(&gateway, &numbered(&authority, 6), 0), "forwarded");
        assert_eq!(call(&gateway, &numbered(&authority, 7), 0), "unauthorized");
        assert_eq!(call(&gateway, &numbered(&authority, 8), 0), "unauthorized");
    }
}

#[test]
fn a_new_list_counts_at_once_also_for_who_is_known() {
    let authority = Authority::new("devices");
    let (before, after) = (list(&authority.0, &[]).pem().unwrap(), list(&authority.0, &[7]).pem().unwrap());
    let gateway = start(&authority, ", crl: devices.crl", &[("devices.crl", before.as_bytes())]);
    let certificate = numbered(&authority, 7);
    assert_eq!(call(&gateway, &certificate, 0), "forwarded");
    std::fs::write(gateway.folder.directory.path().join("devices.crl"), after).unwrap();
    gateway.gateway.apply(&gateway.folder.sources()).unwrap();
    assert_eq!(call(&gateway, &certificate, 0), "unauthorized");
}

#[test]
fn a_list_whose_time_is_over_lets_nobody_in_unless_the_operator_says_so() {
    let authority = Authority::new("devices");
    let list = list(&authority.0, &[7]).pem().unwrap();
    let files: &[(&str, &[u8])] = &[("devices.crl", list.as_bytes())];
    let (good, revoked) = (numbered(&authority, 6), numbered(&authority, 7));
    let gateway = start(&authority, ", crl: devices.crl", files);
    assert_eq!(call(&gateway, &good, 2 * DAY - 1), "forwarded");
    assert_eq!(call(&gateway, &good, 3 * DAY), "unauthorized");
    let gateway = start(&authority, ", crl: devices.crl, crlExpired: allow", files);
    assert_eq!(call(&gateway, &good, 3 * DAY), "forwarded");
    assert_eq!(call(&gateway, &revoked, 3 * DAY), "unauthorized");
}

#[test]
fn a_list_of_somebody_else_says_nothing() {
    let (authority, stranger) = (Authority::new("devices"), Authority::new("others"));
    let namesake = Authority::new("devices");
    let others = list(&stranger.0, &[7]).pem().unwrap();
    let files: &[(&str, &[u8])] = &[("others.crl", others.as_bytes())];
    let (good, listed) = (numbered(&authority, 6), numbered(&authority, 7));
    let gateway = start(&authority, ", crl: others.crl", files);
    assert_eq!((call(&gateway, &good, 0), call(&gateway, &listed, 0)), ("unauthorized", "unauthorized"));
    let gateway = start(&authority, ", crl: others.crl, crlUnknown: allow", files);
    assert_eq!((call(&gateway, &good, 0), call(&gateway, &listed, 0)), ("forwarded", "forwarded"));
    // Forged: in the authority's name, and not by its key.
    let forged = list(&namesake.0, &[]).pem().unwrap();
    for fields in ["", ", crlUnknown: allow"] {
        let fields = format!(", crl: forged.crl{fields}");
        let gateway = start(&authority, &fields, &[("forged.crl", forged.as_bytes())]);
        assert_eq!(call(&gateway, &good, 0), "unauthorized", "{fields}");
    }
}

#[test]
fn an_authority_between_them_can_be_revoked_too() {
    let root = Authority::new("root");
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "between");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.serial_number = Some(SerialNumber::from(40));
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &root.0).unwrap();
    let between = Issuer::new(params, key);
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "meter-6");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.serial_number = Some(SerialNumber::from(6));
    let leaf = params.signed_by(&KeyPair::generate().unwrap(), &between).unwrap();
    let shown = ClientCertificate::new(&[leaf.der().clone(), certificate.der().clone()]).unwrap();

    let own = list(&between, &[]).pem().unwrap();
    for (roots, expected) in [(&[][..], "forwarded"), (&[40][..], "unauthorized")] {
        let roots = list(&root.0, roots).pem().unwrap();
        let files: &[(&str, &[u8])] = &[("root.crl", roots.as_bytes()), ("own.crl", own.as_bytes())];
        let gateway = start(&root, ", crl: [root.crl, own.crl]", files);
        assert_eq!(call(&gateway, &shown, 0), expected);
        let both = format!("{own}{roots}");
        let gateway = start(&root, ", crl: both.crl", &[("both.crl", both.as_bytes())]);
        assert_eq!(call(&gateway, &shown, 0), expected, "in one file");
    }
    let gateway = start(&root, ", crl: own.crl", &[("own.crl", own.as_bytes())]);
    assert_eq!(call(&gateway, &shown, 0), "unauthorized", "nothing is known of the authority");
}

#[test]
fn mistakes_in_lists_are_found() {
    let authority = Authority::new("devices");
    let check = |fields: &str, message: &str| {
        let list = list(&authority.0, &[]).pem().unwrap();
        let broken = "-----BEGIN X509 CRL-----\nMAAAAA==\n-----END X509 CRL-----\n";
        let files: &[(&str, &[u8])] = &[
            ("good.crl", list.as_bytes()),
            ("empty.crl", b"nothing"),
            ("broken.crl", broken.as_bytes()),
            ("0.crl", b"0"),
        ];
        let found = folder(&authority, fields, files).diagnostics().to_string();
        assert!(found.contains(message), "{message} in {found}");
    };
    check(", crl: missing.crl", "cannot read");
    check(", crl: empty.crl", "no certificate revocation list in this file");
    check(", crl: broken.crl", "cannot be read");
    check(", crl: 0.crl", "cannot be read");
    check(", crl: devices.pem", "no certificate revocation list in this file");
    check(", crl: good.crl, crlExpired: maybe", "allow");
    let pinned = "clientCertificates: [{ name: devices, thumbprints: [], crl: good.crl }]\n";
    let folder = Folder::new(&format!("{OPERATOR}{pinned}"), &[ORDERS]);
    let found = folder.diagnostics().to_string();
    assert!(found.contains("`crl` needs `ca`"), "{found}");
}
