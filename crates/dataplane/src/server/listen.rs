//! Listening sockets: for each address one per worker, sharing the port with each other and with nobody else.

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
        let (address, bound) = bind_shared(listener.address, workers)
            .map_err(|source| StartError::Listen { address: listener.address, source })?;
        for (worker, socket) in sockets.iter_mut().zip(bound) {
            worker.push((socket, Listening { role: listener.role, tls: listener.tls.clone() }));
        }
        addresses.push(address);
    }
    Ok((addresses, sockets))
}

/// Binds so many sockets to one address; returns it with the port that it came to be.
///
/// INVARIANT: the first one listens before it may be shared. While it does not allow that, the kernel lets nobody else
/// listen there, nor does it listen where somebody else does; a second process of the same user would otherwise silently
/// take half of the connections. What is shared later is tied to this socket.
fn bind_shared(address: SocketAddr, count: usize) -> io::Result<(SocketAddr, Vec<TcpListener>)> {
    let first = new_socket(address)?;
    first.bind(&address.into())?;
    first.listen(BACKLOG)?;
    first.set_reuse_port(true)?;
    let first = TcpListener::from(first);
    let address = first.local_addr()?;
    let mut sockets = vec![first];
    while sockets.len() < count {
        let socket = new_socket(address)?;
        socket.set_reuse_port(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        sockets.push(socket.into());
    }
    Ok((address, sockets))
}

fn new_socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, net::TcpStream, sync::Barrier, thread};

    use super::*;

    const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

    #[test]
    fn of_those_who_start_at_the_same_moment_one_gets_the_port() {
        for _ in 0..100 {
            let (address, _) = bind_shared(ANY, 1).unwrap();
            let barrier = Barrier::new(8);
            let start = || {
                barrier.wait();
                bind_shared(address, 2).ok()
            };
            let started: Vec<_> = thread::scope(|scope| {
                let threads: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
                threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
            });
            assert!(started.len() <= 1, "{} share {address}", started.len());
        }
    }

    #[test]
    fn who_has_a_port_keeps_it_and_all_its_sockets_get_connections() {
        let (address, sockets) = bind_shared(ANY, 3).unwrap();
        assert_eq!(bind_shared(address, 3).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        let mut clients = Vec::new();
        let mut accepted = HashSet::new();
        while accepted.len() < sockets.len() {
            assert!(clients.len() < 1000, "one of the sockets gets none");
            clients.push(TcpStream::connect(address).unwrap());
            accepted.extend((0..sockets.len()).filter(|index| sockets[*index].accept().is_ok()));
        }
    }
}
