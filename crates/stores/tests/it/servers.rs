//! The servers that the tests start, each in a folder of its own and on a free port, and end again.

pub(crate) mod databases;
pub(crate) mod openid;
pub(crate) mod people;
pub(crate) mod population;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod samba;
pub(crate) mod scim;
pub(crate) mod script;
pub(crate) mod slapd;
pub(crate) mod web;
