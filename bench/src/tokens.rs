//! Access tokens for any number of users, by an identity provider of the harness's own.

use std::{
    fmt::Write,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use claims::{Algorithm, RsaSize, SigningKey};
use serde_json::{Value, json};

/// The `iss` of all tokens.
pub(crate) const ISSUER: &str = "https://idp.example.com";

/// An identity provider: one key.
#[derive(Debug)]
pub(crate) struct Provider {
    key: SigningKey,
    since: u64,
}

impl Provider {
    /// Makes one that signs with a new key.
    ///
    /// # Errors
    ///
    /// When the key cannot be made.
    pub(crate) fn new(algorithm: Algorithm) -> Result<Self> {
        Ok(Self { key: SigningKey::generate(algorithm, RsaSize::default())?, since: now()? })
    }

    /// Returns its public keys.
    ///
    /// # Errors
    ///
    /// When the key is not one of a pair.
    pub(crate) fn jwks(&self) -> Result<String> {
        let jwk = self.key.public_jwk().context("this key has no public part")?;
        let mut jwks = b"{\"keys\":[".to_vec();
        jwk.write_to(&mut jwks);
        jwks.extend_from_slice(b"]}");
        Ok(String::from_utf8(jwks)?)
    }

    /// Returns an access token of a usual size, valid for a day.
    ///
    /// # Errors
    ///
    /// When the key does not sign.
    pub(crate) fn token(&self, user: &str) -> Result<String> {
        let claims = json!({
            "iss": ISSUER, "sub": user, "aud": "gateway", "azp": "web", "scope": "orders:read",
            "iat": self.since, "exp": self.since + 86_400, "jti": "0d5f1f0e-5f6b-4d3c-9a3e-6e2c5f1a7b42",
            "auth_time": self.since, "acr": "urn:example:silver",
        });
        self.sign("at+jwt", &claims)
    }

    /// Returns a compact JWS (RFC 7515) of that `typ`.
    ///
    /// # Errors
    ///
    /// When the key does not sign.
    pub(crate) fn sign(&self, typ: &str, claims: &Value) -> Result<String> {
        let header = json!({ "alg": self.key.algorithm().to_string(), "typ": typ, "kid": self.key.kid() });
        let segment = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let mut token = format!("{}.{}", segment(&header), segment(claims));
        let signature = self.key.sign(token.as_bytes())?;
        write!(token, ".{}", URL_SAFE_NO_PAD.encode(signature))?;
        Ok(token)
    }
}

/// Returns what a browser application sends to the API with that name.
pub(crate) fn request(api: &str, token: &str) -> Vec<u8> {
    format!(
        "GET /{api}/1.0/items/42?expand=lines HTTP/1.1\r\nHost: api.example.com\r\n\
         User-Agent: Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101\r\nAccept: application/json\r\n\
         Accept-Encoding: gzip, br\r\nAccept-Language: en\r\nAuthorization: Bearer {token}\r\n\r\n"
    )
    .into_bytes()
}

/// Returns the name of a user by number; all stores of the benchmarks know them by it.
pub(crate) fn user(number: u64) -> String {
    format!("user-{number}")
}

/// Returns the current time in seconds since the epoch.
///
/// # Errors
///
/// When the clock stands before it.
#[expect(clippy::disallowed_methods, reason = "the harness is where time enters")]
pub(crate) fn now() -> Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())
}
