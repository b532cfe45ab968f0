//! A server's process, which ends with the test process however that ends.

use std::{
    error::Error,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Mutex,
    time::{Duration, Instant},
};

use tokio::net::TcpSocket;

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

/// Returns a port of this process's own, until it ends: held by a socket that never listens, so that the system gives it to
/// nobody, while whoever says `SO_REUSEADDR` may listen there.
pub(crate) fn free_port() -> u16 {
    static HELD: Mutex<Vec<TcpSocket>> = Mutex::new(Vec::new());
    let holder = TcpSocket::new_v4().unwrap();
    holder.set_reuseaddr(true).unwrap();
    holder.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let port = holder.local_addr().unwrap().port();
    HELD.lock().unwrap().push(holder);
    port
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
