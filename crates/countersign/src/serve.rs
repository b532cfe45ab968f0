//! `countersign serve`: every listener, thread and task of the process, in the order in which they start.
//!
//! Wiring only: what is decided is `gateway`'s, what is sent is `dataplane`'s. Ports: `gateway.listeners`,
//! `gateway.keysAddress` and `envoy.address` (data plane), `admin.address` (REST API, console, health, metrics).

mod events;
mod metrics;
mod open_files;
mod reload;
mod upkeep;

use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    io::{self, Write},
    net::SocketAddr,
    num::NonZeroUsize,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, anyhow};
use control::{Admin, AdminParts, ConfigurationFiles, Reload, StateWatch, Watch};
use dataplane::{AuditLog, AuditPressure, Decisions, EventListener, Exposition, Patience, Role, Server, Settings};
use gateway::{BrokenApis, Diagnostics, Gateway, ProcessSettings, spec};
use tokio::{
    runtime::Runtime,
    signal::unix::{Signal, SignalKind, signal},
};

use crate::{
    clock,
    listeners::{Identity, Listeners},
};

/// What `serve` is started with.
#[derive(Clone, Debug)]
pub(crate) struct ServeSettings {
    /// The operator's file.
    pub(crate) config: PathBuf,
    /// The process's environment, for `{env: …}` secrets.
    pub(crate) variables: BTreeMap<String, String>,
    /// What to do with broken API files.
    pub(crate) broken_apis: BrokenApis,
}

/// A running gateway with all its listeners.
#[derive(Debug)]
pub(crate) struct Running {
    gateway: Arc<Gateway>,
    files: Arc<ConfigurationFiles>,
    identities: Identities,
    server: Server,
    /// What the server's listeners serve, in their order.
    roles: Vec<Role>,
    admin: Admin,
    events: Option<EventListener>,
    watch: Option<Watch>,
    state_watch: Option<StateWatch>,
    signals: Signals,
    grace: Duration,
    background: Runtime,
}

/// What the operator may send: received from before the gateway says that it is ready.
#[derive(Debug)]
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

/// The certificates of the TLS listeners, to be replaced when their files change.
type Identities = Arc<Vec<Identity>>;

/// Runs until a signal ends it.
///
/// # Errors
///
/// When the configuration is broken or a listener cannot be had.
pub(crate) fn run(settings: ServeSettings) -> anyhow::Result<ExitCode> {
    let running = start(settings)?;
    running.announce();
    let running = running.wait();
    running.stop();
    Ok(ExitCode::SUCCESS)
}

/// Starts everything and returns; the caller ends it with [`Running::stop`].
///
/// # Errors
///
/// As [`run`].
pub(crate) fn start(settings: ServeSettings) -> anyhow::Result<Running> {
    open_files::raise_limit();
    let background = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("background")
        .enable_all()
        .build()
        .context("cannot start the background threads")?;
    let signals = signals(&background).context("cannot receive signals")?;
    let files = Arc::new(ConfigurationFiles::new(settings.config, settings.variables, background.handle().clone()));
    let gateway = start_gateway(&files, &background, settings.broken_apis)?;
    let published = Arc::clone(&gateway.published());
    let operator = &published.operator;

    let mut diagnostics = Diagnostics::new();
    let listeners = Listeners::read(operator, &mut diagnostics);
    if diagnostics.has_errors() {
        return Err(broken(&diagnostics));
    }
    let identities = Arc::new(listeners.identities);
    let roles = listeners.data.iter().map(|listener| listener.role).collect();
    let decisions = Decisions::of(Arc::clone(&gateway));
    let server = Server::start(&listeners.data, data_settings(operator), &decisions, audit(operator)?)?;
    let watch = watch(&files, &gateway, &identities);
    let state_watch = StateWatch::start(&files, &gateway, report(&identities));
    // What was changed since the files were read, the watch has not seen.
    reload::report(&files.reload_if_changed(&gateway));
    let admin_address = operator.admin.address.value;
    let parts = admin_parts(&gateway, &files, &identities, &server);
    let admin = background
        .block_on(Admin::start(admin_address, parts))
        .with_context(|| format!("cannot listen on the admin address {admin_address}"))?;
    let events = events::start(operator, listeners.events.as_deref(), &gateway, &background)?;
    upkeep::start(&background, &files, &gateway);
    let grace = operator.gateway.shutdown_grace.value;
    Ok(Running {
        gateway,
        files,
        identities,
        server,
        roles,
        admin,
        events,
        watch,
        state_watch,
        signals,
        grace,
        background,
    })
}

