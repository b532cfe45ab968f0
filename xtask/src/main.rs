//! Checks of the workspace's own rules, run by `make lint`: `cargo run -p xtask -- check`.
//!
//! Asks cargo what it would build and compares it with the rules written down here. Changes nothing.

mod crate_edges;
mod file_length;
mod forbidden_crates;

use std::{
    env,
    io::{self, Write},
    path::Path,
    process::{Command, ExitCode},
};

use anyhow::{Context, Result, bail};

/// Runs the named task; exit code 1 when a rule is broken.
fn main() -> Result<ExitCode> {
    let task = env::args().nth(1);
    match task.as_deref() {
        Some("check") => report(&check()?),
        _ => bail!("usage: cargo run -p xtask -- check"),
    }
}

/// Returns every broken rule, in words.
fn check() -> Result<Vec<String>> {
    let metadata = cargo(&["metadata", "--format-version", "1", "--no-deps", "--locked"])?;
    let tree = cargo(&["tree", "--workspace", "--edges", "all", "--prefix", "none", "--format", "{p}", "--locked"])?;
    let metadata = serde_json::from_str(&metadata).context("cargo metadata wrote no JSON")?;
    let mut broken = crate_edges::broken(&crate_edges::edges(&metadata));
    broken.extend(forbidden_crates::broken(&tree));
    broken.extend(file_length::broken(Path::new("."))?);
    Ok(broken)
}

/// Runs cargo and returns what it wrote.
fn cargo(arguments: &[&str]) -> Result<String> {
    let output = Command::new("cargo").args(arguments).output().context("cargo cannot be started")?;
    if !output.status.success() {
        bail!("cargo {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    String::from_utf8(output.stdout).context("cargo wrote no UTF-8")
}

/// Writes the broken rules, or that there are none.
fn report(broken: &[String]) -> Result<ExitCode> {
    let mut out = io::stdout().lock();
    for rule in broken {
        writeln!(out, "error: {rule}")?;
    }
    if broken.is_empty() {
        writeln!(out, "workspace rules: all kept")?;
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}
