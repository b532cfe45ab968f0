//! `countersign apikey`: keys for applications. The key is printed and forgotten; only its hash goes into a file.

use std::process::ExitCode;

use anyhow::Context as _;
use gateway::{generate_api_key, hash_api_key, parse_duration};
use serde_json::json;

use crate::{
    Process,
    cli::{ApiKeyArguments, ApiKeyCommand, Format, GenerateApiKeyArguments},
    clock, output,
};

/// Runs the command.
///
/// # Errors
///
/// When an argument makes no sense, or there are no random numbers.
pub(crate) fn run(arguments: &ApiKeyArguments, process: &Process) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        ApiKeyCommand::Generate(arguments) => generate(arguments, process),
    }
}

fn generate(arguments: &GenerateApiKeyArguments, process: &Process) -> anyhow::Result<ExitCode> {
    let now = clock::seconds(process.now);
    let expires = arguments.expires.as_ref().map(|written| {
        let life = parse_duration(written)
            .with_context(|| format!("--expires: `{written}` is no duration; write it like 90d or 24h"))?;
        anyhow::Ok(clock::text(now + life.as_secs()))
    });
    let expires = expires.transpose()?;
    let today = clock::text(now).chars().take(10).collect::<String>();
    let id = arguments.id.clone().unwrap_or_else(|| format!("key-{today}"));
    let key = generate_api_key().map_err(|_| anyhow::anyhow!("the system has no random numbers"))?;
    let hash = hash_api_key(key.as_bytes()).to_string();
    let text = match arguments.format {
        Format::Json => {
            let user = arguments.user.as_ref().map(|name| json!({ "issuer": arguments.issuer, "name": name }));
            let made = json!({
                "key": key, "application": arguments.application, "id": id, "hash": hash, "expires": expires, "user": user,
            });
            format!("{made:#}\n")
        }
        Format::Text => lines(arguments, (&key, &id, &hash), expires.as_deref()),
    };
    output::result(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// The key, and what to write into the operator's file. Texts are quoted as JSON strings, which YAML reads too.
fn lines(arguments: &GenerateApiKeyArguments, (key, id, hash): (&str, &str, &str), expires: Option<&str>) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let expires = expires.map(|time| format!("        expires: {time}\n")).unwrap_or_default();
    let user = arguments.user.as_ref().zip(arguments.issuer.as_ref());
    let user =
        user.map(|(name, issuer)| format!("        user: {{ issuer: {}, name: {} }}\n", quoted(issuer), quoted(name)));
    let user = user.unwrap_or_default();
    let (application, id) = (quoted(&arguments.application), quoted(id));
    format!(
        "{key}\n\n# The key is shown this once. In the operator's file:\napplications:\n  - name: {application}\n    apiKeys:\n      - id: {id}\n        hash: {hash}\n{expires}{user}"
    )
}
