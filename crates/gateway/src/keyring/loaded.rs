//! All configured keys, read and checked: what `compile` asks and the key ring installs.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use claims::{Algorithm, KeyError, KeyFingerprint, KeyLife, KeyOrigin, KeySet, KeySetEntry, LegacyKids, SigningKey};
use zeroize::Zeroizing;

use super::directory::{missing_first_keys, read_directory};
use crate::{
    compile::secrets::{self, FileReader},
    diagnostic::{Diagnostic, DiagnosticCode, Diagnostics},
    issuer_keys::chain,
    span::Span,
    spec,
};

/// The keys of one configuration.
#[derive(Debug, Default)]
pub struct LoadedKeys {
    set: KeySet,
    secrets: BTreeMap<Box<str>, Secret>,
    lists_legacy_kids: bool,
    /// What `serve` makes keys for at its start.
    first_keys: Vec<Algorithm>,
}

/// One shared secret; its key is for the first algorithm that asks.
struct Secret {
    bytes: Zeroizing<Vec<u8>>,
    key: Mutex<Option<Arc<SigningKey>>>,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl LoadedKeys {
    /// Reads all keys of an operator's file, for the commands on keys: relative to `folder`, with the environment's `variables`.
    pub fn of(
        operator: &spec::Operator,
        (folder, variables): (&Path, &BTreeMap<String, String>),
        now: u64,
        diagnostics: &mut Diagnostics,
    ) -> Self {
        Self::read(operator, FileReader { folder, variables }, now, diagnostics)
    }

    /// Reads the directory, the listed files and the secrets.
    pub(crate) fn read(
        operator: &spec::Operator,
        reader: FileReader<'_>,
        now: u64,
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let keys = &operator.keys;
        let mut entries = Vec::new();
        let mut first_keys = Vec::new();
        match read_directory(&keys.directory.value) {
            Ok(files) => {
                first_keys = missing_first_keys(&files);
                entries.extend(files.into_iter().map(|file| KeySetEntry {
                    key: file.key,
                    life: file.life,
                    origin: KeyOrigin::Directory,
                }));
            }
            Err(error) => diagnostics.error(DiagnosticCode::UnusableKey, &keys.directory.span, chain(&error)),
        }
        for file in &keys.files {
            let read = read_file(file, reader, diagnostics);
            entries.extend(read.map(|key| KeySetEntry {
                key: Arc::new(key),
                life: KeyLife::UNBOUNDED,
                origin: KeyOrigin::Listed,
            }));
        }
        let mut secrets = BTreeMap::new();
        for secret in &keys.hmac {
            if let Some(bytes) = reader.secret(&secret.secret, diagnostics) {
                let entry = Secret { bytes: bytes.into(), key: Mutex::default() };
                if secrets.insert(Box::from(secret.name.value.as_str()), entry).is_some() {
                    let message = format!("two shared secrets are called `{}`", secret.name.value);
                    diagnostics.error(DiagnosticCode::DuplicateName, &secret.name.span, message);
                }
            }
        }
        let lists_legacy_kids = operator.gateway.compatibility.value == spec::Compatibility::Apim;
        let set = KeySet::new(entries, Vec::new(), now).unwrap_or_else(|error| {
            diagnostics.error(DiagnosticCode::UnusableKey, &keys.directory.span, error.to_string());
            KeySet::default()
        });
        Self { set, secrets, lists_legacy_kids, first_keys }
    }

    /// Returns the key pairs.
    pub fn set(&self) -> &KeySet {
        &self.set
    }

    /// True when there is no key yet for an algorithm that `serve` makes one for.
    pub(crate) fn lack_first_ones(&self) -> bool {
        !self.first_keys.is_empty()
    }

    /// True when a key can sign with the algorithm now, or will when `serve` has made the first ones.
    pub fn can_sign(&self, algorithm: Algorithm, now: u64) -> bool {
        self.set.active(algorithm, now).is_some() || self.first_keys.contains(&algorithm)
    }

    /// True when the algorithm's key has a certificate, which the legacy token header needs.
    pub fn has_certificate(&self, algorithm: Algorithm, now: u64) -> bool {
        self.set.active(algorithm, now).is_some_and(|key| key.certificate().is_some())
    }

    /// Returns the key of a shared secret.
    pub fn hmac(&self, name: &str, algorithm: Algorithm) -> Option<Arc<SigningKey>> {
        self.try_hmac(name, algorithm)?.ok()
    }

    /// Checks that a secret may be used with an algorithm.
    ///
    /// # Errors
    ///
    /// Says why not: too short, or already used with another algorithm.
    pub fn check_hmac(&self, name: &str, algorithm: Algorithm) -> Result<(), String> {
        match self.try_hmac(name, algorithm) {
            Some(Ok(key)) if key.algorithm() == algorithm => Ok(()),
            Some(Ok(key)) => {
                Err(format!("secret `{name}` is used with {} already: a secret is for one algorithm", key.algorithm()))
            }
            Some(Err(error)) => Err(error.to_string()),
            None => Err(format!("secret `{name}` could not be read")),
        }
    }

    fn try_hmac(&self, name: &str, algorithm: Algorithm) -> Option<Result<Arc<SigningKey>, KeyError>> {
        let secret = self.secrets.get(name)?;
        let mut key = secret.key.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = &*key {
            return Some(Ok(Arc::clone(key)));
        }
        let made = SigningKey::hmac(name, &secret.bytes, algorithm).map(Arc::new);
        if let Ok(made) = &made {
            *key = Some(Arc::clone(made));
        }
        Some(made)
    }

    /// True while tokens of that key are good.
    pub fn trusts(&self, fingerprint: &KeyFingerprint, now: u64) -> bool {
        self.set.trusts(fingerprint, now) || self.secret_fingerprints().any(|known| known == *fingerprint)
    }

    /// Returns every key whose tokens are good now.
    pub fn published(&self, now: u64) -> impl Iterator<Item = KeyFingerprint> {
        self.set.fingerprints(now).into_iter().chain(self.secret_fingerprints())
    }

    /// Says whether the JWKS names keys by their legacy `kid` too.
    pub fn legacy_kids(&self) -> LegacyKids {
        if self.lists_legacy_kids { LegacyKids::List } else { LegacyKids::Omit }
    }

    /// Lists them: some API's tokens name keys so.
    pub(crate) fn list_legacy_kids(&mut self) {
        self.lists_legacy_kids = true;
    }

    fn secret_fingerprints(&self) -> impl Iterator<Item = KeyFingerprint> {
        let made = self.secrets.values().filter_map(|secret| {
            secret.key.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|key| key.fingerprint())
        });
        made.collect::<Vec<_>>().into_iter()
    }
}

