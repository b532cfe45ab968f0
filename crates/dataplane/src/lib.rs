//! Enforcement points over the gateway's decisions: the proxy, JWKS and discovery.
//!
//! Reading order: `proxy.rs` (one request), `connection.rs` (one client), `worker.rs` (one core), `server.rs` (all of it).
//! `envoy.rs` is the other way to ask: for calls that Envoy forwards. Decides nothing itself; what hyper lets through and we do not is in `strict.rs`.

mod audit;
mod body;
mod client;
mod client_io;
mod clock;
mod connection;
mod decision;
mod envoy;
mod events;
mod exchange;
mod metrics;
mod mirror;
mod presence;
mod proxy;
mod server;
mod streams;
mod strict;
mod timers;
mod tls;
mod tunnel;
mod upstream;
mod worker;

pub use audit::{AuditCounts, AuditLog, AuditNotes, AuditPressure, RecentLines};
pub use client::{Asker, Patience, Role};
pub use decision::{Deciding, Decision, Decisions, Document, Facts};
pub use events::{Delivery, EventListener, Receipt, Receive};
pub use metrics::{DataMetrics, Exposition};
pub use server::{Listener, Server, Settings, StartError};
pub use tls::{ClientCertificates, TlsError, TlsIdentity};
