//! A server that is a script of ours around somebody else's: `tests/servers/*`, in Python or for Node.
//!
//! The script prints its port when it listens, and perhaps more in the same line; it ends when its input does: with this process, however that ends.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// The script's process. Dropping it kills the server.
pub(crate) struct Script {
    child: Child,
    port: u16,
    more: String,
}

impl Script {
    /// Starts a script with Python, in the environment that `tests/prepare python` makes.
    pub(crate) fn python(script: &str, arguments: &[&str]) -> Self {
        let python = tests().join(".venv/bin/python");
        assert!(python.is_file(), "no {}: run `tests/prepare python`", python.display());
        Self::start(Command::new(python), script, arguments)
    }

    /// Starts a script with Node, with the packages that `tests/prepare node` installs.
    pub(crate) fn node(script: &str, arguments: &[&str]) -> Self {
        let packages = tests().join("interop/node_modules");
        assert!(packages.is_dir(), "no {}: run `tests/prepare node`", packages.display());
        Self::start(Command::new("node"), script, arguments)
    }

    fn start(mut command: Command, script: &str, arguments: &[&str]) -> Self {
        command.arg(tests().join("servers").join(script)).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let (port, more) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        let port = port.parse().unwrap_or_else(|_| {
            let _ = child.kill();
            panic!("{script} did not start: {line:?}; try `tests/prepare python node`")
        });
        Self { child, port, more: more.to_owned() }
    }

    /// Returns what the script prints behind its port.
    pub(crate) fn more(&self) -> &str {
        &self.more
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the folder with the black-box tests and their packages.
fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests")
}
