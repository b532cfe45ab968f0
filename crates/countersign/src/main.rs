//! The one binary: an API gateway that tells the backend who is calling.
//!
//! Reads the process's environment and arguments, once, and hands over to one command. Commands are in `commands/`; the
//! servers of `serve` are wired in `serve.rs`. Exit codes are documented in `cli.rs`.

mod cli;
mod clock;
mod commands;
mod listeners;
mod log;
mod output;
mod serve;

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

use clap::Parser as _;

use crate::{
    cli::{Cli, Command},
    commands::{
        admin, api_key, check, completions, config, demo, disclosures, explain, import, keys, state, stores, token,
    },
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a command takes from its process.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    /// The environment, for `{env: …}` secrets and colours; variables that are not UTF-8 are left out.
    pub(crate) variables: BTreeMap<String, String>,
    /// The time at which the command began.
    pub(crate) now: std::time::SystemTime,
    /// This program, for command lines to paste.
    pub(crate) program: PathBuf,
}

fn main() -> ExitCode {
    // One crypto provider for everything; an error means that it is installed already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let variables =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("countersign"));
    let process = Process { variables: variables.collect(), now: clock::now(), program };
    match dispatch(Cli::parse().command, process) {
        Ok(code) => code,
        Err(error) => {
            output::message(&format!("error: {error:#}"));
            ExitCode::from(cli::EXIT_CANNOT)
        }
    }
}

fn dispatch(command: Command, process: Process) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(arguments) => {
            log::start(&process, "info")?;
            serve::run(arguments.into_settings(process.variables))
        }
        Command::Apis(arguments) => admin::apis::run(&arguments, &process),
        Command::Policies(arguments) => admin::policies::run(&arguments, &process),
        Command::Apps(arguments) => admin::apps::run(&arguments, &process),
        Command::Preview(arguments) => admin::preview::run(&arguments, &process),
        Command::ApiKey(arguments) => api_key::run(&arguments, &process),
        Command::Check(arguments) => check::run(&arguments, &process),
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Manual(arguments) => completions::manual(&arguments),
        Command::Import(arguments) => import::run(&arguments, &process),
        Command::Config(arguments) => config::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments, process),
        Command::Disclosures(arguments) => disclosures::run(&arguments, &process),
        Command::Explain(arguments) => explain::run(&arguments, &process),
        Command::Keys(arguments) => keys::run(&arguments, &process),
        Command::State(arguments) => state::run(&arguments, &process),
        Command::Stores(arguments) => stores::run(&arguments, &process),
        Command::Token(arguments) => token::run(&arguments, &process),
    }
}
