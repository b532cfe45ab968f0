//! The tests' own servers as user stores with many people: `bench/servers.py` as a process that is told what to do.

use std::{
    collections::HashMap,
    fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::process::{cpu_time, pause};

/// The tests' environment; `bench/run` starts everything in the repository's folder.
const PYTHON: &str = "tests/.venv/bin/python";
/// How long the servers may take to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A user store's server with people called `user-0`, `user-1` and so on; ended when dropped.
#[derive(Debug)]
pub(crate) struct StoreServer {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// The operator's `userStores` entry, named `people`.
    pub(crate) store: Value,
    /// The files that it names, with their texts.
    pub(crate) files: Vec<(String, String)>,
    /// What its issuer is like, where only one of its own will do …
    pub(crate) issuer: Option<Value>,
    /// … and that issuer's tokens, by the users' numbers.
    pub(crate) tokens: Option<Vec<String>>,
}

impl StoreServer {
    /// Starts the server of that kind with `people` in it.
    ///
    /// # Errors
    ///
    /// When it does not start: what it says goes to the standard error stream.
    pub(crate) fn start(kind: &str, people: u64) -> Result<Self> {
        let mut command = Command::new(PYTHON);
        command.args(["bench/servers.py", kind, &people.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child =
            command.spawn().with_context(|| format!("no {PYTHON}: run tests/prepare python node servers"))?;
        let input = child.stdin.take();
        let mut output = BufReader::new(child.stdout.take().context("no output")?);
        let mut line = String::new();
        output.read_line(&mut line)?;
        let mut told: HashMap<String, Value> =
            serde_json::from_str(&line).with_context(|| format!("the server `{kind}` did not start"))?;
        let mut take = |name: &str| told.remove(name).filter(|value| !value.is_null());
        let mut store = take("store").context("no store")?;
        if let Some(members) = store.as_object_mut() {
            members.insert("name".to_owned(), "people".into());
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let files = take("files").and_then(|files| files.as_object().cloned()).unwrap_or_default();
        let files = files.iter().map(|(name, content)| (name.clone(), text(content))).collect();
        let tokens = take("tokens");
        let tokens = tokens.as_ref().and_then(Value::as_array).map(|tokens| tokens.iter().map(text).collect());
        Ok(Self { child, input, output, store, files, issuer: take("issuer"), tokens })
    }

    /// Has it do something, and waits until that is done.
    ///
    /// # Errors
    ///
    /// When it does not do it.
    pub(crate) fn tell(&mut self, line: &str) -> Result<()> {
        let input = self.input.as_mut().context("the server has ended")?;
        writeln!(input, "{line}")?;
        input.flush()?;
        let mut answer = String::new();
        self.output.read_line(&mut answer)?;
        if answer != "done\n" {
            bail!("the server could not `{line}`: `{answer}`");
        }
        Ok(())
    }

    /// Returns the processor time that the server's processes have used so far.
    ///
    /// # Errors
    ///
    /// When the kernel does not tell.
    pub(crate) fn cpu_time(&self) -> Result<Duration> {
        Ok(descendants(self.child.id())?.into_iter().filter_map(|id| cpu_time(id).ok()).sum())
    }
}

impl Drop for StoreServer {
    fn drop(&mut self) {
        drop(self.input.take());
        let start = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && start.elapsed() < PATIENCE {
            pause(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the processes that this one has started, and those that they have.
fn descendants(of: u32) -> Result<Vec<u32>> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for process in fs::read_dir("/proc")? {
        let path = process?.path();
        if let Some((id, parent)) = identity(&path) {
            children.entry(parent).or_default().push(id);
        }
    }
    let mut found = vec![of];
    let mut next = 0;
    while let Some(id) = found.get(next).copied() {
        found.extend(children.remove(&id).unwrap_or_default());
        next += 1;
    }
    found.remove(0);
    Ok(found)
}

/// Returns a process's id and its parent's.
fn identity(path: &Path) -> Option<(u32, u32)> {
    let id = path.file_name()?.to_str()?.parse().ok()?;
    let stat = fs::read_to_string(path.join("stat")).ok()?;
    // The name stands in parentheses and may hold anything.
    let (_, after) = stat.rsplit_once(") ")?;
    Some((id, after.split(' ').nth(1)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descendants_are_found_and_their_parent_is_none_of_them() {
        let mut shell = Command::new("sh").args(["-c", "sleep 30 & wait"]).spawn().unwrap();
        let found = loop {
            let found = descendants(shell.id()).unwrap();
            if !found.is_empty() {
                break found;
            }
        };
        assert!(found.len() == 1 && !found.contains(&shell.id()));
        Command::new("kill").arg(found[0].to_string()).status().unwrap();
        shell.wait().unwrap();
        assert!(descendants(std::process::id()).unwrap().iter().all(|id| *id != shell.id()));
    }
}
