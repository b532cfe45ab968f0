//! `decide` alone, for a known token whose Backend JWTs are cached: how long, and does the number of operations matter?

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::Path,
    sync::Arc,
    time::{Instant, SystemTime},
};

use anyhow::{Result, anyhow, bail};
use gateway::{BrokenApis, Connection, Decision, Gateway, ProcessSettings, RequestHead, Source, Sources};
use http::{HeaderMap, HeaderValue, Method, Request, header};

use crate::{
    gateway_files::{Caller, OPERATIONS, many_apis},
    statistics::Sample,
};

/// Requests decided between two looks at the clock.
const BATCH: usize = 100;
const ROUNDS: usize = 3000;
/// How many different operations are called.
const CALLED: usize = 10;

/// How long one decision takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decided {
    /// With ten operations in all.
    pub(crate) ten: Sample,
    /// With ten thousand; the ten that are called belong to different APIs.
    pub(crate) ten_thousand: Sample,
    /// With ten thousand, all of them called in turn: what the processor's caches add.
    pub(crate) all_in_turn: Sample,
}

/// Measures.
///
/// # Errors
///
/// When a gateway does not start or refuses a request.
pub(crate) fn measure(folder: &Path) -> Result<Decided> {
    let few = Subject::new(&folder.join("few"), 1)?;
    let many = Subject::new(&folder.join("many"), 1000)?;
    Ok(Decided {
        ten: few.measure(CALLED)?,
        ten_thousand: many.measure(CALLED)?,
        all_in_turn: many.measure(1000 * OPERATIONS)?,
    })
}

/// A gateway that is asked.
struct Subject {
    gateway: Arc<Gateway>,
    runtime: tokio::runtime::Runtime,
    connection: Arc<Connection>,
    headers: HeaderMap,
    apis: usize,
}

impl Subject {
    fn new(folder: &Path, apis: usize) -> Result<Self> {
        fs::create_dir(folder)?;
        let caller = Caller::new(folder)?;
        let nowhere: SocketAddr = "127.0.0.1:1".parse()?;
        let files = many_apis(&caller, nowhere, apis);
        let path = files.write(folder, nowhere, nowhere)?;
        let operator = Source { text: fs::read_to_string(&path)?, path };
        let definitions = files.api_sources(folder);
        let sources = Sources { operator, apis: definitions, applications: None, variables: BTreeMap::new() };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let process = ProcessSettings { background: runtime.handle().clone(), clock, broken_apis: BrokenApis::Refuse };
        let (gateway, _) = Gateway::start(&sources, process)
            .map_err(|diagnostics| anyhow!("{:?}", diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>()))?;
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("api.example.com"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static("Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101"));
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip, br"));
        headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static("en"));
        headers.insert(header::AUTHORIZATION, HeaderValue::try_from(format!("Bearer {}", caller.token))?);
        let connection = Arc::new(Connection::new("127.0.0.1:2".parse()?, false));
        Ok(Self { gateway, runtime, connection, headers, apis })
    }

    /// Decides requests for `called` different operations, spread evenly over all APIs.
    fn measure(&self, called: usize) -> Result<Sample> {
        let step = (self.apis * OPERATIONS / called).max(1);
        let mut operations = (0..called).map(|number| number * step).cycle();
        self.decide(operations.by_ref().take(called.max(BATCH)).map(|number| self.head(number)).collect())?;
        let mut times = Vec::with_capacity(ROUNDS);
        for _ in 0..ROUNDS {
            let heads: Result<Heads> = operations.by_ref().take(BATCH).map(|number| self.head(number)).collect();
            let start = Instant::now();
            let decisions = self.decide(heads)?;
            times.push(start.elapsed() / u32::try_from(BATCH)?);
            check(decisions)?;
        }
        Ok(Sample::of(times))
    }

    fn decide(&self, heads: Result<Heads>) -> Result<Vec<Decision>> {
        let heads = heads?;
        let mut decisions = Vec::with_capacity(heads.len());
        let published = self.gateway.publications().load();
        let now = clock();
        self.runtime.block_on(async {
            for head in heads {
                decisions.push(published.snapshot.decide(self.gateway.runtime(), head, now).await);
            }
        });
        Ok(decisions)
    }

    /// Returns a request for one of the operations.
    fn head(&self, number: usize) -> Result<Box<RequestHead>> {
        let (api, operation) = (number / OPERATIONS % self.apis, number % OPERATIONS);
        let method = if operation.is_multiple_of(2) { Method::GET } else { Method::PUT };
        let target = format!("/api{api}/1.0/things{}/42?expand=lines", operation / 2);
        let mut parts = Request::builder().method(method).uri(target).body(())?.into_parts().0;
        parts.headers = self.headers.clone();
        Ok(Box::new(RequestHead {
            parts,
            connection: Arc::clone(&self.connection),
            request_id: HeaderValue::from_static("6a8d3f0c2b1e4d5f9a7c6b5e4d3c2b1a"),
        }))
    }
}

type Heads = Vec<Box<RequestHead>>;

/// Checks that every request goes on with one Backend JWT.
fn check(decisions: Vec<Decision>) -> Result<()> {
    for decision in decisions {
        let forward = decision.outcome.map_err(|rejection| anyhow!("refused: {rejection:?}"))?;
        if forward.head.parts.headers.get_all("x-jwt-assertion").iter().count() != 1 {
            bail!("a request without one Backend JWT");
        }
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the harness is where time enters")]
fn clock() -> SystemTime {
    SystemTime::now()
}
