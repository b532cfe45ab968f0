//! From `spec` to a snapshot: the only place where text becomes a domain type.
//!
//! Synchronous and offline; mirrors `spec` file for file. Reports every mistake, each with its place, and goes on. Files
//! that the operator's file names (secrets, certificates, JWKS) are read here; no server is asked.

mod accesses;
mod admin_login;
mod api_keys;
mod apis;
mod applications;
mod certificate_authorities;
mod dialects;
mod endpoints;
mod envoy;
mod events;
mod introspections;
mod issuers;
mod limits;
mod operations;
mod passwords;
mod policies;
pub(crate) mod secrets;
mod state;
mod stores;
mod treatment;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap},
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use claims::{Dialect, HeaderForm};
use http::HeaderName;

pub use endpoints::Pools;
pub use state::StateAddress;

use crate::{
    admin_login::AdminLogin,
    api_keys::ApiKeys,
    certificate_authority::CertificateAuthority,
    diagnostic::{Diagnostic, DiagnosticCode, Diagnostics},
    documents::Documents,
    events::EventSources,
    fields::{FieldRules, collapse},
    fingerprint::Fingerprint,
    issue::IssuePolicy,
    issuer::{Issuer, UserStoreHandle},
    keyring::LoadedKeys,
    parse::{Source, parse_applications, parse_operator},
    proof_nonces::{NonceDemand, ProofNonces},
    revocations::StreamLimits,
    snapshot::{Api, Snapshot},
    span::Span,
    spec,
    time::seconds,
    treatment::RateLimit,
};

/// Everything that is compiled: the files, as read, and the process's environment.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The operator's file.
    pub operator: Source,
    /// The API definitions, in name order.
    pub apis: Vec<Source>,
    /// Applications besides those of the operator's file, which several gateways share.
    pub applications: Option<Source>,
    /// The environment, for `{env: …}` secrets.
    pub variables: BTreeMap<String, String>,
}

/// What the compile step takes from the process, and gives back to the next one.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// Where stores run their queries.
    pub background: &'a tokio::runtime::Handle,
    /// The numbers of upstream pools.
    pub pools: &'a Pools,
    /// What was published before, to carry over what did not change.
    pub previous: Option<&'a Compiled>,
    /// Now.
    pub now: SystemTime,
}

/// A compiled configuration.
#[derive(Debug)]
pub struct Compiled {
    /// What requests see.
    pub snapshot: Snapshot,
    /// The operator's file as written, for listeners and other settings of the process.
    pub operator: spec::Operator,
    /// All user stores, by name.
    pub stores: BTreeMap<Box<str>, Arc<UserStoreHandle>>,
    /// All issuers.
    pub issuers: Vec<Arc<Issuer>>,
    /// All dialects, the built-in ones too.
    pub dialects: Vec<Arc<Dialect>>,
    /// How operators prove who they are; `None`: not at all.
    pub login: Option<Arc<AdminLogin>>,
    /// Who may tell that users have changed.
    pub events: EventSources,
    /// All signing keys, for the key ring.
    pub keys: LoadedKeys,
    /// API files that are broken, when that was allowed.
    pub broken: Vec<PathBuf>,
}

/// What to do with broken API files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokenApis {
    /// Their APIs answer 503: at start.
    Answer503,
    /// Nothing is published: while running, and with `--strict`.
    Refuse,
}

/// Parses and compiles. Errors in API files leave a broken API behind if `broken_apis` says so.
///
/// `None` with at least one error in `diagnostics` when nothing may be published.
pub fn compile(
    sources: &Sources,
    surroundings: Surroundings<'_>,
    broken_apis: BrokenApis,
    diagnostics: &mut Diagnostics,
) -> Option<Compiled> {
    let mut operator = parse_operator(&sources.operator, diagnostics)?;
    if let Some(source) = &sources.applications {
        operator.applications.extend(parse_applications(source, diagnostics));
    }
    let folder = sources.operator.path.parent().unwrap_or(Path::new(""));
    let mut scope = Scope::new(&operator, folder, sources, surroundings, diagnostics);
    let is_operator_sound = !diagnostics.has_errors();
    let mut set = apis::compile_all(&sources.apis, &mut scope, diagnostics);
    applications::check_subscriptions(&operator.applications, &set.apis, diagnostics);
    let broken_apis = if operator.gateway.strict.value { BrokenApis::Refuse } else { broken_apis };
    let may_publish = match broken_apis {
        BrokenApis::Answer503 => is_operator_sound,
        BrokenApis::Refuse => !diagnostics.has_errors(),
    };
    diagnostics.sort();
    if !may_publish {
        return None;
    }
    let broken = std::mem::take(&mut set.broken);
    let Scope { stores, issuers, mut keys, events, dialects, login, rate_limits, fields, credential_headers, .. } =
        scope;
    let fields = fields.with_credentials(credential_headers);
    if policies_of(&set.apis).any(|policy| policy.policy.header_form == HeaderForm::Legacy) {
        keys.list_legacy_kids();
    }
    let mut snapshot = publishable(&operator, set, fields, surroundings);
    snapshot.rate_limits = rate_limits.into_inner();
    Some(Compiled { snapshot, operator, stores, issuers, dialects, login, events, keys, broken })
}

