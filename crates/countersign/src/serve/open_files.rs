//! How many files the process may have open: each call needs two, the client's connection and the backend's.
//!
//! Shells and service managers give a process a soft limit of 1 024, for programs that use `select(2)`, and a hard one that
//! is hundreds of times as high. This one does not use `select`.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Fewer than this are too few for a gateway.
const FEW: u64 = 4096;

/// Raises the soft limit to the hard one, and says so when that is low.
pub(super) fn raise_limit() {
    let hard = getrlimit(Resource::Nofile).maximum;
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: hard, maximum: hard }) {
        tracing::warn!(%error, "the limit of open files cannot be raised");
    }
    let limit = getrlimit(Resource::Nofile).current;
    if let Some(limit) = limit.filter(|limit| *limit < FEW) {
        tracing::warn!(limit, "few files may be open, and each call needs two: raise `ulimit -n` or `LimitNOFILE`");
    }
}
