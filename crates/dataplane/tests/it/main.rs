//! The proxy over real sockets: raw clients in front, raw backends behind.

mod admin;
mod backend;
mod client;
mod fixture;
mod forwarding;
mod framing;
mod http2;
mod lifecycle;
mod records;
mod tls;
