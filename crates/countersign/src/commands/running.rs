//! The running gateway: where its admin listener is, who asks, and what its machines' paths say.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use claims::Json;
use gateway::{Diagnostics, parse_operator};
use reqwest::{Client, Method, StatusCode, header::CONTENT_TYPE, redirect::Policy};
use url::Url;

use super::configuration::read_source;
use crate::{Process, cli::RunningArguments};

/// No answer is longer.
const LONGEST: usize = 4 << 20;

/// A gateway that runs, and who asks it.
#[derive(Debug)]
pub(crate) struct RunningGateway {
    /// Its admin listener.
    pub(crate) base: Url,
    /// An access token; without one whoever is on this machine may ask, unless a login is configured.
    pub(crate) token: Option<String>,
}

impl RunningGateway {
    /// Finds it: by its address, or in the operator's file.
    ///
    /// # Errors
    ///
    /// When neither says where it is, or the token cannot be read.
    pub(crate) fn of(arguments: &RunningArguments, process: &Process) -> anyhow::Result<Self> {
        let address = match &arguments.admin {
            Some(address) => address.clone(),
            None => format!("http://{}", admin_address(&arguments.config)?),
        };
        let base = Url::parse(&address).with_context(|| format!("`{address}` is no address"))?;
        ensure!(matches!(base.scheme(), "http" | "https"), "`{address}` is no http or https address");
        let token = match &arguments.token_file {
            Some(file) => Some(read_source(file)?.text.trim().to_owned()),
            None => process.variables.get("COUNTERSIGN_ADMIN_TOKEN").filter(|token| !token.is_empty()).cloned(),
        };
        Ok(Self { base, token })
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
        let asking = self.send((method, path), query, body);
        runtime.block_on(asking).with_context(|| format!("cannot ask the gateway on its admin address {}", self.base))
    }

    async fn send(&self, (method, path): (Method, &str), query: &[(&str, &str)], body: String) -> anyhow::Result<Json> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path.split('/').filter(|segment| !segment.is_empty()));
        }
        let client = Client::builder().redirect(Policy::none()).no_proxy().timeout(Duration::from_secs(30)).build()?;
        let mut request = client.request(method, url).query(query).header("X-Countersign-Csrf", "cli");
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
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
        if status == StatusCode::UNAUTHORIZED {
            bail!("it wants to know who asks: --token-file FILE, or the variable COUNTERSIGN_ADMIN_TOKEN");
        }
        if !status.is_success() {
            let detail = answer.as_object().and_then(|problem| problem.get("detail")).and_then(Json::as_str);
            bail!("{}", detail.unwrap_or_default());
        }
        Ok(answer)
    }
}

/// Finds the admin address in an operator's file.
fn admin_address(config: &Path) -> anyhow::Result<SocketAddr> {
    let operator = parse_operator(&read_source(config)?, &mut Diagnostics::new());
    let operator = operator.with_context(|| format!("`{}` is no operator's file", config.display()))?;
    Ok(reachable(operator.admin.address.value))
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
