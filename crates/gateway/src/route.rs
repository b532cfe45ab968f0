//! From host, method and normal path to one operation of one API (backend-jwt.md §4).
//!
//! Bases are found by hash, longest first; operations by a segment trie for each verb: static before parameter before
//! wildcard, with backtracking. Nothing here knows security: it only says which operation a request is for.

mod bases;
mod operations;

pub use bases::{Base, BaseTable, DuplicateBase};
pub use operations::{Conflict, OperationRoutes, TargetError};
