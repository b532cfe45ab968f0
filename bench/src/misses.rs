//! What a user costs whom the gateway has not met: verified, looked up in a real store, mapped and signed.
//!
//! Each request is of another user. The same requests again are answered from the caches: the difference is the miss.

use std::{fmt::Write, path::Path, time::Duration};

use anyhow::{Result, bail};
use claims::Algorithm;
use serde_json::json;

use crate::{
    backend::Backend,
    clients::{Met, crowd},
    goals::micros,
    page::Section,
    progress::progress,
    servers::StoreServer,
    site::{Plan, Site},
    tokens::{Provider, request, user},
};

/// Clients at once.
pub(crate) const CLIENTS: usize = 16;
/// Users who come first, while connections are opened and statements prepared.
const FIRST: u64 = 50;
/// No store is asked for longer.
const TIME: Duration = Duration::from_secs(8);

/// A kind of store, and how many people are in it: as many as its server can be asked about in the time.
const KINDS: [Kind; 8] = [
    Kind { name: "none", about: "no user store: the token alone", people: 20_000 },
    Kind { name: "sqlite", about: "SQLite, two queries", people: 20_000 },
    Kind { name: "postgresql", about: "PostgreSQL over TLS, two queries", people: 20_000 },
    Kind { name: "mariadb", about: "MariaDB over TLS, two queries", people: 20_000 },
    Kind { name: "ldap", about: "LDAP: slapd over TLS", people: 5_000 },
    Kind { name: "http", about: "HTTP call-out: a Python service", people: 10_000 },
    Kind { name: "scim", about: "SCIM: scim2-server, by filter", people: 500 },
    Kind { name: "userinfo", about: "UserInfo: oidc-provider, and the introspection of the opaque token", people: 300 },
];

#[derive(Clone, Copy, Debug)]
struct Kind {
    name: &'static str,
    about: &'static str,
    people: u64,
}

/// What misses cost with one kind of store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Misses {
    /// The kind's short name.
    pub(crate) name: &'static str,
    /// What it is.
    pub(crate) about: &'static str,
    /// How many users were looked up.
    pub(crate) users: u64,
    /// In how long.
    pub(crate) elapsed: Duration,
    /// The gateway's processor time for each.
    pub(crate) miss: Duration,
    /// The same for a request that its caches answer.
    pub(crate) cached: Duration,
    /// The store's own processor time for each miss.
    pub(crate) server: Duration,
}

impl Misses {
    /// Returns how many users can be looked up in a second.
    pub(crate) fn rate(&self) -> f64 {
        self.users as f64 / self.elapsed.as_secs_f64()
    }

    /// Returns how many processors the gateway kept busy, and how many the store did.
    pub(crate) fn busy(&self) -> (f64, f64) {
        let share = |each: Duration| each.as_secs_f64() * self.rate();
        (share(self.miss), share(self.server))
    }
}

/// Measures the named kinds of store, or all.
///
/// # Errors
///
/// When a server does not start, or a user is not answered with 200 and a Backend JWT.
pub(crate) fn measure(folder: &Path, backend: &Backend, names: &[&str]) -> Result<Vec<Misses>> {
    if let Some(unknown) = names.iter().find(|name| !KINDS.iter().any(|kind| kind.name == **name)) {
        bail!("no kind of store `{unknown}`");
    }
    // What a look-up costs is told against what the rest costs.
    let is_wanted = |kind: &&Kind| kind.name == "none" || names.is_empty() || names.contains(&kind.name);
    let kinds = KINDS.iter().filter(is_wanted);
    kinds.map(|kind| one(*kind, &folder.join(kind.name), backend)).collect()
}

