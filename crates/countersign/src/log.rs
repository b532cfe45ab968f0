//! The process's log: what happens to the process itself, on standard error. Requests are in the audit record.

use std::io::{self, IsTerminal as _};

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;

use crate::{Process, output};

/// The variable that says how much is logged: `debug`, or `info,gateway=debug`.
const VARIABLE: &str = "RUST_LOG";

/// Starts the log; `level` is what it shows unless the environment says otherwise.
///
/// # Errors
///
/// When `RUST_LOG` is no filter, or the log was started before.
pub(crate) fn start(process: &Process, level: &str) -> anyhow::Result<()> {
    let written = process.variables.get(VARIABLE).map_or(level, String::as_str);
    let filter = EnvFilter::try_new(written).with_context(|| {
        format!("{VARIABLE} is not a log filter such as `debug` or `info,gateway=debug`: `{written}`")
    })?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_target(false)
        .with_ansi(output::is_colourful(process, io::stderr().is_terminal()))
        .finish();
    tracing::subscriber::set_global_default(subscriber).context("the log was started before")
}
