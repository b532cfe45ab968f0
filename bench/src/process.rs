//! One candidate as a process: started alone or under valgrind, waited for, looked at and stopped.
//!
//! Numbers come from the kernel's `/proc` and from callgrind's file. Ends only processes that it started.

use std::{
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// How long a candidate may take to listen, and to end.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running candidate; killed when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
}

impl Process {
    /// Starts `command`, its output thrown away or appended to `log`.
    ///
    /// # Errors
    ///
    /// When the program cannot be started.
    pub(crate) fn start(mut command: Command, log: &Path) -> Result<Self> {
        let log = fs::OpenOptions::new().create(true).append(true).open(log)?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().with_context(|| format!("cannot start {}", command.get_program().display()))?;
        Ok(Self { child })
    }

    /// Waits until it listens.
    ///
    /// # Errors
    ///
    /// When it ends first, or takes more than a minute.
    pub(crate) fn wait_for(&mut self, address: SocketAddr) -> Result<()> {
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("ended before it listened: {status}");
            }
            if start.elapsed() > PATIENCE {
                bail!("does not listen on {address}");
            }
            pause(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Returns the processor time that all its threads have used so far.
    ///
    /// # Errors
    ///
    /// When the kernel does not tell.
    pub(crate) fn cpu_time(&self) -> Result<Duration> {
        cpu_time(self.child.id())
    }

    /// Returns its resident memory in bytes.
    ///
    /// # Errors
    ///
    /// When the kernel does not tell.
    pub(crate) fn memory(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
    }

    /// Asks it to end (`SIGTERM`) and waits for that.
    ///
    /// # Errors
    ///
    /// When it does not end within a minute.
    pub(crate) fn stop(mut self) -> Result<ExitStatus> {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if start.elapsed() > PATIENCE {
                bail!("does not end");
            }
            pause(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the processor time that all threads of a process have used so far.
///
/// # Errors
///
/// When the kernel does not tell.
pub(crate) fn cpu_time(process: u32) -> Result<Duration> {
    let mut nanoseconds = 0;
    for task in fs::read_dir(format!("/proc/{process}/task"))? {
        let text = fs::read_to_string(task?.path().join("schedstat"))?;
        nanoseconds += text.split_whitespace().next().context("no schedstat")?.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// Waits a little for another process.
#[expect(clippy::disallowed_methods, reason = "the harness waits for other processes, and has nothing else to do")]
pub(crate) fn pause(duration: Duration) {
    thread::sleep(duration);
}

/// Returns an address of 127.0.0.1 that is free now.
///
/// # Errors
///
/// When no port can be had.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Wraps a command so that callgrind counts its instructions into `out`.
pub(crate) fn under_callgrind(command: &Command, out: &Path) -> Command {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["-q", "--tool=callgrind"]).arg(format!("--callgrind-out-file={}", out.display()));
    valgrind.arg(command.get_program()).args(command.get_args());
    valgrind
}

/// Returns the instructions that callgrind counted.
///
/// # Errors
///
/// When the file has no total: the candidate was killed.
pub(crate) fn counted_instructions(out: &Path) -> Result<u64> {
    let text = fs::read_to_string(out).with_context(|| format!("callgrind wrote no {}", out.display()))?;
    total(&text).with_context(|| format!("no total in {}", out.display()))
}

fn total(text: &str) -> Option<u64> {
    let line = text.lines().rev().find_map(|line| line.strip_prefix("totals:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_the_last_line_that_names_it() {
        assert_eq!(total("events: Ir\nsummary: 9\nfn=(1)\n1 5\ntotals: 123456\n"), Some(123_456));
        assert_eq!(total("events: Ir\n"), None);
    }

    #[test]
    fn a_process_has_time_and_memory_until_it_is_stopped() {
        let log = tempfile::NamedTempFile::new().unwrap();
        let mut command = Command::new("cat");
        command.arg("/dev/zero");
        let process = Process::start(command, Path::new("/dev/null")).unwrap();
        while process.cpu_time().unwrap().is_zero() {}
        assert!(process.memory().unwrap() > 0);
        assert!(!process.stop().unwrap().success());
        assert_eq!(fs::metadata(log.path()).unwrap().len(), 0);
    }
}
