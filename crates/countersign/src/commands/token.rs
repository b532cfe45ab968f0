//! `countersign token`: access tokens for development, and a verdict on any token.

mod development_key;
mod issue;
mod jwks;
mod verify;

use std::process::ExitCode;

pub(crate) use self::{
    development_key::DevelopmentKey,
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
