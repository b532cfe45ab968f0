//! Configuration, compiled into a snapshot, and the decision about each request.
//!
//! Knows `http` types, no server. Reading order: `decide.rs`, then `snapshot.rs`, then `spec.rs` and `compile.rs`.

mod bind;
mod diagnostic;
mod fields;
mod forward;
mod parse;
mod path;
mod rejection;
mod request;
mod route;
mod span;
pub mod spec;
mod units;
mod yaml;

pub use rejection::{Code, Rejection};
pub use bind::{Literal, WebUrl};
pub use diagnostic::{Diagnostic, DiagnosticCode, Diagnostics, Severity};
pub use fields::{FieldClass, FieldRules};
pub use forward::{Forward, ReservedHeaderMode};
pub use parse::{Source, parse_api, parse_operator};
pub use path::{EncodedSlash, NormalPath, PathError};
pub use span::{Span, Spanned};
pub use units::{Bytes, DurationError, Lifetime, parse_duration};
pub use request::{Connection, Endpoint, PoolId, RequestHead, Upstream};
