//! How soon a role that is taken away is gone from the Backend JWT, by each way in which the gateway is told.

use std::{
    fmt::Write,
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use aws_lc_rs::hmac;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use claims::Algorithm;
use serde_json::json;

use crate::{
    backend::Backend,
    clients::Client,
    goals::{Goal, Kind, millis},
    page::Section,
    process::{free_address, pause},
    progress::progress,
    servers::StoreServer,
    site::{Plan, Site},
    statistics::Sample,
    tokens::{ISSUER, Provider, now, request, user},
};

const ROUNDS: u64 = 25;
const SECRET: &[u8; 32] = b"0123456789abcdef0123456789abcdef";
const AUDIENCE: &str = "https://gateway.example.com/events";
const CHANGED: &str = "https://schemas.openid.net/secevent/caep/event-type/token-claims-change";
/// No change takes longer to be seen.
const PATIENCE: Duration = Duration::from_secs(30);

/// How the gateway is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Notify,
    Webhook,
    SecurityEvent,
}

impl Way {
    const ALL: [Self; 3] = [Self::Notify, Self::Webhook, Self::SecurityEvent];

    const fn about(self) -> &'static str {
        match self {
            Self::Notify => "PostgreSQL `NOTIFY`",
            Self::Webhook => "a signed webhook",
            Self::SecurityEvent => "a security event token (CAEP token-claims-change)",
        }
    }
}

/// One gateway over `PostgreSQL` that listens to all of them.
struct World<'a> {
    backend: &'a Backend,
    server: StoreServer,
    provider: Provider,
    site: Site,
    events: SocketAddr,
}

/// Measures.
///
/// # Errors
///
/// When a server does not start, an event is refused, or a role does not go.
pub(crate) fn measure(folder: &Path, backend: &Backend) -> Result<Section> {
    progress("roles that are taken away");
    let mut world = World::start(folder, backend)?;
    let mut measured = Vec::new();
    for (number, way) in Way::ALL.into_iter().enumerate() {
        let first = number as u64 * ROUNDS;
        let times: Result<Vec<Duration>> = (first..first + ROUNDS).map(|number| world.take_away(way, number)).collect();
        measured.push((way, times?));
    }
    Ok(section(measured))
}

impl<'a> World<'a> {
    fn start(folder: &Path, backend: &'a Backend) -> Result<Self> {
        let mut server = StoreServer::start("postgresql", ROUNDS * Way::ALL.len() as u64)?;
        let provider = Provider::new(Algorithm::Es256)?;
        let events = free_address()?;
        if let Some(store) = server.store.as_object_mut() {
            store.insert("cache".to_owned(), json!({ "ttl": "1h" }));
        }
        let mut files = server.files.clone();
        files.push(("hr.secret".to_owned(), format!("whsec_{}", STANDARD.encode(SECRET))));
        let plan = Plan {
            backend: backend.address,
            provider: &provider,
            issuer: None,
            stores: vec![server.store.clone()],
            apis: &[("orders", "people")],
            more: json!({ "events": {
                "address": events.to_string(),
                "webhooks": [{ "name": "hr", "secret": { "file": "hr.secret" }, "userStores": ["people"] }],
                "sharedSignals": [{ "name": "corp", "issuer": "corp", "audience": AUDIENCE }],
            } }),
            files,
        };
        let site = plan.start(folder)?;
        let start = Instant::now();
        while !site.said().contains("listening for changes") {
            if start.elapsed() > PATIENCE {
                bail!("it does not listen to the database\n{}", site.said());
            }
            pause(Duration::from_millis(20));
        }
        Ok(Self { backend, server, provider, site, events })
    }

