//! Listening sockets: for each address one per worker, sharing the port.

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use socket2::{Domain, Protocol, Socket, Type};

use super::{Listener, StartError};
use crate::worker::Listening;

const BACKLOG: i32 = 4096;

/// The sockets of each worker.
type Sockets = Vec<Vec<(TcpListener, Listening)>>;

/// Binds every listener once for each worker; returns the addresses and each worker's sockets.
///
/// # Errors
///
/// [`StartError::Listen`] when an address cannot be had.
pub(super) fn bind_all(listeners: &[Listener], workers: usize) -> Result<(Vec<SocketAddr>, Sockets), StartError> {
    let mut addresses = Vec::new();
    let mut sockets: Sockets = (0..workers).map(|_| Vec::new()).collect();
    for listener in listeners {
        let failed = |source| StartError::Listen { address: listener.address, source };
        refuse_if_taken(listener.address).map_err(failed)?;
        let mut address = listener.address;
        for worker in &mut sockets {
            let socket = bind(address).map_err(failed)?;
            address = socket.local_addr().map_err(failed)?;
            worker.push((socket, Listening { role: listener.role, tls: listener.tls.clone() }));
        }
        addresses.push(address);
    }
    Ok((addresses, sockets))
}

/// Without this a second process of the same user would silently take half of the connections.
fn refuse_if_taken(address: SocketAddr) -> io::Result<()> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
