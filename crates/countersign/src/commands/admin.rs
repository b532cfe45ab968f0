//! The admin API from a shell: `countersign apis`, `policies`, `apps`, `preview` and `keys live`.
//!
//! Asks, and prints what comes back. A change is first tried (`dryRun`), its difference shown and confirmed, and then made
//! on the state that was shown (`If-Match`), so that nobody's work is lost.

pub(crate) mod apis;
pub(crate) mod apps;
pub(crate) mod keys;
pub(crate) mod policies;
pub(crate) mod preview;

use std::{
    io::{self, BufRead as _, IsTerminal as _},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use reqwest::{
    Client, Method, StatusCode,
    header::{ETAG, IF_MATCH},
    redirect::Policy,
};
use serde_json::Value;

use super::running::RunningGateway;
use crate::{
    Process,
    cli::{AdminArguments, ChangeArguments, Format, SeenArguments},
    output,
};

/// No answer is longer.
const LONGEST: usize = 64 << 20;

/// The admin API of one gateway.
#[derive(Debug)]
pub(crate) struct AdminApi(RunningGateway);

/// What it said.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    etag: Option<String>,
    body: Value,
}

/// What it said to a question or an order.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// It is done, or known.
    Done(Answer),
    /// It is not done: why, line by line.
    Refused(String),
}

/// A change that is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Order<'a> {
    method: Method,
    path: &'a [&'a str],
    body: Option<Value>,
    /// The state that it is about; nothing for what is new.
    etag: Option<String>,
}

impl AdminApi {
    /// Finds the admin API: by its address, or in the operator's file.
    ///
    /// # Errors
    ///
    /// When neither says where it is, or the token cannot be read.
    pub(crate) fn of(arguments: &AdminArguments, process: &Process) -> anyhow::Result<Self> {
        RunningGateway::of(&arguments.running, process).map(Self)
    }

    /// Returns what it says at a path.
    ///
    /// # Errors
    ///
    /// When it does not answer, or not as itself.
    pub(crate) fn get(&self, path: &[&str], query: &[(&str, &str)]) -> anyhow::Result<Reply> {
        self.ask(&Order { method: Method::GET, path, body: None, etag: None }, query)
    }

    /// Has something done that needs no second look.
    ///
    /// # Errors
    ///
    /// As [`Self::get`].
    pub(crate) fn post(&self, path: &[&str], body: Value) -> anyhow::Result<Reply> {
        self.ask(&Order { method: Method::POST, path, body: Some(body), etag: None }, &[])
    }

    /// Tries a change, shows it, asks, and has it made. `None`: it was only tried, or not confirmed.
    ///
    /// # Errors
    ///
    /// As [`Self::get`].
    pub(crate) fn change(&self, order: &Order<'_>, wanted: &ChangeArguments) -> anyhow::Result<Option<Reply>> {
        let says_so = order.body.as_ref().is_some_and(|body| body.get("note").is_some());
        let note = Some(("note", wanted.note.as_str())).filter(|(_, note)| !says_so && !note.is_empty());
        let query = |first: Option<(&'static str, &'static str)>| -> Vec<_> { first.into_iter().chain(note).collect() };
        let tried = match self.ask(order, &query(Some(("dryRun", "true"))))? {
            Reply::Done(answer) => answer.body,
            refused @ Reply::Refused(_) => return Ok(Some(refused)),
        };
        output::message(&shown(&tried));
        if wanted.dry_run || !(wanted.yes || confirmed()) {
            return Ok(None);
        }
        self.ask(order, &query(None)).map(Some)
    }

    fn ask(&self, order: &Order<'_>, query: &[(&str, &str)]) -> anyhow::Result<Reply> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime
            .block_on(self.send(order, query))
            .with_context(|| format!("cannot ask the gateway on its admin address {}", self.0.base))
    }

    async fn send(&self, order: &Order<'_>, query: &[(&str, &str)]) -> anyhow::Result<Reply> {
        let mut url = self.0.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["api", "v1"]).extend(order.path);
        }
        let client = Client::builder().redirect(Policy::none()).no_proxy().timeout(Duration::from_secs(30)).build()?;
        let mut request = client.request(order.method.clone(), url).query(query).header("X-Countersign-Csrf", "cli");
        if let Some(token) = &self.0.token {
            request = request.bearer_auth(token);
        }
        if let Some(etag) = &order.etag {
            request = request.header(IF_MATCH, etag);
        }
        if let Some(body) = &order.body {
            request = request.json(body);
        }
        let mut response = request.send().await?;
        let status = response.status();
        let etag = response.headers().get(ETAG).and_then(|tag| tag.to_str().ok()).map(ToOwned::to_owned);
        let mut whole = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            whole.extend_from_slice(&chunk);
            ensure!(whole.len() <= LONGEST, "its answer is longer than {LONGEST} bytes");
        }
        if whole.is_empty() && status.is_success() {
            return Ok(Reply::Done(Answer { etag, body: Value::Null }));
        }
        let body: Value = serde_json::from_slice(&whole).with_context(|| {
            format!("it answers {status} and no JSON: is it a gateway's admin address, of this version?")
        })?;
        judge(status, Answer { etag, body })
    }
}

/// Returns the entity tag of the state that a change is about: as it was said, as it was seen, or as it is.
///
/// # Errors
///
/// The reason to refuse, where nobody would look at the difference and nobody has said what they have seen.
pub(crate) fn seen(
    (said, shown): (&SeenArguments, Option<String>),
    change: &ChangeArguments,
    now: Option<String>,
) -> Result<Option<String>, &'static str> {
    let quoted = |etag: &String| if etag == "*" { etag.clone() } else { format!("\"{}\"", etag.trim_matches('"')) };
    match said.if_match.as_ref().map(quoted).or(shown) {
        Some(etag) => Ok(Some(etag)),
        None if change.yes => Err("nothing was changed: --yes needs a file as `show` prints it, or --if-match"),
        None => Ok(now),
    }
}

