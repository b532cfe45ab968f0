//! One API's operations: targets, verbs, endpoints, access and policies.

use std::sync::Arc;

use claims::{ApiFacts, OperationFacts};
use http::Method;

use super::{
    Scope, endpoints,
    policies::{self, ApiContext, Resolved},
    treatment::ApiTreatment,
};
use crate::{
    diagnostic::{Diagnostic, DiagnosticCode, Diagnostics},
    route::{Conflict, OperationRoutes},
    snapshot::{Endpoints, Operation},
    spec,
    treatment::Cors,
};

/// The operations of one API, and how they are found.
#[derive(Debug, Default)]
pub(super) struct ApiOperations {
    pub(super) operations: Vec<Operation>,
    pub(super) routes: OperationRoutes,
    pub(super) cors: Option<Arc<Cors>>,
}

/// Compiles all operations of an API.
pub(super) fn compile(context: ApiContext<'_>, scope: &Scope<'_>, diagnostics: &mut Diagnostics) -> ApiOperations {
    let api = context.written;
    let mut compiled = ApiOperations::default();
    let mut resolved = Resolved::default();
    let treatment = ApiTreatment::compile(context, scope, diagnostics);
    compiled.cors.clone_from(&treatment.cors);
    let mut without_endpoint = 0;
    let api_endpoints = api.endpoints.as_ref().map(|written| both(written, api.api_type.value, scope, diagnostics));
    for written in &api.operations {
        let own = written.endpoints.as_ref().map(|own| both(own, api.api_type.value, scope, diagnostics));
        let found = own.or_else(|| api_endpoints.clone());
        let (production, sandbox) = found.unwrap_or_default();
        let facts = OperationFacts {
            target: written.target.value.as_str().into(),
            verb: written.verb.value.to_ascii_uppercase().into(),
        };
        let backend_jwts = policies::compile(context, (written, &facts), scope, (&mut resolved, diagnostics));
        let treatment = treatment.operation(written, scope, diagnostics);
        let is_redirected = treatment.as_ref().is_some_and(|treatment| treatment.redirect.is_some());
        without_endpoint += usize::from(production.is_empty() && sandbox.is_empty() && !is_redirected);
        let number = compiled.operations.len();
        if !add_route(&mut compiled, (api, written, number), diagnostics) {
            continue;
        }
        compiled.operations.push(Operation {
            label: format!("{} {}", facts.verb, facts.target).into(),
            facts,
            access: context.authentication.access(written),
            backend_jwts,
            production,
            sandbox,
            credential_headers: context.authentication.credential_headers.clone(),
            credential_parameters: context.authentication.credential_parameters.clone(),
            treatment,
            upgrade: upgrade(written, api.api_type.value, diagnostics),
        });
    }
    if without_endpoint > 0 && api.api_type.value != spec::ApiType::GraphQl {
        let message = format!("{without_endpoint} operations of this API have no endpoint and answer 503");
        let hint = "add `endpointConfigurations` to the API or to its operations";
        diagnostics.push(Diagnostic::warning(DiagnosticCode::MissingField, &api.span, message).with_hint(hint));
    }
    compiled
}

fn both(
    written: &spec::EndpointConfigurations,
    api_type: spec::ApiType,
    scope: &Scope<'_>,
    diagnostics: &mut Diagnostics,
) -> (Endpoints, Endpoints) {
    let production = endpoints::compile(&written.production, api_type, scope, diagnostics);
    let sandbox = endpoints::compile(&written.sandbox, api_type, scope, diagnostics);
    if written.production.is_empty() && written.sandbox.is_empty() {
        diagnostics.error(DiagnosticCode::MissingField, &written.span, "there is no production or sandbox endpoint");
    }
    (production, sandbox)
}

/// Adds the operation to the API's routes; false after a diagnostic.
fn add_route(
    compiled: &mut ApiOperations,
    (api, written, number): (&spec::Api, &spec::Operation, usize),
    diagnostics: &mut Diagnostics,
) -> bool {
    let (method, target) = match api.api_type.value {
        spec::ApiType::Rest => (verb(written, diagnostics), written.target.value.clone()),
        spec::ApiType::Grpc | spec::ApiType::GraphQl => (Some(Method::POST), grpc_target(written)),
    };
    let Some(method) = method else { return false };
    match compiled.routes.insert(&method, &target, number) {
        Ok(()) => true,
        Err(Conflict::Target(error)) => {
            diagnostics.error(DiagnosticCode::InvalidValue, &written.target.span, error.to_string());
            false
        }
        Err(Conflict::Taken(other)) => {
            let other = compiled.operations.get(other).map_or("", |operation| &operation.facts.target);
            let message = format!("`{method} {target}` would answer the same requests as `{other}`");
            diagnostics.error(DiagnosticCode::RouteConflict, &written.target.span, message);
            false
        }
    }
}

/// A WebSocket is opened by a `GET` (RFC 6455 §4.1).
fn upgrade(written: &spec::Operation, api_type: spec::ApiType, diagnostics: &mut Diagnostics) -> spec::Upgrade {
    let can_upgrade = api_type == spec::ApiType::Rest && written.verb.value.eq_ignore_ascii_case("GET");
    if written.upgrade.value == spec::Upgrade::WebSocket && !can_upgrade {
        let message = "only a `GET` operation of a REST API can be a WebSocket";
        diagnostics.error(DiagnosticCode::ConflictingFields, &written.upgrade.span, message);
    }
    written.upgrade.value
}

/// A gRPC method's path: service and method.
fn grpc_target(written: &spec::Operation) -> String {
    format!("/{}/{}", written.target.value, written.verb.value)
}

fn verb(written: &spec::Operation, diagnostics: &mut Diagnostics) -> Option<Method> {
    let name = written.verb.value.to_ascii_uppercase();
    let is_served = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].contains(&name.as_str());
    if !is_served {
        let message = format!("`{}` is not a verb that operations have", written.verb.value);
        let hint = "use GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS";
        diagnostics.push(Diagnostic::error(DiagnosticCode::InvalidValue, &written.verb.span, message).with_hint(hint));
        return None;
    }
    Method::from_bytes(name.as_bytes()).ok()
}

/// Returns the facts of an API, for production or sandbox calls.
pub(super) fn facts(api: &spec::Api, context: &str, key_type: claims::KeyType) -> ApiFacts {
    let name = api.name.value.as_str();
    ApiFacts {
        id: api.id.as_ref().map_or(name, |id| &id.value).into(),
        name: name.into(),
        context: context.into(),
        version: api.version.as_ref().map(|version| Box::from(&*version.value.0)).unwrap_or_default(),
        key_type,
    }
}
