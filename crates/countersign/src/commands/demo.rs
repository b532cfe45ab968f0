//! `countersign demo`: a whole example in one process. Users in `SQLite`, a token issuer, an echo backend, and the gateway
//! as `serve` runs it.

mod echo;
mod files;
mod http;
mod issuer;
mod ports;
mod script;

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::Context as _;
use gateway::BrokenApis;

use self::{echo::Echo, files::Folder, issuer::Issuer, ports::Ports};
use crate::{
    Process,
    cli::DemoArguments,
    commands::token::open_development_key,
    log, output,
    serve::{self, ServeSettings},
};

/// Runs the example until it is interrupted.
///
/// # Errors
///
/// When files cannot be written, or a port cannot be had.
pub(crate) fn run(arguments: &DemoArguments, process: Process) -> anyhow::Result<ExitCode> {
    log::start(&process, "warn,countersign=info")?;
    let folder = Folder::open(arguments.dir.as_deref(), &process)?;
    let servers = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("demo")
        .enable_all()
        .build()
        .context("cannot start the demo's threads")?;
    let (ports, listeners) = Ports::choose(arguments, &folder)?;
    servers.block_on(folder.write(ports))?;
    let key = open_development_key(&folder.path().join("issuer"))?;
    {
        let _inside = servers.enter();
        let (echo, issuer) = (Arc::new(Echo::new(ports)), Arc::new(Issuer::new(ports, key)));
        servers.spawn(http::serve(listeners.echo()?, move |request| {
            let echo = Arc::clone(&echo);
            async move { echo.answer(&request).await }
        }));
        servers.spawn(http::serve(listeners.issuer()?, move |request| {
            let issuer = Arc::clone(&issuer);
            async move { issuer.answer(&request) }
        }));
    }
    let config: PathBuf = folder.path().join("countersign.yaml");
    let settings = ServeSettings { config, variables: process.variables, broken_apis: BrokenApis::Answer503 };
    let running = serve::start(settings)?;
    output::result(&script::text(ports, &folder, &process.program))?;
    let running = running.wait();
    running.stop();
    servers.shutdown_background();
    folder.close()?;
    Ok(ExitCode::SUCCESS)
}
