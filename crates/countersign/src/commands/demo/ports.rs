//! The demo's ports: those that were asked for, or free ones where they are taken.

use std::{
    io,
    net::{Ipv4Addr, TcpListener},
};

use anyhow::Context as _;
use serde_json::{Value, json};

use super::files::Folder;
use crate::{cli::DemoArguments, output};

/// Where the demo listens, on the loopback address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ports {
    pub(super) gateway: u16,
    pub(super) echo: u16,
    pub(super) issuer: u16,
    pub(super) admin: u16,
}

/// The listeners of the demo's own servers.
#[derive(Debug)]
pub(super) struct Listeners {
    echo: TcpListener,
    issuer: TcpListener,
}

impl Ports {
    /// Takes the ports that the folder's files name already, or chooses.
    ///
    /// # Errors
    ///
    /// When a port that the files name is taken.
    pub(super) fn choose(arguments: &DemoArguments, folder: &Folder) -> anyhow::Result<(Self, Listeners)> {
        if let Some(ports) = folder.ports() {
            let take = |port: u16| {
                listen(port).with_context(|| {
                    let files = folder.path().display();
                    format!("the files in `{files}` use port {port}, which is taken; remove the folder for other ports")
                })
            };
            return Ok((ports, Listeners { echo: take(ports.echo)?, issuer: take(ports.issuer)? }));
        }
        // All at once, so that no two of them get the same free port.
        let (gateway, admin) = (free(arguments.port)?, free(arguments.admin_port)?);
        let (echo, issuer) = (free(arguments.echo_port)?, free(arguments.issuer_port)?);
        let ports = Self { gateway: port(&gateway)?, echo: port(&echo)?, issuer: port(&issuer)?, admin: port(&admin)? };
        Ok((ports, Listeners { echo, issuer }))
    }

    /// Writes them for the next run in the same folder.
    pub(super) fn to_json(self) -> Value {
        json!({"gateway": self.gateway, "echo": self.echo, "issuer": self.issuer, "admin": self.admin})
    }

    /// Reads what [`Self::to_json`] wrote.
    pub(super) fn from_json(value: &Value) -> Option<Self> {
        let port = |name: &str| value.get(name)?.as_u64().and_then(|port| u16::try_from(port).ok());
        Some(Self { gateway: port("gateway")?, echo: port("echo")?, issuer: port("issuer")?, admin: port("admin")? })
    }
}

impl Listeners {
    /// Returns the echo backend's listener, for the current runtime.
    ///
    /// # Errors
    ///
    /// When the system does not let it be used without blocking.
    pub(super) fn echo(&self) -> io::Result<tokio::net::TcpListener> {
        into_async(&self.echo)
    }

    /// Returns the token issuer's listener, for the current runtime.
    ///
    /// # Errors
    ///
    /// As [`Self::echo`].
    pub(super) fn issuer(&self) -> io::Result<tokio::net::TcpListener> {
        into_async(&self.issuer)
    }
}

fn into_async(listener: &TcpListener) -> io::Result<tokio::net::TcpListener> {
    let listener = listener.try_clone()?;
    listener.set_nonblocking(true)?;
    tokio::net::TcpListener::from_std(listener)
}

fn listen(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
}

fn free(wanted: u16) -> anyhow::Result<TcpListener> {
    if let Ok(listener) = listen(wanted) {
        return Ok(listener);
    }
    let listener = listen(0).context("cannot listen on the loopback address")?;
    output::message(&format!("port {wanted} is taken; using {} in its place", port(&listener)?));
    Ok(listener)
}

fn port(listener: &TcpListener) -> anyhow::Result<u16> {
    Ok(listener.local_addr()?.port())
}
