//! The running gateway, asked on its admin listener.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use claims::Json;
use gateway::{Diagnostics, parse_operator};
use reqwest::{Client, Method, StatusCode, header::CONTENT_TYPE, redirect::Policy};

use super::configuration::read_source;

/// No answer is longer.
const LONGEST: usize = 4 << 20;

/// The gateway that runs with an operator's file.
#[derive(Debug)]
pub(crate) struct RunningGateway(SocketAddr);

impl RunningGateway {
    /// Finds its admin address in the operator's file.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or is none.
    pub(crate) fn of(config: &Path) -> anyhow::Result<Self> {
        let operator = parse_operator(&read_source(config)?, &mut Diagnostics::new());
        let operator = operator.with_context(|| format!("`{}` is no operator's file", config.display()))?;
        Ok(Self(reachable(operator.admin.address.value)))
    }

    /// Returns where it is.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.0
    }

    /// Returns what it says at a path.
    ///
    /// # Errors
    ///
    /// When it does not run, or refuses.
    pub(crate) fn get(&self, path: &str) -> anyhow::Result<Json> {
        self.ask(Method::GET, path, &[], String::new())
    }

    /// Asks it to do something, and returns what it says.
    ///
    /// # Errors
    ///
    /// As [`Self::get`].
    pub(crate) fn post(&self, path: &str, query: &[(&str, &str)], body: String) -> anyhow::Result<Json> {
        self.ask(Method::POST, path, query, body)
    }

    fn ask(&self, method: Method, path: &str, query: &[(&str, &str)], body: String) -> anyhow::Result<Json> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let asking = send(self.0, (method, path), query, body);
        runtime.block_on(asking).with_context(|| format!("cannot ask the gateway on its admin address {}", self.0))
    }
}

/// Returns an address to connect to: a listener on every address is on this machine, too.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

async fn send(
    address: SocketAddr,
    (method, path): (Method, &str),
    query: &[(&str, &str)],
    body: String,
) -> anyhow::Result<Json> {
    let client = Client::builder().redirect(Policy::none()).no_proxy().timeout(Duration::from_secs(30)).build()?;
    let request = client.request(method, format!("http://{address}{path}")).query(query);
    let mut response = request.header(CONTENT_TYPE, "application/json").body(body).send().await?;
    let status = response.status();
    let is_problem = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "application/problem+json");
    let mut whole = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        whole.extend_from_slice(&chunk);
        ensure!(whole.len() <= LONGEST, "its answer is longer than {LONGEST} bytes");
    }
    if status == StatusCode::METHOD_NOT_ALLOWED || (status == StatusCode::NOT_FOUND && !is_problem) {
        bail!("the gateway that runs there is of another version: it has no `{path}`");
    }
    let answer = Json::parse(&whole).context("its answer is no JSON")?;
    if !status.is_success() {
        let detail = answer.as_object().and_then(|problem| problem.get("detail")).and_then(Json::as_str);
        bail!("{}", detail.unwrap_or_default());
    }
    Ok(answer)
}
