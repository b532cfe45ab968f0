//! Our own key files: one private JWK (RFC 7517) per file, `<kid>.json`, with the times of the key's life beside it.
//!
//! The state is not written: it follows from the times, and a written one would be false a day later.

use std::sync::Arc;

use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use zeroize::Zeroizing;

use super::KeyLife;
use crate::{
    json::{Json, JsonError, Object},
    key::{KeyError, SigningKey},
};

/// Why a key file cannot be read. The operator must act.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFileError {
    /// Not acceptable JSON.
    #[error("the key file is not valid JSON")]
    Json(#[from] JsonError),
    /// The key in it is not usable.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The `kid` is not that of the key.
    #[error("the key file's `kid` is not its key's thumbprint `{0}`")]
    OtherKid(Box<str>),
    /// No `alg`: a key file says what its key is for.
    #[error("the key file has no `alg`")]
    NoAlgorithm,
    /// A time is missing, not RFC 3339, or out of order.
    #[error("the key file's `{0}` is missing, not an RFC 3339 time, or out of order")]
    Time(&'static str),
}

/// A key file: the key and its life.
#[derive(Clone, Debug)]
pub struct KeyFile {
    /// The key.
    pub key: Arc<SigningKey>,
    /// Its life.
    pub life: KeyLife,
}

impl KeyFile {
    /// Reads a key file.
    ///
    /// # Errors
    ///
    /// [`KeyFileError`].
    pub fn parse(text: &[u8]) -> Result<Self, KeyFileError> {
        let json = Json::parse(text)?;
        let jwk = json.as_object().ok_or(KeyError::NotAnObject)?;
        if jwk.get("alg").is_none() {
            return Err(KeyFileError::NoAlgorithm);
        }
        let key = SigningKey::from_jwk_object(jwk, None)?;
        if jwk.get("kid").and_then(Json::as_str) != Some(key.kid()) {
            return Err(KeyFileError::OtherKid(key.kid().into()));
        }
        Ok(Self { key: Arc::new(key), life: life(jwk)? })
    }

    /// Returns the file's name, `<kid>.json`: safe in every file system.
    pub fn name(&self) -> String {
        format!("{}.json", self.key.kid())
    }

    /// Returns the file's text, which is wiped when dropped.
    ///
    /// # Errors
    ///
    /// [`KeyError::NotExportable`] for a shared secret.
    pub fn to_text(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let mut more = Object::default();
        let times = [
            ("announced_at", Some(self.life.announced_at())),
            ("activates_at", Some(self.life.activates_at())),
            ("retires_at", self.life.retires_at()),
            ("gone_at", self.life.gone_at()),
            ("revoked_at", self.life.revoked_at()),
        ];
        for (name, time) in times {
            if let Some(time) = time {
                more.insert(name, Json::string(text_of(time)));
            }
        }
        self.key.to_private_jwk(&more)
    }
}

fn life(jwk: &Object) -> Result<KeyLife, KeyFileError> {
    let announced_at = time(jwk, "announced_at")?.ok_or(KeyFileError::Time("announced_at"))?;
    let activates_at = time(jwk, "activates_at")?.ok_or(KeyFileError::Time("activates_at"))?;
    if activates_at < announced_at {
        return Err(KeyFileError::Time("activates_at"));
    }
    let mut life = KeyLife::announced(announced_at, activates_at);
    match (time(jwk, "retires_at")?, time(jwk, "gone_at")?) {
        (Some(at), _) if at < activates_at => return Err(KeyFileError::Time("retires_at")),
        (Some(at), Some(gone_at)) if gone_at >= at => life = life.retired(at, gone_at),
        (None, None) => {}
        (Some(_) | None, _) => return Err(KeyFileError::Time("gone_at")),
    }
    Ok(time(jwk, "revoked_at")?.map_or(life, |at| life.revoked(at)))
}

fn time(jwk: &Object, name: &'static str) -> Result<Option<u64>, KeyFileError> {
    let Some(value) = jwk.get(name) else { return Ok(None) };
    let time = value.as_str().and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
    let seconds = time.and_then(|time| u64::try_from(time.unix_timestamp()).ok());
    seconds.map(Some).ok_or(KeyFileError::Time(name))
}

/// Writes a time; one beyond the calendar becomes its last second.
fn text_of(seconds: u64) -> String {
    const LAST: &str = "9999-12-31T23:59:59Z";
    let time = i64::try_from(seconds).ok().and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    time.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_else(|| LAST.to_owned())
}
