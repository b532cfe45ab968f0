//! Asks the running gateway on its admin listener: its caches, its connections, its keys.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use claims::Json;
use gateway::{Diagnostics, Question, parse_operator};
use reqwest::{Client, StatusCode, header::CONTENT_TYPE, redirect::Policy};

use super::text_member;
use crate::commands::configuration::read_source;

/// No explanation is longer.
const LONGEST: usize = 4 << 20;

/// Returns the running gateway's explanation.
///
/// # Errors
///
/// When it does not run, or does not explain.
pub(super) fn ask(config: &Path, question: Question<'_>) -> anyhow::Result<Json> {
    let operator = parse_operator(&read_source(config)?, &mut Diagnostics::new());
    let operator = operator.with_context(|| format!("`{}` is no operator's file", config.display()))?;
    let address = reachable(operator.admin.address.value);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime
        .block_on(post(address, question.to_json().to_string()))
        .with_context(|| format!("cannot ask the gateway on its admin address {address}"))
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

async fn post(address: SocketAddr, question: String) -> anyhow::Result<Json> {
    let client = Client::builder().redirect(Policy::none()).no_proxy().timeout(Duration::from_secs(30)).build()?;
    let request =
        client.post(format!("http://{address}/explain")).header(CONTENT_TYPE, "application/json").body(question);
    let mut response = request.send().await?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
        ensure!(body.len() <= LONGEST, "its answer is longer than {LONGEST} bytes");
    }
    if status == StatusCode::NOT_FOUND || status == StatusCode::METHOD_NOT_ALLOWED {
        bail!("the gateway that runs there has no `POST /explain`; without --live the explanation is made from here");
    }
    let answer = Json::parse(&body).context("its answer is no JSON")?;
    if !status.is_success() {
        bail!("{}", text_member(&answer, "detail"));
    }
    Ok(answer)
}