/// Tells a refusal from a failure.
fn judge(status: StatusCode, answer: Answer) -> anyhow::Result<Reply> {
    if status.is_success() {
        return Ok(Reply::Done(answer));
    }
    let text = |name: &str| answer.body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let detail = text("detail");
    if status.is_server_error() || detail.is_empty() {
        bail!("it answers {status}: {detail}");
    }
    let mistakes = answer.body.get("diagnostics").and_then(Value::as_array).into_iter().flatten().map(mistake);
    let lines: Vec<String> = std::iter::once(format!("refused: {detail}")).chain(mistakes).collect();
    Ok(Reply::Refused(lines.join("\n")))
}

/// One diagnostic, as `check` prints it.
fn mistake(found: &Value) -> String {
    let text = |name: &str| found.get(name).and_then(Value::as_str).unwrap_or_default();
    let number = |name: &str| found.get(name).and_then(Value::as_u64).unwrap_or(1);
    let place = format!("{}:{}:{}", text("file"), number("line"), number("column"));
    let hint = found.get("hint").and_then(Value::as_str).map(|hint| format!("\n  hint: {hint}")).unwrap_or_default();
    format!("{place}: {}[{}]: {}{hint}", text("severity"), text("code"), text("message"))
}

/// What a change would do.
fn shown(tried: &Value) -> String {
    let diff = tried.get("diff").and_then(Value::as_str).unwrap_or_default().trim_end().to_owned();
    let list = |name: &str| tried.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let mistakes = list("diagnostics").iter().map(mistake).collect::<Vec<_>>();
    let affected = list("affected");
    let mut lines = vec![if diff.is_empty() { "nothing would change".to_owned() } else { diff }];
    lines.extend(mistakes);
    if !affected.is_empty() {
        let names: Vec<&str> = affected.iter().filter_map(Value::as_str).take(20).collect();
        lines.push(format!("{} operations answer otherwise: {}", affected.len(), names.join(", ")));
    }
    lines.join("\n")
}

/// Asks at the terminal; without one the answer is no.
fn confirmed() -> bool {
    if !io::stdin().is_terminal() {
        output::message("nothing was changed: say --yes, as nobody can be asked here");
        return false;
    }
    output::message("change it? [y/N]");
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.is_ok() && ["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str())
}

/// Prints an answer: a table of the named members for people, everything for scripts.
///
/// # Errors
///
/// When it cannot be printed.
pub(crate) fn print_list(answer: &Answer, format: Format, columns: &[(&str, &str)]) -> anyhow::Result<()> {
    if format == Format::Json {
        return output::result_line(&format!("{:#}", answer.body));
    }
    let items = answer.body.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
    let rows: Vec<Vec<String>> =
        items.iter().map(|item| columns.iter().map(|(_, member)| cell(item.get(*member))).collect()).collect();
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    output::result(&output::columns(&names, &rows))
}

/// Writes a value into a cell of a table.
pub(crate) fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.lines().next().unwrap_or_default().to_owned(),
        Some(Value::Array(items)) => items.iter().map(|item| cell(Some(item))).collect::<Vec<_>>().join(", "),
        Some(other) => other.to_string(),
    }
}

/// Says what came of a change, and how the command ends.
pub(crate) fn conclude(reply: Option<Reply>, wanted: &ChangeArguments, done: &str) -> std::process::ExitCode {
    match reply {
        Some(Reply::Done(_)) => {
            output::message(done);
            std::process::ExitCode::SUCCESS
        }
        Some(Reply::Refused(reason)) => refused(&reason),
        None if wanted.dry_run => std::process::ExitCode::SUCCESS,
        None => std::process::ExitCode::from(crate::cli::EXIT_NO),
    }
}

/// Says why something is not done, and how the command ends.
pub(crate) fn refused(reason: &str) -> std::process::ExitCode {
    output::message(reason);
    std::process::ExitCode::from(crate::cli::EXIT_NO)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(body: Value) -> Answer {
        Answer { etag: None, body }
    }

    #[test]
    fn a_refusal_has_the_mistakes_as_check_prints_them() {
        let body = json!({
            "detail": "the configuration has mistakes",
            "diagnostics": [{
                "severity": "error", "code": "invalid-value", "message": "no", "hint": "yes",
                "file": "apis/a.yaml", "line": 3, "column": 7,
            }],
        });
        let Reply::Refused(reason) = judge(StatusCode::UNPROCESSABLE_ENTITY, answer(body)).unwrap() else {
            panic!("a refusal is no success")
        };
        let expected = "refused: the configuration has mistakes\n\
                        apis/a.yaml:3:7: error[invalid-value]: no\n  hint: yes";
        assert_eq!(reason, expected);
    }

    #[test]
    fn a_server_that_fails_is_no_refusal() {
        assert!(judge(StatusCode::INTERNAL_SERVER_ERROR, answer(json!({"detail": "x"}))).is_err());
        assert!(judge(StatusCode::NOT_FOUND, answer(json!({}))).is_err());
    }

    #[test]
    fn a_change_is_shown_with_what_it_affects() {
        let tried = json!({ "diff": "-a\n+b\n", "diagnostics": [], "affected": ["orders GET /x", "orders GET /y"] });
        assert_eq!(shown(&tried), "-a\n+b\n2 operations answer otherwise: orders GET /x, orders GET /y");
        assert_eq!(shown(&json!({ "diff": "" })), "nothing would change");
    }
}
