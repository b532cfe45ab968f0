//! `countersign stores`: one user looked up from here, and the stores of the running gateway.

mod tried;

use std::{fmt::Write as _, process::ExitCode, time::Instant};

use anyhow::{anyhow, ensure};
use claims::Json;
use control::TriedLookup;
use stores::{Question, Trace};

use super::{configuration::Configuration, running::RunningGateway, token};
use crate::{
    Process,
    cli::{
        EXIT_NO, Format, HoldStoreArguments, InvalidateArguments, StoreStatusArguments, StoresArguments, StoresCommand,
        TestStoreArguments,
    },
    clock, log, output,
};

/// Does what was typed.
///
/// # Errors
///
/// When a file cannot be read, there is no such store, or no gateway runs.
pub(crate) fn run(arguments: &StoresArguments, process: &Process) -> anyhow::Result<ExitCode> {
    log::start(process, "warn")?;
    match &arguments.command {
        StoresCommand::Test(arguments) => test(arguments, process),
        StoresCommand::Status(arguments) => status(arguments, process),
        StoresCommand::Hold(arguments) => hold(arguments, process),
        StoresCommand::Invalidate(arguments) => invalidate(arguments, process),
    }
}

/// Looks a user up in the store itself, past the cache.
fn test(arguments: &TestStoreArguments, process: &Process) -> anyhow::Result<ExitCode> {
    let running = &arguments.running;
    let tried = if arguments.live {
        ensure!(arguments.token.is_none(), "the running gateway asks without the user's token: leave --live out");
        let path = format!("/api/v1/stores/{}/lookup", arguments.name);
        let user = serde_json::json!({ "user": arguments.user }).to_string();
        Some(RunningGateway::of(running, process)?.post(&path, &[], user)?)
    } else {
        ensure!(
            running.admin.is_none() && running.token_file.is_none(),
            "--admin and --token-file are about the running gateway: say --live"
        );
        try_here(arguments, process)?
    };
    let Some(tried) = tried else { return Ok(ExitCode::from(EXIT_NO)) };
    match arguments.format {
        Format::Text => output::result(&tried::to_text(&tried))?,
        Format::Json => output::result_line(&output::pretty(&tried))?,
    }
    Ok(if text(&tried, "outcome") == TriedLookup::FOUND { ExitCode::SUCCESS } else { ExitCode::from(EXIT_NO) })
}

/// Looks a user up from here. `None`: the configuration is broken.
fn try_here(arguments: &TestStoreArguments, process: &Process) -> anyhow::Result<Option<Json>> {
    let token = arguments.token.as_deref().map(token::read).transpose()?;
    let token = token.map(String::from_utf8).transpose().map_err(|_| anyhow!("the token is no text"))?;
    let Some(configuration) = Configuration::load(&arguments.running.config, process)? else { return Ok(None) };
    let all = &configuration.compiled.stores;
    let handle = all.get(arguments.name.as_str()).ok_or_else(|| {
        let names: Vec<&str> = all.keys().map(|name| &**name).collect();
        anyhow!("there is no user store `{}`; there are: {}", arguments.name, names.join(", "))
    })?;
    let user = handle.own_name(&arguments.user).unwrap_or(&arguments.user);
    let trace = Trace::default();
    let question = Question { token: token.as_deref(), trace: Some(&trace), ..Question::new(user, process.now) };
    let store = handle.store.store();
    let started = Instant::now();
    let found = configuration.background.block_on(store.lookup(question));
    let tried = TriedLookup {
        name: &handle.name,
        user,
        took: started.elapsed(),
        traced: trace.traced(),
        map: store.attribute_map(),
        found,
    };
    Ok(Some(tried.to_json()))
}

fn status(arguments: &StoreStatusArguments, process: &Process) -> anyhow::Result<ExitCode> {
    let answer = RunningGateway::of(&arguments.running, process)?.get("/stores")?;
    let stores = member(&answer, "stores").and_then(Json::as_array).unwrap_or_default();
    match arguments.format {
        Format::Text => output::result(&status_text(stores, clock::seconds(process.now)))?,
        Format::Json => output::result_line(&output::pretty(&answer))?,
    }
    let is_well = stores.iter().all(|store| text(store, "state") == "asked");
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::from(EXIT_NO) })
}