/// What all API definitions are compiled against.
#[derive(Debug)]
struct Scope<'a> {
    operator: &'a spec::Operator,
    surroundings: Surroundings<'a>,
    dialects: Vec<Arc<Dialect>>,
    stores: BTreeMap<Box<str>, Arc<UserStoreHandle>>,
    issuers: Vec<Arc<Issuer>>,
    api_keys: Arc<ApiKeys>,
    certificate_authorities: Vec<Arc<CertificateAuthority>>,
    login: Option<Arc<AdminLogin>>,
    events: EventSources,
    keys: LoadedKeys,
    upstream_ca: Option<Arc<[u8]>>,
    /// Headers in which some API reads a credential, collapsed.
    credential_headers: BTreeSet<Box<str>>,
    /// What is known of a field's name, with what any policy mints.
    fields: FieldRules,
    /// Those that were made already.
    rate_limits: RefCell<HashMap<Fingerprint, Arc<RateLimit>>>,
}

impl<'a> Scope<'a> {
    fn new(
        operator: &'a spec::Operator,
        folder: &Path,
        sources: &'a Sources,
        surroundings: Surroundings<'a>,
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let reader = secrets::FileReader { folder, variables: &sources.variables };
        let dialects = dialects::compile(&operator.dialects, diagnostics);
        let issuer_keys = issuers::compile_keys(operator, surroundings, diagnostics);
        let stores = stores::compile(operator, (reader, &issuer_keys), surroundings, diagnostics);
        let parts = issuers::Parts { keys: &issuer_keys, stores: &stores, reader, surroundings };
        let issuers = issuers::compile(operator, parts, diagnostics);
        let login = admin_login::compile(operator, (reader, surroundings), diagnostics);
        let events = events::compile(operator, (&stores, &issuers), reader, diagnostics);
        if let Some(state) = &operator.state {
            StateAddress::read(state, folder, &sources.variables, diagnostics);
        }
        let ca = operator.gateway.upstream.ca.as_ref();
        let upstream_ca = ca.and_then(|path| secrets::bytes(path, diagnostics)).map(Arc::from);
        check_operator(operator, diagnostics);
        let keys = LoadedKeys::read(operator, reader, seconds(surroundings.now), diagnostics);
        Self {
            keys,
            login,
            events,
            operator,
            surroundings,
            dialects,
            stores,
            api_keys: Arc::new(api_keys::compile(&operator.applications, &issuers, diagnostics)),
            certificate_authorities: certificate_authorities::compile(
                operator,
                &issuers,
                surroundings.now,
                diagnostics,
            ),
            issuers,
            upstream_ca,
            credential_headers: BTreeSet::new(),
            fields: FieldRules::new([]),
            rate_limits: RefCell::default(),
        }
    }

    fn dialect(&self, name: &str) -> Option<&Arc<Dialect>> {
        self.dialects.iter().find(|dialect| *dialect.name == *name || (*dialect.uri == *name && !name.is_empty()))
    }
}

