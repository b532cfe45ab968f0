//! Fills the types of `spec` from a YAML tree.

mod text;

pub use text::{Literal, WebUrl};
