//! The binary as people and scripts use it: arguments in, output and exit code out, files on a real disk.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers too"
)]

mod api_key;
mod check;
mod config;
mod demo;
mod disclosures;
mod explain;
mod import;
mod keys;
mod testing;
mod token;
