//! Every kind of user store against one set of people, and the cache in front of them.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers too"
)]

mod active_directory;
mod cache;
mod client_credentials;
mod conformance;
mod directory;
mod http_callout;
mod http_client;
mod ldap;
mod ldap_faults;
mod passwords;
mod races;
mod scim;
mod servers;
mod sql_servers;
mod sqlite;
mod testing;
mod userinfo;
