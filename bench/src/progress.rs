//! Lines on the standard error stream that say what is being measured: a run takes minutes.

use std::io::{self, Write};

/// Says what comes next.
pub(crate) fn progress(text: &str) {
    let _ = writeln!(io::stderr().lock(), "· {text}");
}
