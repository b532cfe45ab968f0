//! `countersign keys import`: a key that was made elsewhere becomes a file of the keys directory.

use std::{fs, path::Path, sync::Arc};

use anyhow::{Context as _, bail, ensure};
use claims::{Algorithm, KeyFile, KeyOrigin, KeySet, KeySetEntry, SigningKey};

use super::{
    announcement, change_others,
    store::{KeyStore, Purpose},
    who_may_break, write_new,
};
use crate::{Process, cli::ImportArguments, output};

/// Imports one key.
///
/// # Errors
///
/// When the file holds no usable key, or the directory has it already.
pub(super) fn run(arguments: &ImportArguments, process: &Process) -> anyhow::Result<()> {
    let key = read(arguments)?;
    let store = KeyStore::open(&arguments.place, Purpose::Change, process)?;
    refuse_known(&store, &key)?;
    let algorithm = key.algorithm();
    let has_active = store.set.active(algorithm, store.now).is_some();
    let times = gateway::retirement_times();
    let plan = store.set.plan_import(algorithm, store.now, announcement(&arguments.timing, &store)?, times)?;
    let life = plan.new_key.context("an imported key needs a life")?;
    let file = KeyFile { key: Arc::new(key), life };
    refuse_conflict(&store, &file)?;
    write_new(&store, &file, "imported")?;
    change_others(&store, &plan)?;
    if arguments.timing.now && has_active {
        output::message(&who_may_break(algorithm, store.now));
    }
    Ok(())
}

/// Reads the key, in whichever of the formats: told apart by content.
fn read(arguments: &ImportArguments) -> anyhow::Result<SigningKey> {
    let path = &arguments.file;
    let bytes = read_file(path)?;
    let certificate = arguments.certificate.as_deref().map(read_file).transpose()?;
    let algorithm = arguments.algorithm;
    let key = match bytes.first() {
        Some(0x30) => {
            ensure!(certificate.is_none(), "a PKCS#12 file brings its own certificates: leave --certificate out");
            read_pkcs12(arguments, &bytes, algorithm)?
        }
        Some(b'{') => {
            ensure!(
                certificate.is_none(),
                "a JWK brings its certificates in `x5c`: leave --certificate out, or import PEM"
            );
            SigningKey::from_jwk(&bytes, algorithm)
        }
        Some(_) => SigningKey::from_pem(&bytes, algorithm, certificate.as_deref()),
        None => bail!("`{}` is empty", path.display()),
    };
    key.with_context(|| format!("cannot import `{}`", path.display()))
}

fn read_pkcs12(
    arguments: &ImportArguments,
    bytes: &[u8],
    algorithm: Option<Algorithm>,
) -> anyhow::Result<Result<SigningKey, claims::KeyError>> {
    let password = match &arguments.password_file {
        Some(file) => {
            String::from_utf8(read_file(file)?).with_context(|| format!("`{}` is not UTF-8", file.display()))?
        }
        None => String::new(),
    };
    let password = password.strip_suffix('\n').unwrap_or(&password);
    let password = password.strip_suffix('\r').unwrap_or(password);
    Ok(SigningKey::from_pkcs12(bytes, password, arguments.alias.as_deref(), algorithm))
}

fn read_file(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))
}

fn refuse_known(store: &KeyStore, key: &SigningKey) -> anyhow::Result<()> {
    let known = store.files.iter().find(|file| file.key.kid() == key.kid());
    match known {
        Some(file) => bail!("the key is in {} already, as `{}`", store.directory.display(), file.name()),
        None => Ok(()),
    }
}

/// Refuses a key that would break the set: one key pair for two algorithms.
fn refuse_conflict(store: &KeyStore, file: &KeyFile) -> anyhow::Result<()> {
    let entry =
        |file: &KeyFile| KeySetEntry { key: Arc::clone(&file.key), life: file.life, origin: KeyOrigin::Directory };
    let entries = store.files.iter().chain([file]).map(entry).collect();
    KeySet::new(entries, Vec::new(), store.now).map(|_| ()).context("the key cannot be added")
}