    /// Takes a role from a user; returns the time from before the gateway is told until an answer without the role.
    fn take_away(&mut self, way: Way, number: u64) -> Result<Duration> {
        let name = user(number);
        let role = format!("orders-group-{}", number % 20);
        let request = request("orders", &self.provider.token(&name)?);
        let mut client = self.site.client()?;
        for _ in 0..2 {
            if !self.has(&mut client, &request, &role)? {
                bail!("{name} has no {role} to begin with");
            }
        }
        let change = format!("DELETE FROM memberships WHERE username = '{name}' AND name = '{role}'");
        if way != Way::Notify {
            self.server.tell(&format!("sql {change}"))?;
            if !self.has(&mut client, &request, &role)? {
                bail!("{role} is gone before anybody said so");
            }
        }
        let told = Instant::now();
        match way {
            Way::Notify => {
                self.server.tell(&format!("sql BEGIN; {change}; NOTIFY staff_changed, '{name}'; COMMIT"))?;
            }
            Way::Webhook => self.post("/webhooks/hr", &webhook(&name)?)?,
            Way::SecurityEvent => self.post("/shared-signals/corp", &self.security_event(&name)?)?,
        }
        while self.has(&mut client, &request, &role)? {
            if told.elapsed() > PATIENCE {
                bail!("{role} does not go");
            }
        }
        Ok(told.elapsed())
    }

    /// Calls, and says whether the Backend JWT that the backend got has the role.
    fn has(&self, client: &mut Client, request: &[u8], role: &str) -> Result<bool> {
        self.backend.received();
        let status = client.ask(request)?.status;
        if status != 200 || self.backend.received().asserted != 1 {
            bail!("answered {status}\n{}", self.site.said());
        }
        let assertion = self.backend.last_assertion();
        let payload = assertion.split(|byte| *byte == b'.').nth(1).context("no JWT")?;
        let payload = String::from_utf8(URL_SAFE_NO_PAD.decode(payload)?)?;
        Ok(payload.contains(&format!("\"{role}\"")))
    }

    fn security_event(&self, name: &str) -> Result<(String, String)> {
        let now = now()?;
        let claims = json!({
            "iss": ISSUER, "aud": AUDIENCE, "iat": now, "jti": format!("set-{name}"),
            "sub_id": { "format": "iss_sub", "iss": ISSUER, "sub": name },
            "events": { CHANGED: { "event_timestamp": now } },
        });
        Ok(("Content-Type: application/secevent+jwt\r\n".to_owned(), self.provider.sign("secevent+jwt", &claims)?))
    }

    fn post(&self, path: &str, (fields, body): &(String, String)) -> Result<()> {
        let length = body.len();
        let head = format!("POST {path} HTTP/1.1\r\nHost: gateway\r\n{fields}Content-Length: {length}\r\n\r\n");
        let mut client = Client::connect(self.events)?;
        let answer = client.ask((head + body).as_bytes())?;
        if answer.status == 202 { Ok(()) } else { bail!("the event was answered {answer:?}") }
    }
}

/// Returns the header fields and the body of a message, signed as Standard Webhooks are.
fn webhook(name: &str) -> Result<(String, String)> {
    let (body, at) = (json!({ "userStore": "people", "user": name }).to_string(), now()?);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET), format!("msg_1.{at}.{body}").as_bytes());
    let signature = STANDARD.encode(tag.as_ref());
    let fields = format!("webhook-id: msg_1\r\nwebhook-timestamp: {at}\r\nwebhook-signature: v1,{signature}\r\n");
    Ok((fields, body))
}

fn section(measured: Vec<(Way, Vec<Duration>)>) -> Section {
    let mut text = "## A role that is taken away\n\n\
         | told by | median | longest |\n|---|---:|---:|\n"
        .to_owned();
    let mut worst = Duration::ZERO;
    for (way, times) in measured {
        let longest = times.iter().max().copied().unwrap_or_default();
        worst = worst.max(longest);
        let _ = writeln!(text, "| {} | {} | {} |", way.about(), millis(Sample::of(times).median), millis(longest));
    }
    let _ = write!(
        text,
        "\nFrom before the gateway is told until the answer to the first call whose Backend JWT lacks the role, {ROUNDS} users \
         each, over PostgreSQL with a time to live of an hour. With `NOTIFY` the transaction that takes the role away is \
         within that time.\n"
    );
    let goal = Goal {
        text: "a role taken away is gone from the next JWT within 1 s of the event".to_owned(),
        measured: millis(worst),
        is_met: worst <= Duration::from_secs(1),
        kind: Kind::Timed,
    };
    Section { goals: vec![goal], text }
}
