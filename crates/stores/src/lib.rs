//! User stores: where the end user's attributes live, and the cache in front of them.
//!
//! A store answers with canonical attribute names; only mapped attributes leave it. LDAP, SCIM, PostgreSQL and the
//! others fit the same [`UserStore`] seam. Does not know policies, tokens or HTTP.

mod error;
mod user_store;

pub use error::StoreError;
pub use user_store::{BoxFuture, UserStore};