/// Reads a foreign key: PEM, JWK or PKCS#12, told apart by content.
fn read_file(file: &spec::KeyFile, reader: FileReader<'_>, diagnostics: &mut Diagnostics) -> Option<SigningKey> {
    let bytes = Zeroizing::new(secrets::bytes(&file.file, diagnostics)?);
    let algorithm = file.algorithm.as_ref().map(|algorithm| algorithm.value);
    let certificate = file.certificate.as_ref().map(|path| secrets::bytes(path, diagnostics));
    let certificate = match certificate {
        Some(None) => return None,
        Some(Some(pem)) => Some(pem),
        None => None,
    };
    let key = match bytes.first() {
        Some(b'{') => SigningKey::from_jwk(&bytes, algorithm),
        Some(0x30) => {
            let password = file.password.as_ref().and_then(|password| reader.secret(password, diagnostics));
            let password = Zeroizing::new(String::from_utf8(password.unwrap_or_default()).unwrap_or_default());
            SigningKey::from_pkcs12(&bytes, &password, None, algorithm)
        }
        _ => SigningKey::from_pem(&bytes, algorithm, certificate.as_deref()),
    };
    key.map_err(|error| report(&file.file.span, &error, diagnostics)).ok()
}

fn report(span: &Span, error: &KeyError, diagnostics: &mut Diagnostics) {
    diagnostics.push(Diagnostic::error(DiagnosticCode::UnusableKey, span, chain(error)));
}
