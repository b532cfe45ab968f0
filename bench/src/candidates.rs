//! The proxies that are compared: how each is configured and started. All get the same request bytes.

use std::{
    env,
    ffi::OsString,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{
    gateway_files::{self, Caller},
    process::{Process, free_address},
};

/// What all candidates are asked.
pub(crate) const TARGET: &str = "/orders/1.0/items/42?expand=lines";

/// One proxy in one configuration.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    /// The short name, as goals use it.
    pub(crate) name: &'static str,
    /// What it is, for the table.
    pub(crate) about: String,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// What it is sent.
    pub(crate) request: Vec<u8>,
    /// What the backend must have seen of it.
    pub(crate) assertion: Assertion,
    program: PathBuf,
    arguments: Vec<OsString>,
    log: PathBuf,
}

/// Whether the candidate adds a Backend JWT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Assertion {
    /// To no request.
    Absent,
    /// To every request, exactly one.
    Present,
}

impl Candidate {
    /// Starts it; it may not listen yet.
    ///
    /// # Errors
    ///
    /// When the program cannot be started.
    pub(crate) fn start(&self) -> Result<Process> {
        Process::start(self.command(), &self.log)
    }

    /// Returns the command that starts it.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        command
    }

    /// Returns the file for what it writes to its standard output and error.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// Returns the end of what it wrote there.
    pub(crate) fn said(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().rev().take(5).collect();
        format!("{} said, last line first: {}", self.name, lines.join(" / "))
    }
}

/// Writes every candidate's configuration below `folder` and returns them, the bare proxy first.
///
/// # Errors
///
/// When a file cannot be written or no port can be had.
pub(crate) fn all(folder: &Path, backend: SocketAddr) -> Result<Vec<Candidate>> {
    let caller = Caller::new(folder)?;
    let request = request(&caller.token);
    let bare = free_address()?;
    let arguments = [bare.to_string().into(), backend.to_string().into()];
    Ok(vec![
        Candidate {
            name: "B0",
            about: "bare hyper proxy, no log".to_owned(),
            address: bare,
            request: request.clone(),
            assertion: Assertion::Absent,
            program: own_program("bare")?,
            arguments: arguments.into(),
            log: folder.join("bare.log"),
        },
        gateway(folder, &request, ("B1", Assertion::Absent), &gateway_files::open_api(&caller, backend))?,
        gateway(folder, &request, ("B2", Assertion::Present), &gateway_files::secured_api(&caller, backend))?,
        nginx(folder, &request, backend)?,
        haproxy(folder, &request, backend)?,
    ])
}

/// Returns the request that all candidates get: what a browser application sends, with an access token.
fn request(token: &str) -> Vec<u8> {
    format!(
        "GET {TARGET} HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101\r\n\
         Accept: application/json\r\nAccept-Encoding: gzip, br\r\nAccept-Language: en\r\nAuthorization: Bearer {token}\r\n\r\n"
    )
    .into_bytes()
}

/// Returns the gateway with 1 000 APIs and 10 000 operations.
///
/// # Errors
///
/// When a file cannot be written.
pub(crate) fn with_many_apis(folder: &Path, backend: SocketAddr, admin: SocketAddr) -> Result<Candidate> {
    let caller = Caller::new(folder)?;
    let address = free_address()?;
    let configuration = gateway_files::many_apis(&caller, backend, 1000).write(folder, address, admin)?;
    Ok(Candidate {
        name: "start",
        about: "countersign, 1 000 APIs".to_owned(),
        address,
        request: request(&caller.token),
        assertion: Assertion::Present,
        program: own_program("countersign")?,
        arguments: ["serve".into(), "--config".into(), configuration.into()].into(),
        log: folder.join("output.log"),
    })
}

