//! `countersign token issue`: an access token (RFC 9068) signed by a development key.

use std::{fs, process::ExitCode};

use anyhow::{Context as _, ensure};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use claims::{Json, Object, SigningKey};
use gateway::parse_duration;
use uuid::Uuid;

use super::open_development_key;
use crate::{Process, cli::IssueArguments, clock, output};

/// What an access token says.
#[derive(Clone, Debug)]
pub(crate) struct NewToken<'a> {
    /// `iss`
    pub(crate) issuer: &'a str,
    /// `sub`
    pub(crate) subject: &'a str,
    /// `aud`
    pub(crate) audience: &'a [String],
    /// `client_id`
    pub(crate) client_id: Option<&'a str>,
    /// `scope`
    pub(crate) scope: &'a str,
    /// Seconds from now to `exp`.
    pub(crate) ttl: u64,
    /// What else it says; these replace claims of the same name.
    pub(crate) more: Object,
}

/// Prints an access token.
///
/// # Errors
///
/// When the key cannot be read or made, or an argument makes no sense.
pub(super) fn run(arguments: &IssueArguments, process: &Process) -> anyhow::Result<ExitCode> {
    let key = match &arguments.key {
        Some(path) => read_key(path)?,
        None => open_development_key(&arguments.dev_dir)?,
    };
    let ttl = parse_duration(&arguments.ttl)
        .with_context(|| format!("--ttl: `{}` is no duration; write it like 15m or 1h", arguments.ttl))?;
    ensure!(ttl.as_secs() > 0, "--ttl: a token that is valid for no second is of no use");
    let token = NewToken {
        issuer: &arguments.issuer,
        subject: &arguments.subject,
        audience: &arguments.audience,
        client_id: arguments.client_id.as_deref(),
        scope: &arguments.scope.join(" "),
        ttl: ttl.as_secs(),
        more: more_claims(&arguments.claims)?,
    };
    output::result_line(&issue(&token, &key, clock::seconds(process.now))?)?;
    Ok(ExitCode::SUCCESS)
}

/// Makes and signs an access token.
///
/// # Errors
///
/// When the key cannot sign.
pub(crate) fn issue(token: &NewToken<'_>, key: &SigningKey, now: u64) -> anyhow::Result<String> {
    let mut header = Object::default();
    header.insert("typ", Json::string("at+jwt"));
    header.insert("alg", Json::string(key.algorithm().name()));
    header.insert("kid", Json::string(key.kid()));
    let mut claims = Object::default();
    claims.insert("iss", Json::string(token.issuer));
    claims.insert("sub", Json::string(token.subject));
    match token.audience {
        [] => {}
        [audience] => claims.insert("aud", Json::string(audience.as_str())),
        list => {
            claims.insert("aud", Json::Array(list.iter().map(|audience| Json::string(audience.as_str())).collect()));
        }
    }
    claims.insert("exp", now.saturating_add(token.ttl).into());
    claims.insert("iat", now.into());
    claims.insert("jti", Json::string(Uuid::new_v4().to_string()));
    if let Some(client_id) = token.client_id {
        claims.insert("client_id", Json::string(client_id));
    }
    if !token.scope.is_empty() {
        claims.insert("scope", Json::string(token.scope));
    }
    for (name, value) in token.more.iter() {
        claims.insert(name, value.clone());
    }
    let encoded = |object: Object| URL_SAFE_NO_PAD.encode(Json::Object(object).to_string());
    let input = format!("{}.{}", encoded(header), encoded(claims));
    let signature = key.sign(input.as_bytes()).context("cannot sign the token")?;
    Ok(format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

fn read_key(path: &std::path::Path) -> anyhow::Result<SigningKey> {
    let text = fs::read(path)
        .with_context(|| format!("cannot read `{}`; without --key a development key is made", path.display()))?;
    let key = if text.first() == Some(&b'{') {
        SigningKey::from_jwk(&text, None)
    } else {
        SigningKey::from_pem(&text, None, None)
    };
    key.with_context(|| format!("cannot sign with `{}`", path.display()))
}

/// Reads `name=value`: JSON, or else text.
fn more_claims(written: &[String]) -> anyhow::Result<Object> {
    let mut claims = Object::default();
    for entry in written {
        let (name, value) = entry.split_once('=').with_context(|| format!("--claim: `{entry}` is not NAME=JSON"))?;
        ensure!(!name.is_empty(), "--claim: `{entry}` has no name");
        claims.insert(name, Json::parse(value.as_bytes()).unwrap_or_else(|_| Json::string(value)));
    }
    Ok(claims)
}