/// A row for each store, and beneath them why one did not answer.
fn status_text(stores: &[Json], now: u64) -> String {
    const NUMBERS: [&str; 6] = ["users", "hits", "misses", "failures", "refused", "staleServed"];
    if stores.is_empty() {
        return "no user store is configured\n".to_owned();
    }
    let row = |store: &Json| {
        let mut row = vec![text(store, "name").to_owned(), text(store, "state").to_owned()];
        row.extend(NUMBERS.map(|name| number(store, name).to_string()));
        row.extend(["p50Microseconds", "p99Microseconds"].map(|name| milliseconds(store, name)));
        row
    };
    let rows: Vec<Vec<String>> = stores.iter().map(row).collect();
    let names = ["STORE", "STATE", "USERS", "HITS", "MISSES", "FAILURES", "REFUSED", "STALE", "P50", "P99"];
    // INVARIANT: writing to a string cannot fail.
    let mut shown = output::columns(&names, &rows);
    for store in stores {
        let name = text(store, "name");
        if let Some(failure) = member(store, "lastFailure").filter(|failure| **failure != Json::Null) {
            let ago = span(now.saturating_sub(number(failure, "at")));
            let _ = writeln!(shown, "\n{name}: last failure {ago} ago: {}", text(failure, "reason"));
        }
        if let Some(hold) = member(store, "hold").filter(|hold| **hold != Json::Null) {
            let (stale, left) = (span(number(hold, "staleFor")), span(number(hold, "until").saturating_sub(now)));
            let _ = writeln!(shown, "\n{name}: held: answers of up to {stale} serve while it is down, for {left} more");
        }
    }
    shown
}

fn hold(arguments: &HoldStoreArguments, process: &Process) -> anyhow::Result<ExitCode> {
    let name = ("store", arguments.name.as_str());
    let stale = arguments.stale.as_deref().filter(|_| !arguments.release);
    let query: Vec<(&str, &str)> = std::iter::once(name).chain(stale.map(|stale| ("stale", stale))).collect();
    RunningGateway::of(&arguments.running, process)?.post("/stores/hold", &query, String::new())?;
    let name = &arguments.name;
    output::result_line(&match stale {
        Some(stale) => format!(
            "{name}: answers of up to {stale} serve while it is down, for {stale} from now; `--release` ends it sooner"
        ),
        None => format!("{name}: answers serve as configured again"),
    })?;
    Ok(ExitCode::SUCCESS)
}

fn invalidate(arguments: &InvalidateArguments, process: &Process) -> anyhow::Result<ExitCode> {
    let store = arguments.name.as_deref().map(|name| ("store", name));
    let user = arguments.user.as_deref().map(|user| ("user", user));
    let query: Vec<(&str, &str)> = store.into_iter().chain(user).collect();
    RunningGateway::of(&arguments.running, process)?.post("/invalidate", &query, String::new())?;
    let whom = arguments.user.as_deref().unwrap_or("everybody");
    let place = arguments.name.as_deref().unwrap_or("all stores");
    output::result_line(&format!("{whom} in {place}: the next call asks the store"))?;
    Ok(ExitCode::SUCCESS)
}

/// Returns how long a store takes, in milliseconds; nothing where it was not asked yet.
fn milliseconds(store: &Json, name: &str) -> String {
    let time = member(store, "latency").and_then(|latency| member(latency, name)).and_then(Json::as_u64);
    time.map_or_else(|| "-".to_owned(), |time| format!("{}.{} ms", time / 1000, time % 1000 / 100))
}

/// Writes seconds as people say them.
fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

fn member<'a>(json: &'a Json, name: &str) -> Option<&'a Json> {
    json.as_object().and_then(|object| object.get(name))
}

fn text<'a>(json: &'a Json, name: &str) -> &'a str {
    member(json, name).and_then(Json::as_str).unwrap_or_default()
}

fn number(json: &Json, name: &str) -> u64 {
    member(json, name).and_then(Json::as_u64).unwrap_or_default()
}