fn gateway(
    folder: &Path,
    request: &[u8],
    (name, assertion): (&'static str, Assertion),
    files: &gateway_files::Files,
) -> Result<Candidate> {
    let address = free_address()?;
    let configuration = files.write(&folder.join(name), address, free_address()?)?;
    Ok(Candidate {
        name,
        about: match assertion {
            Assertion::Absent => "countersign, open API, audit and metrics on".to_owned(),
            Assertion::Present => "B1 with a known token and its cached Backend JWT".to_owned(),
        },
        address,
        request: request.to_vec(),
        assertion,
        program: own_program("countersign")?,
        arguments: ["serve".into(), "--config".into(), configuration.into()].into(),
        log: folder.join(name).join("output.log"),
    })
}

fn nginx(folder: &Path, request: &[u8], backend: SocketAddr) -> Result<Candidate> {
    let address = free_address()?;
    let folder = folder.join("nginx");
    fs::create_dir(&folder)?;
    let path = folder.join("nginx.conf");
    let here = folder.display();
    let text = format!(
        "daemon off;\nmaster_process off;\nworker_processes 1;\npid {here}/pid;\nerror_log {here}/error.log;\n\
         events {{ worker_connections 8192; }}\n\
         http {{\n  access_log {here}/access.log combined;\n  keepalive_requests 1000000000;\n  \
         client_body_temp_path {here}/1;\n  proxy_temp_path {here}/2;\n  fastcgi_temp_path {here}/3;\n  \
         uwsgi_temp_path {here}/4;\n  scgi_temp_path {here}/5;\n  \
         upstream backend {{ server {backend}; keepalive 128; keepalive_requests 1000000000; }}\n  \
         server {{\n    listen {address};\n    location / {{\n      proxy_pass http://backend;\n      \
         proxy_http_version 1.1;\n      proxy_set_header Connection \"\";\n    }}\n  }}\n}}\n"
    );
    fs::write(&path, text)?;
    Ok(Candidate {
        name: "nginx",
        about: format!("{}, access log on", version("nginx", "-v")),
        address,
        request: request.to_vec(),
        assertion: Assertion::Absent,
        program: "nginx".into(),
        arguments: ["-c".into(), path.into(), "-p".into(), folder.clone().into()].into(),
        log: folder.join("output.log"),
    })
}

fn haproxy(folder: &Path, request: &[u8], backend: SocketAddr) -> Result<Candidate> {
    let address = free_address()?;
    let folder = folder.join("haproxy");
    fs::create_dir(&folder)?;
    let path = folder.join("haproxy.cfg");
    let text = format!(
        "global\n  nbthread 1\n  maxconn 8192\n  log stdout format raw local0\n\
         defaults\n  mode http\n  log global\n  option httplog\n  http-reuse always\n  timeout connect 5s\n  \
         timeout client 75s\n  timeout server 60s\n\
         frontend front\n  bind {address}\n  default_backend back\n\
         backend back\n  server only {backend}\n"
    );
    fs::write(&path, text)?;
    Ok(Candidate {
        name: "HAProxy",
        about: format!("{}, access log on", version("haproxy", "-v")),
        address,
        request: request.to_vec(),
        assertion: Assertion::Absent,
        program: "haproxy".into(),
        arguments: ["-db".into(), "-f".into(), path.into()].into(),
        log: folder.join("output.log"),
    })
}

/// Returns a program of this workspace: it was built into the harness's own folder.
///
/// # Errors
///
/// When the harness does not know where it is.
pub(crate) fn own_program(name: &str) -> Result<PathBuf> {
    let harness = env::current_exe()?;
    Ok(harness.parent().context("the harness is nowhere")?.join(name))
}

/// Returns the first line of what a program says about its version.
pub(crate) fn version(program: &str, argument: &str) -> String {
    let output = Command::new(program).arg(argument).output();
    let text = output.map(|output| [output.stdout, output.stderr].concat()).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().next().unwrap_or("not installed");
    let line = line.trim_start_matches("nginx version: ").split(" - ").next().unwrap_or_default();
    line.trim().to_owned()
}
