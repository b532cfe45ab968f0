//! `countersign keys list`.

use claims::{KeyOrigin, KeyState, KeyStatus};
use serde_json::{Value, json};

use super::store::{KeyStore, Purpose};
use crate::{
    Process,
    cli::{Format, ListArguments},
    clock, output,
};

/// Lists the keys, by algorithm, the signing one first.
///
/// # Errors
///
/// When they cannot be read.
pub(super) fn run(arguments: &ListArguments, process: &Process) -> anyhow::Result<()> {
    let store = KeyStore::open(&arguments.place, Purpose::Read, process)?;
    let mut states = store.set.states(store.now);
    states.sort_by_key(|status| (status.algorithm, place(status.state)));
    match arguments.format {
        Format::Json => output::result_line(&format!("{:#}", states.iter().map(to_json).collect::<Value>())),
        Format::Text if states.is_empty() => {
            output::message(&format!(
                "no keys in {}; the first `serve` makes an ES256 and an RS256 key",
                store.directory.display()
            ));
            Ok(())
        }
        Format::Text => {
            let rows = states.iter().map(row).collect::<Vec<_>>();
            output::result(&output::columns(&["ALGORITHM", "STATE", "SINCE", "UNTIL", "KID", "FROM"], &rows))
        }
    }
}

/// Returns where a state stands in the list.
const fn place(state: KeyState) -> u8 {
    match state {
        KeyState::Active => 0,
        KeyState::Announced => 1,
        KeyState::Retired => 2,
        KeyState::Gone => 3,
        KeyState::Revoked => 4,
    }
}

fn row(status: &KeyStatus) -> Vec<String> {
    let (since, until) = bounds(status);
    let time = |at: Option<u64>| at.map_or_else(|| "-".to_owned(), clock::text);
    vec![
        status.algorithm.to_string(),
        status.state.name().to_owned(),
        time(since),
        time(until),
        status.kid.to_string(),
        origin(status.origin).to_owned(),
    ]
}

/// Returns since when and until when a key is in its state.
fn bounds(status: &KeyStatus) -> (Option<u64>, Option<u64>) {
    let life = &status.life;
    // A listed key has no times: it signs since always.
    let known = |at: u64| (at > 0).then_some(at);
    match status.state {
        KeyState::Announced => (known(life.announced_at()), Some(life.activates_at())),
        KeyState::Active => (known(life.activates_at()), life.retires_at()),
        KeyState::Retired => (life.retires_at(), life.gone_at()),
        KeyState::Gone => (life.gone_at(), None),
        KeyState::Revoked => (life.revoked_at(), None),
    }
}

const fn origin(origin: KeyOrigin) -> &'static str {
    match origin {
        KeyOrigin::Listed => "keys.files",
        KeyOrigin::Directory => "directory",
    }
}

fn to_json(status: &KeyStatus) -> Value {
    let life = &status.life;
    json!({
        "kid": status.kid,
        "algorithm": status.algorithm.name(),
        "state": status.state.name(),
        "origin": origin(status.origin),
        "announcedAt": clock::text(life.announced_at()),
        "activatesAt": clock::text(life.activates_at()),
        "retiresAt": life.retires_at().map(clock::text),
        "goneAt": life.gone_at().map(clock::text),
        "revokedAt": life.revoked_at().map(clock::text),
    })
}
