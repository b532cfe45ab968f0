//! The admin listener: the REST API, the console, and what operators' machines ask: health, metrics, invalidation, reload.
//!
//! Runs on the binary's background runtime, never on a data worker. Every request passes `guard.rs` first: web pages of
//! others are refused. What may be changed is changed in the files (`files.rs`); here is who may, and how it is asked for.

mod acts;
mod body;
mod changes;
mod console;
mod desk;
mod guard;
mod machines;
mod masks;
mod person;
mod problem;
mod provider;
mod sessions;

mod traffic;
mod v1;

use std::{
    fmt, io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::Router;
use gateway::Gateway;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, task::JoinHandle};
use tower_http::{CompressionLevel, catch_panic::CatchPanicLayer, compression::CompressionLayer};

use self::desk::Desk;
use crate::files::{ConfigurationFiles, Reload};

const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// What the admin listener needs of the process.
#[derive(Clone)]
pub struct AdminParts {
    /// The running gateway.
    pub gateway: Arc<Gateway>,
    /// Its files.
    pub files: Arc<ConfigurationFiles>,
    /// Reads the clock.
    pub clock: fn() -> SystemTime,
    /// The version of this program.
    pub version: &'static str,
    /// Returns all metrics in the Prometheus text format.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// Is told of every reload and edit, to log it and to read certificates again.
    pub report: Arc<dyn Fn(&Reload) + Send + Sync>,
    /// Returns the last lines of the audit log, the oldest first.
    pub recent: Arc<dyn Fn() -> String + Send + Sync>,
    /// Writes a line into the audit log; false: it is full or has ended.
    pub note: Arc<dyn Fn(&str) -> bool + Send + Sync>,
}

impl fmt::Debug for AdminParts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AdminParts")
    }
}

/// The running admin listener. Dropping it stops it.
#[derive(Debug)]
pub struct Admin {
    address: SocketAddr,
    accepting: JoinHandle<()>,
    desk: Arc<Desk>,
}

impl Admin {
    /// Binds the listener and serves on the current runtime.
    ///
    /// # Errors
    ///
    /// When the address cannot be listened on.
    pub async fn start(address: SocketAddr, parts: AdminParts) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let desk = Arc::new(Desk::new(address, parts));
        let accepting = tokio::spawn(accept(listener, router(Arc::clone(&desk))));
        Ok(Self { address, accepting, desk })
    }

    /// Says at `/readyz` from now on that the process ends, so that load balancers look for another one.
    pub fn say_stopping(&self) {
        self.desk.say_stopping();
    }

    /// Returns the bound address.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Returns the OpenAPI document of the REST API.
pub fn openapi() -> String {
    v1::document().to_pretty_json().unwrap_or_default()
}

fn router(desk: Arc<Desk>) -> Router {
    Router::new()
        .merge(machines::routes())
        .nest("/api/v1", v1::routes())
        .fallback(console::serve)
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&desk), guard::check))
        .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
            axum::response::IntoResponse::into_response(problem::Problem::failed("a handler panicked"))
        }))
        // Whoever asks waits for it: the console's files are packed well, when they are built.
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .with_state(desk)
}

async fn accept(listener: TcpListener, router: Router) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let service = TowerToHyperService::new(router.clone());
                tokio::spawn(async move {
                    let connection = http1::Builder::new()
                        .timer(TokioTimer::new())
                        .header_read_timeout(HEAD_TIMEOUT)
                        .serve_connection(TokioIo::new(stream), service);
                    if let Err(error) = connection.await {
                        tracing::debug!(%error, "an admin connection ended");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "an admin connection cannot be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}
