//! The proxy over real sockets: raw clients in front, raw backends behind.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers too"
)]

mod backend;
mod client;
mod fixture;
mod forwarding;
mod framing;
mod http2;
mod lifecycle;
mod metrics;
mod records;
mod streams;
mod tls;
mod websocket;
