//! The harness of `make bench`: measures, and writes docs/performance.md.
//!
//! `bench/run` builds what is measured and starts this. Everything runs on 127.0.0.1, bounded in count and time.

mod backend;
mod candidates;
mod gateway_files;
mod load;
mod process;
mod proxying;

use std::io::{self, Write};

use anyhow::Result;

use crate::{backend::Backend, proxying::Amount};

/// Measures and writes.
fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let backend = Backend::start()?;
    let mut all = candidates::all(folder.path(), backend.address)?;
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    all.retain(|it| wanted.is_empty() || wanted.iter().any(|name| name == it.name));
    let mut out = io::stdout().lock();
    for cost in proxying::measure(&all, &backend, Amount::FULL)? {
        writeln!(out, "{cost:?}")?;
    }
    Ok(())
}
