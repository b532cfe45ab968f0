//! What was changed, by whom, and when: one JSON line for each change, in a file that only grows.
//!
//! Each line holds the file's text after the change, so that any of them can be had back. A change that people made by hand
//! is noted when the next one is made here.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

use crate::secrets::marked;

/// What the target of a change of an API definition begins with.
pub(crate) const API: &str = "api ";

const FILE: &str = "history.jsonl";

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Change {
    /// Counts the changes, from 1.
    pub(crate) n: u64,
    /// Seconds since the epoch.
    pub(crate) at: u64,
    /// Who made it.
    pub(crate) author: String,
    /// What was done, such as `policies changed`.
    pub(crate) action: String,
    /// What it was about: `api orders:1.0`, `applications`.
    pub(crate) target: String,
    /// The file's name.
    pub(crate) file: String,
    /// What the author says about it.
    pub(crate) note: String,
    /// The difference, unified.
    pub(crate) diff: String,
    /// The file's text after it; nothing after a removal.
    pub(crate) after: Option<String>,
}

impl Change {
    /// True for a change of an API definition.
    pub(crate) fn is_of_api(&self) -> bool {
        self.target.starts_with(API)
    }
}

/// All changes of one gateway.
#[derive(Debug)]
pub(crate) struct History {
    changes: Mutex<Option<Kept>>,
}

#[derive(Debug)]
struct Kept {
    folder: PathBuf,
    list: Vec<Change>,
    /// What the next line begins with: a line end, where a crash has cut the last line short.
    separator: &'static str,
}

impl History {
    pub(crate) fn new() -> Self {
        Self { changes: Mutex::new(None) }
    }

    /// Returns the changes that `is_wanted` says, the newest first.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub(crate) fn find(&self, folder: &Path, is_wanted: impl Fn(&Change) -> bool) -> io::Result<Vec<Change>> {
        self.with(folder, |kept| Ok(kept.list.iter().rev().filter(|change| is_wanted(change)).cloned().collect()))
    }

    /// Adds a change; its number is given here. Before it, what somebody has done to the file by hand.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(crate) fn add(&self, folder: &Path, before: Option<&str>, change: Change) -> io::Result<()> {
        self.with(folder, |kept| {
            let last = kept.list.iter().rev().find(|known| known.file == change.file);
            let is_known = last.is_none() && before.is_none() || last.is_some_and(|it| it.after.as_deref() == before);
            if !is_known {
                let old = last.and_then(|last| last.after.clone());
                let by_hand = Change {
                    author: "by hand".to_owned(),
                    action: if last.is_some() { "file changed" } else { "first seen" }.to_owned(),
                    note: String::new(),
                    diff: last
                        .map_or_else(String::new, |_| diff(&change.target, &change.file, (old.as_deref(), before))),
                    after: before.map(ToOwned::to_owned),
                    ..change.clone()
                };
                kept.append(by_hand)?;
            }
            kept.append(change)
        })
    }

    fn with<T>(&self, folder: &Path, work: impl FnOnce(&mut Kept) -> io::Result<T>) -> io::Result<T> {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = match changes.take().filter(|kept| kept.folder == folder) {
            Some(kept) => changes.insert(kept),
            None => changes.insert(read(folder)?),
        };
        work(kept)
    }
}

impl Kept {
    fn append(&mut self, mut change: Change) -> io::Result<()> {
        change.n = self.list.last().map_or(1, |last| last.n + 1);
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let path = self.folder.join(FILE);
        let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        let line = serde_json::to_string(&change).map_err(io::Error::other)?;
        file.write_all(format!("{}{line}\n", self.separator).as_bytes())?;
        self.separator = "";
        file.sync_data()?;
        self.list.push(change);
        Ok(())
    }
}

/// Reads the file; a line that a crash has cut short is left out.
fn read(folder: &Path) -> io::Result<Kept> {
    let text = match fs::read_to_string(folder.join(FILE)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    let list = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let separator = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    Ok(Kept { folder: folder.to_owned(), list, separator })
}

/// Returns the difference of what a change of `target` is about: of API definitions as they are written, of other files
/// without their secrets.
pub(crate) fn diff(target: &str, file: &str, (before, after): (Option<&str>, Option<&str>)) -> String {
    if target.starts_with(API) {
        return unified(file, before, after);
    }
    match marked(before, after) {
        Some((before, after)) => unified(file, before.as_deref(), after.as_deref()),
        None => format!("The difference of `{file}` is not shown: one side is no YAML, and may hold secrets.\n"),
    }
}

/// Returns the difference of two texts of a file, as `diff -u` writes it.
fn unified(file: &str, before: Option<&str>, after: Option<&str>) -> String {
    let name =
        |side: &str, text: Option<&str>| text.map_or_else(|| "/dev/null".to_owned(), |_| format!("{side}/{file}"));
    let (old, new) = (before.unwrap_or_default(), after.unwrap_or_default());
    let changes = similar::TextDiff::from_lines(old, new);
    changes.unified_diff().context_radius(3).header(&name("a", before), &name("b", after)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(after: Option<&str>) -> Change {
        Change {
            n: 0,
            at: 7,
            author: "ann".into(),
            action: "changed".into(),
            target: "api orders".into(),
            file: "orders.yaml".into(),
            note: String::new(),
            diff: String::new(),
            after: after.map(Into::into),
        }
    }

    #[test]
    fn changes_survive_a_restart_and_those_by_hand_are_noted() {
        let folder = tempfile::tempdir().unwrap();
        let history = History::new();
        history.add(folder.path(), None, change(Some("one"))).unwrap();
        history.add(folder.path(), Some("one"), change(Some("two"))).unwrap();
        History::new().add(folder.path(), Some("2"), change(Some("three"))).unwrap();
        let all = History::new().find(folder.path(), |_| true).unwrap();
        let shown: Vec<(u64, &str, Option<&str>)> =
            all.iter().map(|it| (it.n, it.author.as_str(), it.after.as_deref())).collect();
        let expected =
            [(4, "ann", Some("three")), (3, "by hand", Some("2")), (2, "ann", Some("two")), (1, "ann", Some("one"))];
        assert_eq!(shown, expected);
        assert!(all[1].diff.contains("-two") && all[1].diff.contains("+2"), "{}", all[1].diff);
    }

    #[test]
    fn a_line_that_was_cut_short_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        History::new().add(folder.path(), None, change(Some("one"))).unwrap();
        let path = folder.path().join(FILE);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{text}{{\"n\":2,\"at\"")).unwrap();
        assert_eq!(History::new().find(folder.path(), |_| true).unwrap().len(), 1);
        History::new().add(folder.path(), Some("one"), change(Some("two"))).unwrap();
        assert_eq!(History::new().find(folder.path(), |_| true).unwrap().len(), 2);
    }
}
