//! Keys and certificates in PKCS#12 files (RFC 7292), as keytool and OpenSSL write them.

use p12_keystore::{Pkcs12Archive, PrivateKeyBag};
use zeroize::Zeroizing;

use super::KeyError;

/// A private key as PKCS#8, and every certificate of the file.
pub(super) struct Entry {
    pub(super) key: Zeroizing<Vec<u8>>,
    pub(super) certificates: Vec<Box<[u8]>>,
}

/// Opens the file and takes one key.
pub(super) fn read(pkcs12: &[u8], password: &str, alias: Option<&str>) -> Result<Entry, KeyError> {
    let archive = Pkcs12Archive::from_pkcs12(pkcs12, password).map_err(|_| KeyError::Pkcs12)?;
    let bag = choose(&archive.keys, alias)?;
    let mut certificates: Vec<Box<[u8]>> = Vec::new();
    // The key's own certificate first: it shares the local key id. The caller finds it by the public key in any case.
    let (own, others): (Vec<_>, Vec<_>) = archive.certs.iter().partition(|certificate| {
        let id = bag.local_key_id.as_ref().map(AsRef::as_ref);
        id.is_some() && certificate.local_key_id.as_deref() == id
    });
    let is_other_keys = |bag: &&p12_keystore::CertificateBag| bag.local_key_id.is_some();
    certificates.extend(own.iter().map(|bag| bag.cert.as_der().into()));
    let keep_all = own.is_empty();
    certificates
        .extend(others.iter().filter(|bag| keep_all || !is_other_keys(bag)).map(|bag| bag.cert.as_der().into()));
    Ok(Entry { key: Zeroizing::new(bag.key.as_der().to_vec()), certificates })
}

fn choose<'a>(keys: &'a [PrivateKeyBag], alias: Option<&str>) -> Result<&'a PrivateKeyBag, KeyError> {
    let is_chosen = |bag: &&PrivateKeyBag| match (alias, &bag.friendly_name) {
        (Some(alias), Some(name)) => name.eq_ignore_ascii_case(alias),
        (Some(_), None) => false,
        (None, _) => true,
    };
    let mut chosen = keys.iter().filter(is_chosen);
    match (chosen.next(), chosen.next()) {
        (Some(bag), None) => Ok(bag),
        (None, _) if keys.is_empty() => Err(KeyError::NoPrivateKey),
        (None | Some(_), _) => Err(KeyError::Alias(keys.iter().filter_map(|bag| bag.friendly_name.clone()).collect())),
    }
}
