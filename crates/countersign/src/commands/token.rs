//! `countersign token`: access tokens for development, and a verdict on any token.

mod development_key;
mod issue;
mod jwks;
mod verify;

use std::{fs, process::ExitCode};

use anyhow::Context as _;

pub(crate) use self::{
    development_key::open_development_key,
    issue::{NewToken, issue},
};
use crate::{
    Process,
    cli::{TokenArguments, TokenCommand},
};

/// Runs one of the commands on tokens.
///
/// # Errors
///
/// When keys or tokens cannot be read. A token that is refused is no error but an exit code.
pub(crate) fn run(arguments: &TokenArguments, process: &Process) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        TokenCommand::Issue(arguments) => issue::run(arguments, process),
        TokenCommand::Verify(arguments) => verify::run(arguments, process),
    }
}

/// Reads a token as it was typed: `@FILE` is in a file, less one final line end.
///
/// # Errors
///
/// When the file cannot be read.
pub(crate) fn read(argument: &str) -> anyhow::Result<Vec<u8>> {
    let Some(path) = argument.strip_prefix('@') else { return Ok(argument.as_bytes().to_vec()) };
    let mut bytes = fs::read(path).with_context(|| format!("cannot read the token's file `{path}`"))?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    Ok(bytes)
}