fn one(kind: Kind, folder: &Path, backend: &Backend) -> Result<Misses> {
    progress(&format!("misses: {}", kind.about));
    let server = (kind.name != "none").then(|| StoreServer::start(kind.name, kind.people)).transpose()?;
    let provider = Provider::new(Algorithm::Es256)?;
    let plan = Plan {
        backend: backend.address,
        provider: &provider,
        issuer: server.as_ref().and_then(|server| server.issuer.clone()),
        stores: server.iter().map(|server| server.store.clone()).collect(),
        apis: &[("orders", if kind.name == "none" { "none" } else { "people" })],
        more: json!({ "cache": { "maxBytes": "256MiB" } }),
        files: server.as_ref().map(|server| server.files.clone()).unwrap_or_default(),
    };
    let site = plan.start(folder)?;
    let requests = requests(kind, server.as_ref(), &provider)?;
    let (first, requests) = requests.split_at_checked(usize::try_from(FIRST)?).unwrap_or((&requests, &[]));
    ask(&site, backend, first)?;
    let spent = |server: Option<&StoreServer>| server.map_or(Ok(Duration::ZERO), StoreServer::cpu_time);
    let (before, server_before) = (site.cpu_time()?, spent(server.as_ref())?);
    let missed = ask(&site, backend, requests)?;
    let (after, server_after) = (site.cpu_time()?, spent(server.as_ref())?);
    let users = missed.times.len();
    let known = requests.get(..users).unwrap_or_default();
    ask(&site, backend, known)?;
    let cached = site.cpu_time()?.saturating_sub(after);
    let each = |time: Duration| time.div_f64(users as f64);
    Ok(Misses {
        name: kind.name,
        about: kind.about,
        users: users as u64,
        elapsed: missed.elapsed,
        miss: each(after.saturating_sub(before)),
        cached: each(cached),
        server: each(server_after.saturating_sub(server_before)),
    })
}

/// Returns a request of each user.
fn requests(kind: Kind, server: Option<&StoreServer>, provider: &Provider) -> Result<Vec<Vec<u8>>> {
    if let Some(tokens) = server.and_then(|server| server.tokens.as_ref()) {
        return Ok(tokens.iter().map(|token| request("orders", token)).collect());
    }
    (0..kind.people).map(|number| Ok(request("orders", &provider.token(&user(number))?))).collect()
}

/// Sends them all, as far as the time allows, and checks that each reached the backend with a Backend JWT.
fn ask(site: &Site, backend: &Backend, requests: &[Vec<u8>]) -> Result<Met> {
    backend.received();
    let request = |number| requests.get(usize::try_from(number).ok()?).cloned();
    let met = crowd(site.address, CLIENTS, TIME, request)?;
    let (sent, received) = (met.times.len() as u64, backend.received());
    if received.asserted != sent || met.with_status(200) != sent {
        bail!("of {sent} requests the backend saw {received:?}, answered {:?}\n{}", met.statuses, tail(&site.said()));
    }
    Ok(met)
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().rev().take(5).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}

/// Returns the part of the page.
pub(crate) fn section(measured: &[Misses]) -> Section {
    let without = measured.iter().find(|misses| misses.name == "none").map_or(Duration::ZERO, |misses| misses.miss);
    let mut text = "## A user whom the gateway has not met\n\n\
         | user store | misses a second | processor time of the gateway: a miss | a cached request | the look-up alone | of the store, a miss | processors busy: gateway | store | the bottleneck |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---|\n"
        .to_owned();
    for misses in measured {
        let (gateway, store) = misses.busy();
        let alone = misses.miss.saturating_sub(without);
        let bottleneck = match (gateway, store) {
            (gateway, store) if gateway + store < 0.7 => "neither: waiting for one another",
            (gateway, store) if store > gateway => "the store",
            _ => "the gateway",
        };
        let _ = writeln!(
            text,
            "| {} | {:.0} | {} | {} | {} | {} | {gateway:.2} | {store:.2} | {bottleneck} |",
            misses.about,
            misses.rate(),
            micros(misses.miss),
            micros(misses.cached),
            if misses.name == "none" { "–".to_owned() } else { micros(alone) },
            if misses.name == "none" { "–".to_owned() } else { micros(misses.server) },
        );
    }
    let _ = write!(
        text,
        "\nEach request is of another user, with a token of his own that is verified (ES256), looked up, mapped and signed \
         (ES256); {CLIENTS} clients at once, at most {} s. The same requests again are answered from the caches. Processor \
         time is user and system, of all threads, from `/proc`; \"the look-up alone\" is a miss less one without a store. The \
         servers are those of the tests, on the same machine as the gateway and the clients: the bottleneck is what keeps \
         more of its processors busy. The SCIM service searches all of its users for each question, and the UserInfo row \
         asks two questions for each user, as the token is opaque.\n",
        TIME.as_secs(),
    );
    Section { goals: Vec::new(), text }
}