/// Checks what stands in several places of the operator's file.
fn check_operator(operator: &spec::Operator, diagnostics: &mut Diagnostics) {
    let own = &operator.gateway.issuer;
    for issuer in &operator.issuers {
        if issuer.issuer.value == own.value {
            let message =
                format!("issuer `{}` is the gateway's own: a backend JWT must never come back in", issuer.name.value);
            diagnostics.error(DiagnosticCode::ConflictingFields, &issuer.issuer.span, message);
        }
    }
    if url::Url::parse(&own.value).is_err() {
        let message = "the gateway's issuer is no URL, so discovery is off".to_owned();
        diagnostics.warning(DiagnosticCode::WeakSetting, &own.span, message);
    }
    let announce_for = operator.keys.announce_for.value.as_secs().max(crate::keyring::JWKS_MAX_AGE);
    if let Some(every) = operator.keys.rotate_every.as_ref().filter(|every| every.value.as_secs() <= announce_for) {
        let message = "`rotateEvery` must be longer than a new key is announced";
        let hint = format!("a new key is published for {announce_for} s before it signs (`keys.announceFor`)");
        diagnostics.push(Diagnostic::error(DiagnosticCode::InvalidValue, &every.span, message).with_hint(hint));
    }
    envoy::check(operator, diagnostics);
    unique(operator.environments.iter().map(|entry| &entry.name), "environment", diagnostics);
    unique(operator.issuers.iter().map(|entry| &entry.issuer), "issuer", diagnostics);
    unique(operator.issuers.iter().map(|entry| &entry.name), "issuer name", diagnostics);
    unique(operator.applications.iter().map(|entry| &entry.name), "application", diagnostics);
    applications::check_clients(operator, diagnostics);
}

/// Reports every name that occurs twice.
fn unique<'s>(
    names: impl Iterator<Item = &'s crate::span::Spanned<String>>,
    what: &str,
    diagnostics: &mut Diagnostics,
) {
    let mut seen: HashMap<&str, &Span> = HashMap::new();
    for name in names {
        if let Some(first) = seen.get(name.value.as_str()) {
            let message = format!("{what} `{}` is defined twice, first on line {}", name.value, first.line);
            diagnostics.error(DiagnosticCode::DuplicateName, &name.span, message);
        } else {
            seen.insert(&name.value, &name.span);
        }
    }
}

/// Reports every identifier that occurs twice.
fn unique_literals<'s>(
    names: impl Iterator<Item = &'s crate::span::Spanned<crate::bind::Literal>>,
    what: &str,
    diagnostics: &mut Diagnostics,
) {
    let names: Vec<_> =
        names.map(|name| crate::span::Spanned { value: name.value.0.clone(), span: name.span.clone() }).collect();
    unique(names.iter(), what, diagnostics);
}

fn policies_of(apis: &[Arc<Api>]) -> impl Iterator<Item = &Arc<IssuePolicy>> {
    apis.iter().flat_map(|api| &api.operations).flat_map(|operation| &operation.backend_jwts.policies)
}

/// Puts the parts together. Reserved names only grow within a process.
fn publishable(
    operator: &spec::Operator,
    set: apis::ApiSet,
    fields: FieldRules,
    surroundings: Surroundings<'_>,
) -> Snapshot {
    let previous = surroundings.previous.map(|compiled| &compiled.snapshot);
    let before = previous.into_iter().flat_map(|snapshot| snapshot.fields.reserved());
    let reserved = FieldRules::new(fields.reserved().iter().chain(before).map(HeaderName::as_str));
    let fields = Arc::new(reserved.with_credentials(fields.credentials));
    let fingerprint = Fingerprint::of_value(&(operator, set.fingerprint));
    Snapshot {
        revision: previous.map_or(1, |snapshot| snapshot.revision + 1),
        fingerprint,
        documents: Documents::new(operator, &set.apis),
        apis: set.apis,
        hosts: set.hosts,
        any_host: set.any_host,
        fields,
        reserved_mode: operator.gateway.reserved_header_mode.value,
        trusted_proxies: operator.gateway.trusted_proxies.iter().map(|network| network.value).collect(),
        applications: Arc::new(applications::compile(&operator.applications)),
        proof_nonces: proof_nonces(operator),
        rate_limits: HashMap::new(),
        streams: StreamLimits {
            grace: operator.gateway.streams.grace.value,
            idle_timeout: operator.gateway.streams.idle_timeout.value,
            most: operator.gateway.streams.max_open.value,
        },
    }
}

/// Reads whether DPoP proofs need a nonce.
fn proof_nonces(operator: &spec::Operator) -> Option<ProofNonces> {
    let dpop = &operator.gateway.dpop;
    match dpop.nonce.value {
        NonceDemand::Off => None,
        NonceDemand::Required => Some(ProofNonces { life: dpop.nonce_life.value }),
    }
}

/// Returns the collapsed names of headers.
fn collapsed<'n>(names: impl Iterator<Item = &'n str>) -> BTreeSet<Box<str>> {
    names.map(collapse).collect()
}
