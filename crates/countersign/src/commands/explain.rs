//! `countersign explain`: one caller's Backend JWTs for one operation, claim by claim, and what is not in them.
//!
//! The explanation is `gateway`'s, made here or by the running gateway (`--live`); this asks, compares and prints.

mod against;
mod text;

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use claims::{Json, Object};
use gateway::{AskedCaller, Question};

use super::{configuration::Configuration, running::RunningGateway, token};
use crate::{
    Process,
    cli::{EXIT_NO, ExplainArguments, Format},
    clock, log, output,
};

/// Explains, and compares if there is another token.
///
/// # Errors
///
/// When a file cannot be read, or what is asked for is not there.
pub(crate) fn run(arguments: &ExplainArguments, process: &Process) -> anyhow::Result<ExitCode> {
    log::start(process, "warn")?;
    let token = arguments.token.as_deref().map(token::read).transpose()?;
    let token = token.map(String::from_utf8).transpose().context("the token is no text")?;
    let running = &arguments.running;
    if !arguments.live && (running.admin.is_some() || running.token_file.is_some()) {
        bail!("--admin and --token-file are about the running gateway: say --live");
    }
    let other = arguments.against.as_deref().map(token::read).transpose()?;
    let explained = if arguments.live {
        let question = question(arguments, token.as_deref())?.to_json().to_string();
        Some(RunningGateway::of(running, process)?.post("/explain", &[], question)?)
    } else {
        here(arguments, token.as_deref(), process)?
    };
    let Some(mut explained) = explained else { return Ok(ExitCode::from(EXIT_NO)) };
    if let Some(header) = &arguments.header {
        keep_header(&mut explained, header)?;
    }
    let difference = other.map(|other| against::compare(&explained, &other)).transpose()?;
    match arguments.format {
        Format::Text => output::result(&text::render(&explained, difference.as_ref()))?,
        Format::Json => output::result_line(&output::pretty(&with_difference(&explained, difference.as_ref())))?,
    }
    let is_equal = difference.is_none_or(|difference| difference.is_equal());
    let is_yes = is_equal && !is_refused(&explained);
    Ok(if is_yes { ExitCode::SUCCESS } else { ExitCode::from(EXIT_NO) })
}

/// Explains with the stores and keys of the configuration, from here. `None`: the configuration is broken.
fn here(arguments: &ExplainArguments, token: Option<&str>, process: &Process) -> anyhow::Result<Option<Json>> {
    let Some(configuration) = Configuration::load(&arguments.running.config, process)? else { return Ok(None) };
    let Configuration { compiled, runtime, background } = &configuration;
    if runtime.keyring.states(clock::seconds(process.now)).is_empty() {
        output::message(
            "note: there is no signing key yet; the first `serve` makes some, or `countersign keys generate`",
        );
    }
    let question = question(arguments, token)?;
    let explained = background.block_on(gateway::explain(compiled, runtime, question, process.now))?;
    Ok(Some(explained.to_json()))
}

fn question<'a>(arguments: &'a ExplainArguments, token: Option<&'a str>) -> anyhow::Result<Question<'a>> {
    let caller = match (token, &arguments.user) {
        (Some(token), _) => AskedCaller::Token(token),
        (None, Some(user)) => AskedCaller::User { user, issuer: arguments.issuer.as_deref() },
        (None, None) => bail!("name the caller with --user NAME or --token @FILE"),
    };
    Ok(Question { api: &arguments.api, operation: &arguments.operation, caller })
}

/// Leaves only the JWT of one header.
fn keep_header(explained: &mut Json, header: &str) -> anyhow::Result<()> {
    let is_meant = |jwt: &Json| text_member(jwt, "header").eq_ignore_ascii_case(header);
    let jwts: Vec<Json> = jwts(explained).iter().filter(|jwt| is_meant(jwt)).cloned().collect();
    if jwts.is_empty() {
        let headers: Vec<&str> = self::jwts(explained).iter().map(|jwt| text_member(jwt, "header")).collect();
        bail!("no policy of this operation mints the header `{header}`; there are: {}", headers.join(", "));
    }
    if let Json::Object(members) = explained {
        members.insert("jwts", Json::Array(jwts));
    }
    Ok(())
}

fn with_difference(explained: &Json, difference: Option<&against::Difference>) -> Json {
    let mut whole = explained.as_object().cloned().unwrap_or_default();
    if let Some(difference) = difference {
        whole.insert("against", difference.to_json());
    }
    Json::Object(whole)
}

/// True when the call, or one of its JWTs, is refused.
fn is_refused(explained: &Json) -> bool {
    let is_set = |json: &Json| member(json, "refused").is_some_and(|refused| *refused != Json::Null);
    is_set(explained) || jwts(explained).iter().any(is_set)
}

/// Returns the JWTs of an explanation.
fn jwts(explained: &Json) -> &[Json] {
    member(explained, "jwts").and_then(Json::as_array).unwrap_or_default()
}

fn member<'a>(json: &'a Json, name: &str) -> Option<&'a Json> {
    json.as_object().and_then(|object: &Object| object.get(name))
}

/// Returns a member's text; empty when there is none.
fn text_member<'a>(json: &'a Json, name: &str) -> &'a str {
    member(json, name).and_then(Json::as_str).unwrap_or_default()
}