impl Running {
    /// Returns the data listeners' addresses, in the order of the file.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        self.server.local_addrs()
    }

    /// Returns the admin listener's address.
    pub(crate) fn admin_address(&self) -> SocketAddr {
        self.admin.local_addr()
    }

    /// Waits for `SIGTERM` or `SIGINT`; `SIGHUP` reloads.
    pub(crate) fn wait(mut self) -> Self {
        loop {
            let Signals { terminate, interrupt, hang_up } = &mut self.signals;
            let is_over = self.background.block_on(async {
                tokio::select! {
                    _ = terminate.recv() => true,
                    _ = interrupt.recv() => true,
                    _ = hang_up.recv() => false,
                }
            });
            if is_over {
                return self;
            }
            self.reload();
        }
    }

    /// Stops accepting, finishes what is under way, and returns.
    pub(crate) fn stop(self) {
        tracing::info!("stopping: finishing the requests under way");
        self.admin.say_stopping();
        drop(self.watch);
        drop(self.state_watch);
        drop(self.events);
        self.server.shutdown(self.grace);
        drop(self.admin);
        self.background.shutdown_timeout(Duration::from_secs(1));
        tracing::info!("stopped");
    }

    fn reload(&self) {
        reload::report(&self.files.reload(&self.gateway));
        reload::certificates(&self.identities);
    }

    fn announce(&self) {
        let published = self.gateway.published();
        for (address, role) in self.addresses().iter().zip(&self.roles) {
            match role {
                Role::Data => tracing::info!(%address, "listening"),
                Role::Keys => tracing::info!(%address, "listening for readers of keys"),
                Role::Envoy(_) => tracing::info!(%address, "listening for Envoy"),
            }
        }
        tracing::info!(address = %self.admin_address(), "listening for operators: REST API, console, health, metrics");
        if let Some(events) = &self.events {
            tracing::info!(address = %events.local_addr(), "listening for events");
        }
        tracing::info!(apis = published.snapshot.apis.len(), revision = published.snapshot.revision, "ready");
    }
}

fn signals(background: &Runtime) -> io::Result<Signals> {
    let _entered = background.enter();
    Ok(Signals {
        terminate: signal(SignalKind::terminate())?,
        interrupt: signal(SignalKind::interrupt())?,
        hang_up: signal(SignalKind::hangup())?,
    })
}

fn start_gateway(
    files: &ConfigurationFiles,
    background: &Runtime,
    broken_apis: BrokenApis,
) -> anyhow::Result<Arc<Gateway>> {
    let process = ProcessSettings { background: background.handle().clone(), clock: clock::now, broken_apis };
    let started = files.read().and_then(|sources| Ok((Gateway::start(&sources, process)?, sources)));
    match started {
        Ok(((gateway, diagnostics), sources)) => {
            files.started(&sources);
            reload::log(&diagnostics);
            Ok(gateway)
        }
        Err(diagnostics) => Err(broken(&diagnostics)),
    }
}

/// Says what is wrong with the configuration, and that nothing was started.
fn broken(diagnostics: &Diagnostics) -> anyhow::Error {
    let _ = write!(io::stderr().lock(), "{diagnostics}");
    anyhow!("the configuration has {} errors; nothing was started", diagnostics.error_count())
}

fn data_settings(operator: &spec::Operator) -> Settings {
    let gateway = &operator.gateway;
    let defaults = Settings::default();
    let workers = gateway.workers.as_ref().and_then(|workers| usize::try_from(workers.value).ok());
    Settings {
        workers: workers.and_then(NonZeroUsize::new).unwrap_or(defaults.workers),
        patience: Patience {
            head: gateway.limits.header_timeout.value,
            idle: gateway.limits.idle_timeout.value,
            ..defaults.patience
        },
        largest_head: usize::try_from(gateway.limits.header_bytes.value.0).unwrap_or(defaults.largest_head),
        most_fields: usize::try_from(gateway.limits.headers.value).unwrap_or(defaults.most_fields),
        upstream_idle: gateway.upstream.idle_timeout.value,
        ..defaults
    }
}

fn audit(operator: &spec::Operator) -> anyhow::Result<AuditLog> {
    let pressure = match operator.audit.mode.value {
        spec::AuditMode::Block => AuditPressure::Block,
        spec::AuditMode::Drop => AuditPressure::Drop,
    };
    let output: Box<dyn Write + Send> = match (&operator.audit.file, operator.audit.enabled.value) {
        (_, false) => Box::new(io::sink()),
        (None, true) => Box::new(io::stdout()),
        (Some(file), true) => {
            let path = &file.value;
            let opened = OpenOptions::new().create(true).append(true).open(path);
            Box::new(opened.with_context(|| format!("cannot write the audit log `{}`", path.display()))?)
        }
    };
    AuditLog::start(output, pressure).context("cannot start the audit log")
}

fn admin_parts(
    gateway: &Arc<Gateway>,
    files: &Arc<ConfigurationFiles>,
    identities: &Identities,
    server: &Server,
) -> AdminParts {
    let (measured, state) = (Arc::clone(gateway), Arc::clone(files));
    let (data, notes) = (server.metrics(), server.audit_notes());
    let recent = server.recent_lines();
    AdminParts {
        gateway: Arc::clone(gateway),
        files: Arc::clone(files),
        clock: clock::now,
        version: env!("CARGO_PKG_VERSION"),
        metrics: Arc::new(move || {
            let mut exposition = Exposition::default();
            data.render(&mut exposition);
            metrics::render(&measured, &mut exposition);
            metrics::render_state(state.state_status(), &mut exposition);
            exposition.into_text()
        }),
        report: Arc::new(report(identities)),
        recent: Arc::new(move || recent.text()),
        note: Arc::new(move |line| notes.write(line)),
    }
}

/// Says what a reload came to, and reads certificates again.
fn report(identities: &Identities) -> impl Fn(&Reload) + Send + Sync + 'static {
    let identities = Arc::clone(identities);
    move |outcome| {
        reload::report(outcome);
        reload::certificates(&identities);
    }
}

fn watch(files: &Arc<ConfigurationFiles>, gateway: &Arc<Gateway>, identities: &Identities) -> Option<Watch> {
    Watch::start(Arc::clone(files), Arc::clone(gateway), report(identities))
        .map_err(|error| tracing::warn!(%error, "files are not watched; send SIGHUP to reload"))
        .ok()
}
