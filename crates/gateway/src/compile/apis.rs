//! All API definitions: each compiled against the operator's file, then put on their bases and hosts.

use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
    sync::Arc,
};

use claims::KeyType;
use foldhash::fast::RandomState;

use super::{
    Scope, accesses, collapsed,
    operations::{self, ApiOperations},
    policies::{self, ApiContext},
};
use crate::{
    diagnostic::{Diagnostic, DiagnosticCode, Diagnostics},
    documents,
    fields::FieldRules,
    fingerprint::Fingerprint,
    parse::{Source, parse_api},
    path::NormalPath,
    route::{Base, BaseTable},
    snapshot::{Api, ApiState},
    span::Spanned,
    spec,
};

/// The compiled APIs, and where they are found.
#[derive(Debug, Default)]
pub(super) struct ApiSet {
    pub(super) apis: Vec<Arc<Api>>,
    pub(super) hosts: HashMap<Box<str>, BaseTable, RandomState>,
    pub(super) any_host: BaseTable,
    pub(super) broken: Vec<PathBuf>,
    pub(super) fingerprint: Fingerprint,
}

/// Parses and compiles every definition; one with errors becomes an API that answers 503.
pub(super) fn compile_all(sources: &[Source], scope: &mut Scope<'_>, diagnostics: &mut Diagnostics) -> ApiSet {
    let mut parsed = Vec::with_capacity(sources.len());
    for source in sources {
        let mut own = Diagnostics::new();
        let api = parse_api(source, &mut own);
        parsed.push((source, api, own));
    }
    let read = parsed.iter().filter_map(|(_, api, _)| api.as_ref()).flat_map(accesses::read_headers);
    scope.credential_headers = collapsed(read);
    let minted = parsed.iter().filter_map(|(_, api, _)| api.as_ref());
    let minted = minted.flat_map(|api| policies::minted_headers(api, scope.operator));
    let reserved = scope.operator.gateway.reserved_headers.iter().map(|header| header.value.as_str());
    scope.fields = FieldRules::new(minted.filter(|header| !policies::is_authorization(header)).chain(reserved));
    let contents =
        sources.iter().flat_map(|source| [source.path.as_os_str().as_encoded_bytes(), source.text.as_bytes()]);
    let fingerprint = Fingerprint::of(contents);
    let mut set = ApiSet { hosts: hosts(scope.operator), fingerprint, ..ApiSet::default() };
    let mut names = Names::default();
    for (source, api, mut own) in parsed {
        if let Some(api) = &api {
            check_name(api, &mut names, &mut own);
            add(api, scope, &mut set, &mut own);
        }
        if own.has_errors() {
            set.broken.push(source.path.clone());
        }
        diagnostics.extend(own);
    }
    set
}

/// What the APIs so far are called.
#[derive(Debug, Default)]
struct Names {
    versions: HashSet<(String, String)>,
    ids: HashSet<String>,
}

fn check_name(api: &spec::Api, names: &mut Names, diagnostics: &mut Diagnostics) {
    let version = api.version.as_ref().map(|version| version.value.0.clone()).unwrap_or_default();
    let is_new = names.versions.insert((api.name.value.clone(), version));
    let other = api.effective_id().filter(|id| !names.ids.insert(id.clone()));
    if !is_new {
        let message = format!("API `{}` is defined twice in this version", api.name.value);
        diagnostics.error(DiagnosticCode::DuplicateName, &api.name.span, message);
    } else if let Some(id) = other {
        let span = api.id.as_ref().map_or(&api.name.span, |id| &id.span);
        diagnostics.error(DiagnosticCode::DuplicateName, span, format!("another API has the id `{id}`"));
    }
}

/// Compiles one API and puts it on its bases.
fn add(api: &spec::Api, scope: &Scope<'_>, set: &mut ApiSet, diagnostics: &mut Diagnostics) {
    let Some(bases) = bases(api, diagnostics) else { return };
    let compiled = one(api, &bases, scope, diagnostics);
    let number = set.apis.len();
    for base in &bases {
        let base = Base { path: base.path.clone(), replacement: base.replacement.clone(), api: number };
        check_documents(api, &base, &compiled, scope, diagnostics);
        place(api, &base, scope, (set, diagnostics));
    }
    let state = if diagnostics.has_errors() { ApiState::Broken } else { ApiState::Ready };
    set.apis.push(Arc::new(Api { state, ..compiled }));
}

fn one(api: &spec::Api, bases: &[BasePath], scope: &Scope<'_>, diagnostics: &mut Diagnostics) -> Api {
    let context = bases.first().map_or("", |base| &*base.context);
    let production = operations::facts(api, context, KeyType::Production);
    let authentication = accesses::compile((api, context), scope, diagnostics);
    accesses::check_subjects(api, authentication.issuers(), scope, diagnostics);
    accesses::check_introspection(api, authentication.issuers(), diagnostics);
    let compatibility = api.compatibility.as_ref().unwrap_or(&scope.operator.gateway.compatibility).value;
    let api_context =
        ApiContext { written: api, production: &production, authentication: &authentication, compatibility };
    let ApiOperations { operations, routes, cors } = operations::compile(api_context, scope, diagnostics);
    Api {
        name: api.name.value.as_str().into(),
        sandbox: operations::facts(api, context, KeyType::Sandbox),
        production,
        state: ApiState::Ready,
        encoded_slash: api.encoded_slash.value,
        cors,
        operations,
        routes,
    }
}

