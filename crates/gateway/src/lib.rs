//! Configuration, compiled into a snapshot, and the decision about each request.
//!
//! Knows `http` types, no server. Reading order: `decide.rs`, then `snapshot.rs`, then `spec.rs` and `compile.rs`.

mod rejection;
mod request;

pub use rejection::{Code, Rejection};
pub use request::{Endpoint, Forward, PoolId, RequestHead, Upstream};
