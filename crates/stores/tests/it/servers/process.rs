//! A server's process, which ends with the test process however that ends.

use std::{
    error::Error,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    time::{Duration, Instant},
};

/// How long a server may take to start on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// A server's process. Dropping it kills the server.
pub(crate) struct Process(Child);

impl Process {
    /// Starts `program`. A shell between us and it waits for the end of its input, which our death is too.
    ///
    /// `leftover` is a folder to remove then: of a server that lives as long as the test process.
    pub(crate) fn start(program: &Path, arguments: &[&str], log: &Path, leftover: Option<&Path>) -> Self {
        const WATCH: &str = r#""$@" >"$LOG" 2>&1 </dev/null & server=$!
            cat >/dev/null; kill -9 $server; wait $server; [ -z "$LEFTOVER" ] || rm -rf "$LEFTOVER""#;
        let child = Command::new("sh")
            .args(["-c", WATCH, "sh"])
            .arg(program)
            .args(arguments)
            .env("LOG", log)
            .env("LEFTOVER", leftover.unwrap_or(Path::new("")))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; try `tests/prepare servers`"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Returns a program by its name, wherever Debian puts it.
pub(crate) fn program(name: &str, folders: &[&str]) -> PathBuf {
    let folders = folders.iter().copied().chain(["/usr/local/bin", "/usr/bin", "/usr/local/sbin", "/usr/sbin"]);
    let found = folders.map(|folder| Path::new(folder).join(name)).find(|program| program.is_file());
    found.unwrap_or_else(|| panic!("no `{name}` here: run `tests/prepare servers`"))
}

/// Returns a port that nobody listens on now, another one at each call.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Below the range that the system gives to clients, and elsewhere in each process.
    let start = u16::try_from(std::process::id() % 10_000).unwrap() + 15_000;
    loop {
        let port = 15_000 + (start - 15_000 + NEXT.fetch_add(1, Ordering::Relaxed)) % 15_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Waits until a server does what is asked of it; else shows why it does not, and the server's log.
pub(crate) async fn wait_until_ready<E: Error>(log: &Path, mut attempt: impl AsyncFnMut() -> Result<(), E>) {
    let start = Instant::now();
    while let Err(error) = attempt().await {
        let said = || std::fs::read_to_string(log).unwrap_or_default();
        assert!(start.elapsed() < PATIENCE, "the server did not start: {error}: {}", said());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