/// One place where an API lives.
#[derive(Debug)]
struct BasePath {
    /// What its path starts with.
    path: Box<str>,
    /// What replaces that towards the endpoint.
    replacement: Box<str>,
    /// The `apicontext` claim.
    context: Box<str>,
}

/// Returns the API's bases: with its version, and without if it is the default version.
fn bases(api: &spec::Api, diagnostics: &mut Diagnostics) -> Option<Vec<BasePath>> {
    let written = api.base_path.value.trim_end_matches('/');
    let is_normal = written.is_empty() || NormalPath::parse(written).is_ok_and(|path| path.as_str() == written);
    if !is_normal {
        let message = format!("`{}` is no base path", api.base_path.value);
        let hint = "start with `/`, without empty or dot segments and without percent signs";
        diagnostics.push(Diagnostic::error(DiagnosticCode::InvalidValue, &api.base_path.span, message).with_hint(hint));
        return None;
    }
    let version = api.version.as_ref().map(|version| version.value.0.as_str()).filter(|version| !version.is_empty());
    if let (Some(text), Some(version)) = (version, &api.version)
        && !NormalPath::parse(&format!("/{text}")).is_ok_and(|path| path.as_str().trim_start_matches('/') == text)
    {
        diagnostics.error(DiagnosticCode::InvalidValue, &version.span, format!("`{text}` cannot be part of a path"));
        return None;
    }
    let versions = [version, None].into_iter().take(if version.is_some() && api.default_version.value { 2 } else { 1 });
    let bases = versions.flat_map(|version| match api.api_type.value {
        spec::ApiType::Rest | spec::ApiType::GraphQl => vec![rest_base(written, version)],
        spec::ApiType::Grpc => grpc_bases(api, written, version),
    });
    Some(bases.collect())
}

fn rest_base(written: &str, version: Option<&str>) -> BasePath {
    let path: Box<str> = version.map_or_else(|| written.to_owned(), |version| format!("{written}/{version}")).into();
    BasePath { context: path.clone(), path, replacement: Box::default() }
}

/// gRPC paths as APK writes them, `/{basePath}.{version}.{service}/{method}`: one base for each service.
fn grpc_bases(api: &spec::Api, written: &str, version: Option<&str>) -> Vec<BasePath> {
    let prefix = version.map_or_else(|| written.to_owned(), |version| format!("{written}.{version}"));
    let mut services: Vec<&str> = api.operations.iter().map(|operation| operation.target.value.as_str()).collect();
    services.sort_unstable();
    services.dedup();
    let base = |service: &str| {
        let path = if prefix.is_empty() { format!("/{service}") } else { format!("{prefix}.{service}") };
        BasePath { path: path.into(), replacement: format!("/{service}").into(), context: prefix.as_str().into() }
    };
    services.into_iter().map(base).collect()
}

/// Makes one table for each host that an environment names.
fn hosts(operator: &spec::Operator) -> HashMap<Box<str>, BaseTable, RandomState> {
    let names = operator.environments.iter().flat_map(|environment| &environment.hosts);
    names.map(|host| (host_key(host), BaseTable::default())).collect()
}

fn host_key(host: &Spanned<String>) -> Box<str> {
    host.value.trim_end_matches('.').to_ascii_lowercase().into()
}

/// Puts a base on its API's hosts; without an environment on every host.
fn place(api: &spec::Api, base: &Base, scope: &Scope<'_>, (set, diagnostics): (&mut ApiSet, &mut Diagnostics)) {
    let mut conflict = None;
    match &api.environment {
        None => {
            conflict = set.any_host.insert(base.clone()).err();
            for table in set.hosts.values_mut() {
                let other = table.insert(base.clone()).err();
                conflict = conflict.or(other);
            }
        }
        Some(name) => {
            let Some(environment) = scope.operator.environments.iter().find(|entry| entry.name.value == name.value)
            else {
                let message = format!("there is no environment `{}`", name.value);
                let hint = "the operator's `environments` name the hosts of each";
                diagnostics.push(Diagnostic::error(DiagnosticCode::UnknownName, &name.span, message).with_hint(hint));
                return;
            };
            for host in &environment.hosts {
                let table = set.hosts.entry(host_key(host)).or_default();
                conflict = table.insert(base.clone()).err().or(conflict);
            }
        }
    }
    if let Some(conflict) = conflict {
        let holder = set.apis.get(conflict.holder).map_or(&*api.name.value, |holder| &holder.name);
        let message = format!("`{}` is where API `{holder}` lives already", base.path);
        diagnostics.error(DiagnosticCode::RouteConflict, &api.base_path.span, message);
    }
}

/// Refuses an API that would answer where the gateway publishes its keys.
fn check_documents(api: &spec::Api, base: &Base, compiled: &Api, scope: &Scope<'_>, diagnostics: &mut Diagnostics) {
    for path in documents::paths(scope.operator) {
        let Some(rest) = path.strip_prefix(&*base.path).filter(|rest| rest.is_empty() || rest.starts_with('/')) else {
            continue;
        };
        let is_explicit =
            !base.path.is_empty() || compiled.operations.iter().any(|operation| *operation.facts.target == *rest);
        if is_explicit && compiled.routes.find(&http::Method::GET, rest).is_some() {
            let message = format!("the gateway publishes its keys at `{path}`, where this API would answer");
            diagnostics.error(DiagnosticCode::RouteConflict, &api.base_path.span, message);
        }
    }
}
