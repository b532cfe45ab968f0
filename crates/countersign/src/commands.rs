//! The commands but `serve`: one file each.

pub(crate) mod admin;
pub(crate) mod api_key;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod config;
mod configuration;
pub(crate) mod demo;
pub(crate) mod disclosures;
pub(crate) mod explain;
pub(crate) mod import;
pub(crate) mod keys;
mod running;
pub(crate) mod state;
pub(crate) mod stores;
pub(crate) mod token;
