//! The key that signs access tokens for development: a folder with `key.json` and, for the gateway, `jwks.json`.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use anyhow::Context as _;
use claims::{Algorithm, Json, Object, RsaSize, SigningKey};

/// Opens the folder's key, and makes it on first use, with the JWKS beside it that the gateway's `issuers` may name. Two
/// first users at once get the same key.
///
/// # Errors
///
/// When the folder cannot be written, or its key cannot be read.
pub(crate) fn open_development_key(folder: &Path) -> anyhow::Result<SigningKey> {
    let path = folder.join("key.json");
    if !path.exists() {
        make(folder, &path).with_context(|| format!("cannot make a development key in `{}`", folder.display()))?;
    }
    let text = fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let key = SigningKey::from_jwk(&text, None)
        .with_context(|| format!("`{}` is no development key; remove it to get a new one", path.display()))?;
    let jwks = folder.join("jwks.json");
    let wanted = jwks_of(&key)?;
    if fs::read_to_string(&jwks).ok().as_ref() != Some(&wanted) {
        write_whole(&jwks, wanted.as_bytes()).with_context(|| format!("cannot write `{}`", jwks.display()))?;
    }
    Ok(key)
}

/// Writes a new key, readable by its owner alone, unless another process was faster.
fn make(folder: &Path, path: &Path) -> anyhow::Result<()> {
    let key = SigningKey::generate(Algorithm::Es256, RsaSize::default())?;
    let text = key.to_private_jwk(&Object::default())?;
    fs::create_dir_all(folder)?;
    let temporary = folder.join(format!(".key.{}.new", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(&text)?;
    file.sync_all()?;
    let linked = fs::hard_link(&temporary, path);
    fs::remove_file(&temporary)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn jwks_of(key: &SigningKey) -> anyhow::Result<String> {
    let public = key.public_jwk().context("a development key is a key pair")?;
    let mut jwks = Object::default();
    jwks.insert("keys", Json::Array(vec![Json::Object(public)]));
    Ok(format!("{}\n", Json::Object(jwks)))
}

/// Replaces a file as a whole: a gateway that watches it never reads half of it.
fn write_whole(path: &Path, text: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension(format!("{}.new", std::process::id()));
    fs::write(&temporary, text)?;
    fs::rename(&temporary, path)
}
