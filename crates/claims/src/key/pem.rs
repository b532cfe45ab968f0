//! Foreign private keys in PEM (RFC 7468): PKCS#8, PKCS#1 and SEC 1.

use rustls_pki_types::{PrivateKeyDer, pem::PemObject as _};

use super::{KeyError, material::Material};
use crate::algorithm::Algorithm;

/// Reads the first private key of the text; certificates and parameters beside it are passed over.
pub(super) fn read(pem: &[u8], algorithm: Option<Algorithm>) -> Result<(Algorithm, Material), KeyError> {
    if is_encrypted(pem) {
        return Err(KeyError::Encrypted);
    }
    match PrivateKeyDer::from_pem_slice(pem).map_err(|_| KeyError::NoPrivateKey)? {
        PrivateKeyDer::Pkcs8(key) => Material::from_pkcs8(key.secret_pkcs8_der(), algorithm),
        PrivateKeyDer::Pkcs1(key) => Material::from_pkcs1(key.secret_pkcs1_der(), algorithm),
        PrivateKeyDer::Sec1(key) => Material::from_ec_der(key.secret_sec1_der(), algorithm),
        _ => Err(KeyError::NoPrivateKey),
    }
}

/// True for PKCS#8's encrypted form and for OpenSSL's older one.
fn is_encrypted(pem: &[u8]) -> bool {
    let text = String::from_utf8_lossy(pem);
    text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED")
}
