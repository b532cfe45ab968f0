//! Configuration, compiled into a snapshot, and the decision about each request.
//!
//! Knows `http` types, no server. Reading order: `decide.rs`, then `snapshot.rs`, then `spec.rs` and `compile.rs`.

mod fields;
mod forward;
mod path;
mod rejection;
mod request;
mod route;

pub use rejection::{Code, Rejection};
pub use fields::{FieldClass, FieldRules};
pub use forward::{Forward, ReservedHeaderMode};
pub use path::{EncodedSlash, NormalPath, PathError};
pub use request::{Connection, Endpoint, PoolId, RequestHead, Upstream};
