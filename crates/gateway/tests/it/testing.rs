//! A gateway in a temporary folder, an issuer that it trusts, and requests to decide.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use claims::{Algorithm, RsaSize, SigningKey};
use gateway::{BrokenApis, Connection, Decision, Diagnostics, Gateway, ProcessSettings, RequestHead, Source, Sources};
use http::{HeaderValue, Request};
use serde_json::{Value, json};
use tempfile::TempDir;

/// 2026-01-01T00:00:00Z: every test starts here.
pub(crate) const START: u64 = 1_767_225_600;

pub(crate) const ISSUER: &str = "https://idp.example.com";

/// A configuration folder with an issuer's keys in it.
pub(crate) struct Folder {
    pub(crate) directory: TempDir,
    pub(crate) issuer: SigningKey,
    pub(crate) operator: String,
    pub(crate) apis: Vec<String>,
    runtime: tokio::runtime::Runtime,
}

/// A running gateway and its folder.
pub(crate) struct Running {
    pub(crate) folder: Folder,
    pub(crate) gateway: Arc<Gateway>,
    /// Background tasks that never end: they keep the issuers' keys fresh.
    lasting_tasks: usize,
}

pub(crate) const OPERATOR: &str = r"
gateway:
  issuer: https://gateway.example.com
  listeners: [{ address: 127.0.0.1:0 }]
  clockSkew: 10s
keys: { directory: keys/ }
issuers:
  - name: corp
    issuer: https://idp.example.com
    jwks: { file: issuer.json }
    algorithms: [ES256]
    audience: [orders-client]
    lookup: { claim: sub, userStores: [staff] }
userStores:
  - name: staff
    inline:
      users:
        - { user: alice, attributes: { email: alice@example.com, given_name: Alice, groups: [users, admins] } }
        - { user: bob, attributes: { email: bob@example.com, given_name: Bob, groups: [users] } }
";

pub(crate) const ORDERS: &str = r"
name: orders
basePath: /orders
version: '1.0'
type: REST
endpointConfigurations:
  production: [{ endpoint: http://127.0.0.1:9/base }]
operations:
  - { target: '/items/{id}', verb: GET, secured: true, scopes: [] }
  - { target: /items, verb: POST, secured: true, scopes: [write] }
  - { target: /open, verb: GET, secured: false }
apiPolicies:
  request: [{ policyName: BackendJwt }]
";

fn clock() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(START)
}

impl Folder {
    pub(crate) fn new(operator: &str, apis: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let issuer = SigningKey::generate(Algorithm::Es256, RsaSize::default()).unwrap();
        let mut jwk = Vec::new();
        issuer.public_jwk().unwrap().write_to(&mut jwk);
        let jwks = format!(r#"{{"keys":[{}]}}"#, String::from_utf8(jwk).unwrap());
        std::fs::write(directory.path().join("issuer.json"), jwks).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let apis = apis.iter().map(|api| (*api).to_owned()).collect();
        Self { directory, issuer, operator: operator.to_owned(), apis, runtime }
    }

    pub(crate) fn sources(&self) -> Sources {
        let path = |name: &str| -> PathBuf { self.directory.path().join(name) };
        let api =
            |(index, text): (usize, &String)| Source { path: path(&format!("api{index}.yaml")), text: text.clone() };
        Sources {
            operator: Source { path: path("countersign.yaml"), text: self.operator.clone() },
            apis: self.apis.iter().enumerate().map(api).collect(),
            applications: None,
            variables: BTreeMap::new(),
        }
    }

    pub(crate) fn try_start(self, clock: fn() -> SystemTime) -> Result<Running, Diagnostics> {
        let background = self.runtime.handle().clone();
        let process = ProcessSettings { background, clock, broken_apis: BrokenApis::Answer503 };
        let (gateway, _) = Gateway::start(&self.sources(), process)?;
        let lasting_tasks = self.runtime.metrics().num_alive_tasks();
        Ok(Running { folder: self, gateway, lasting_tasks })
    }

    /// Returns everything that is reported at the start, whether it can be lived with or not.
    pub(crate) fn diagnostics(&self) -> Diagnostics {
        let background = self.runtime.handle().clone();
        let process = ProcessSettings { background, clock, broken_apis: BrokenApis::Answer503 };
        match Gateway::start(&self.sources(), process) {
            Ok((_, diagnostics)) | Err(diagnostics) => diagnostics,
        }
    }

    pub(crate) fn start(self) -> Running {
        self.start_with(clock)
    }

    pub(crate) fn start_with(self, clock: fn() -> SystemTime) -> Running {
        self.try_start(clock).map_err(|diagnostics| diagnostics.to_string()).unwrap()
    }
}

impl Running {
    /// Waits until nothing is under way in the background.
    pub(crate) fn settle(&self) {
        while self.folder.runtime.metrics().num_alive_tasks() > self.lasting_tasks {
            std::thread::yield_now();
        }
    }

    pub(crate) fn token(&self, changes: &Value) -> String {
        let mut claims = json!({
            "iss": ISSUER, "sub": "alice", "aud": "orders-client", "client_id": "mobile", "scope": "read write",
            "iat": START - 5, "exp": START + 600,
        });
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => claims.as_object_mut().unwrap().remove(name),
                value => claims.as_object_mut().unwrap().insert(name.clone(), value.clone()),
            };
        }
        self.signed(&claims)
    }

    /// An access token of the issuer with exactly these claims.
    pub(crate) fn signed(&self, claims: &Value) -> String {
        let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": self.folder.issuer.kid() });
        let segment = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", segment(&header), segment(claims));
        let signature = self.folder.issuer.sign(message.as_bytes()).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Decides a request `seconds` after the start.
    pub(crate) fn decide_at(&self, seconds: u64, request: &str, fields: &[(&str, &str)]) -> Decision {
        self.decide_on(connection(), seconds, request, fields)
    }

    /// Decides a request on a connection.
    pub(crate) fn decide_on(
        &self,
        connection: Connection,
        seconds: u64,
        request: &str,
        fields: &[(&str, &str)],
    ) -> Decision {
        let (method, target) = request.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(target);
        if !fields.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", "api.example.com");
        }
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let head = Box::new(RequestHead {
            parts: request.body(()).unwrap().into_parts().0,
            connection: Arc::new(connection),
            request_id: HeaderValue::from_static("r1"),
        });
        let now = UNIX_EPOCH + Duration::from_secs(START + seconds);
        let published = self.gateway.published();
        let decision = published.snapshot.decide(self.gateway.runtime(), head, now);
        self.folder.runtime.block_on(decision)
    }

    pub(crate) fn decide(&self, request: &str, token: &str) -> Decision {
        self.decide_at(0, request, &[("authorization", &format!("Bearer {token}"))])
    }
}

/// A connection of a client without a certificate.
pub(crate) fn connection() -> Connection {
    Connection::new("192.0.2.7:4000".parse().unwrap(), false)
}

/// Returns the JWT's header and payload.
pub(crate) fn decoded(jwt: &str) -> (Value, Value) {
    let segments: Vec<&str> = jwt.split('.').collect();
    let part = |index: usize| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(segments[index]).unwrap()).unwrap();
    (part(0), part(1))
}

/// Returns the `X-JWT-Assertion` of a forwarded request.
pub(crate) fn assertion(decision: &Decision) -> String {
    let forward = decision.outcome.as_ref().unwrap();
    forward.head.parts.headers["x-jwt-assertion"].to_str().unwrap().to_owned()
}

pub(crate) fn code(decision: &Decision) -> &'static str {
    decision.outcome.as_ref().map_or_else(|rejection| rejection.code.text(), |_| "forwarded")
}
