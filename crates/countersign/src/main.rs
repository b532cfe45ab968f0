//! The one binary: an API gateway that tells the backend who is calling.
fn main() {}
