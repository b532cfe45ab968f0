//! `countersign preview`: the Backend JWT that a caller would get from the running gateway.

use std::process::ExitCode;

use serde_json::{Map, Value};

use super::{AdminApi, Reply, cell, refused};
use crate::{
    Process,
    cli::{EXIT_NO, Format, PreviewArguments},
    commands::configuration::read_source,
    output,
};

/// Asks, and shows what would be sent.
///
/// # Errors
///
/// When the gateway does not answer, or a file cannot be read.
pub(crate) fn run(arguments: &PreviewArguments, process: &Process) -> anyhow::Result<ExitCode> {
    let reply = AdminApi::of(&arguments.admin, process)?.post(&["preview"], question(arguments)?)?;
    let explanation = match reply {
        Reply::Done(answer) => answer.body,
        Reply::Refused(reason) => return Ok(refused(&reason)),
    };
    match arguments.admin.format {
        Format::Json => output::result_line(&format!("{explanation:#}"))?,
        Format::Text => output::result(&text(&explanation))?,
    }
    let is_refused = explanation.get("refused").is_some_and(|refused| !refused.is_null());
    Ok(if is_refused { ExitCode::from(EXIT_NO) } else { ExitCode::SUCCESS })
}

fn question(arguments: &PreviewArguments) -> anyhow::Result<Value> {
    let read = |file: &str| read_source(file.as_ref()).map(|source| source.text.trim().to_owned());
    let token = match arguments.token.as_deref() {
        Some(written) => Some(written.strip_prefix('@').map_or_else(|| Ok(written.to_owned()), read)?),
        None => None,
    };
    let draft = arguments.draft.as_ref().map(|file| read_source(file).map(|source| source.text)).transpose()?;
    let members = [
        ("api", Some(arguments.api.clone())),
        ("operation", Some(arguments.operation.clone())),
        ("user", arguments.user.clone()),
        ("issuer", arguments.issuer.clone()),
        ("token", token),
        ("draft", draft),
    ];
    let members = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Value::from(value?))));
    Ok(Value::Object(members.collect::<Map<String, Value>>()))
}

/// One table for each Backend JWT: claim, value, source.
fn text(explanation: &Value) -> String {
    if let Some(refused) = explanation.get("refused").filter(|refused| !refused.is_null()) {
        return format!("the call would be refused: {}\n", line(refused));
    }
    let mut text = String::new();
    for jwt in explanation.get("jwts").and_then(Value::as_array).into_iter().flatten() {
        let not_sent =
            jwt.get("notSent").or_else(|| jwt.get("refused")).map(|reason| format!(": not sent: {}", line(reason)));
        text.extend([cell(jwt.get("header")), not_sent.unwrap_or_default(), "\n".to_owned()]);
        let claims = jwt.get("claims").and_then(Value::as_array).into_iter().flatten();
        let rows: Vec<Vec<String>> = claims
            .map(|claim| {
                vec![
                    cell(claim.get("name")),
                    line(claim.get("value").unwrap_or(&Value::Null)),
                    cell(claim.get("source")),
                ]
            })
            .collect();
        text.push_str(&output::columns(&["CLAIM", "VALUE", "SOURCE"], &rows));
    }
    text
}

fn line(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}
