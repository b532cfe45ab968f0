//! The three policy levels become the Backend JWT policies of one operation (backend-jwt.md §1).
//!
//! A narrower level's policy replaces the wider one's that has the same header; what it leaves out comes from the
//! gateway's defaults, not from the replaced policy.

mod parameters;

use std::sync::Arc;

use claims::{ApiFacts, BackendJwtPolicy, Common, OperationFacts, Placeholder, PolicyProblem};
use http::HeaderName;

use self::parameters::Resolver;
use super::{Scope, accesses::Authentication, limits};
use crate::{
    diagnostic::{Diagnostic, DiagnosticCode, Diagnostics},
    fields::{collapse, is_gateways_own},
    fingerprint::Fingerprint,
    issue::{AnonymousJwts, Issuance, IssuePolicy},
    spec::{self, BackendJwtParameters, Compatibility},
    user_lookup::StoreChoice,
};

/// The API that policies are resolved for.
#[derive(Clone, Copy, Debug)]
pub(super) struct ApiContext<'a> {
    pub(super) written: &'a spec::Api,
    pub(super) production: &'a ApiFacts,
    pub(super) authentication: &'a Authentication,
    pub(super) compatibility: Compatibility,
}

/// One policy that applies, before it is resolved.
#[derive(Clone, Debug)]
struct Layered<'a> {
    header: String,
    parameters: &'a BackendJwtParameters,
    level: Level,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Gateway,
    Api,
    Operation,
}

impl Level {
    const fn text(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Api => "api",
            Self::Operation => "operation",
        }
    }
}

/// Policies that were resolved already, so that one mistake in an API-level policy is reported once.
#[derive(Debug, Default)]
pub(super) struct Resolved {
    known: Vec<(Fingerprint, Option<Arc<IssuePolicy>>)>,
}

/// Resolves the policies of one operation.
pub(super) fn compile(
    context: ApiContext<'_>,
    operation: (&spec::Operation, &OperationFacts),
    scope: &Scope<'_>,
    (resolved, diagnostics): (&mut Resolved, &mut Diagnostics),
) -> Issuance {
    let layers = layers(context.written, operation.0, scope, (resolved, diagnostics));
    let policies = layers.iter().filter_map(|layer| resolved.policy(layer, (context, operation.1), scope, diagnostics));
    Issuance { policies: policies.collect() }
}

/// Returns what applies: wider levels first, replaced by header.
fn layers<'a>(
    api: &'a spec::Api,
    operation: &'a spec::Operation,
    scope: &Scope<'a>,
    (resolved, diagnostics): (&mut Resolved, &mut Diagnostics),
) -> Vec<Layered<'a>> {
    let backend_jwt = &scope.operator.backend_jwt;
    let defaults = &backend_jwt.defaults;
    let mut layers = Vec::new();
    if backend_jwt.enabled.value {
        layers.push(Layered {
            header: header_of(defaults, defaults).to_owned(),
            parameters: defaults,
            level: Level::Gateway,
        });
    }
    for (policies, level) in [(&api.policies, Level::Api), (&operation.policies, Level::Operation)] {
        let mut here: Vec<Layered<'a>> = Vec::new();
        for policy in &policies.backend_jwt {
            let layer = Layered {
                header: header_of(&policy.parameters, defaults).to_owned(),
                parameters: &policy.parameters,
                level,
            };
            if here.iter().any(|other| collapse(&other.header) == collapse(&layer.header)) {
                resolved.report_once(&layer, diagnostics);
                continue;
            }
            layers.retain(|wider: &Layered<'_>| collapse(&wider.header) != collapse(&layer.header));
            here.push(layer);
        }
        layers.extend(here);
    }
    layers.retain(|layer| layer.parameters.enabled.as_ref().is_none_or(|enabled| enabled.value));
    layers
}

fn header_of<'a>(parameters: &'a BackendJwtParameters, defaults: &'a BackendJwtParameters) -> &'a str {
    let header = parameters.header.as_ref().or(defaults.header.as_ref());
    header.map_or("X-JWT-Assertion", |header| header.value.as_str())
}

/// Returns every header that a policy for this API names, of all levels, whether it is switched on or not.
pub(super) fn minted_headers<'a>(
    api: &'a spec::Api,
    operator: &'a spec::Operator,
) -> impl Iterator<Item = &'a str> + use<'a> {
    let defaults = &operator.backend_jwt.defaults;
    let levels = [&api.policies].into_iter().chain(api.operations.iter().map(|operation| &operation.policies));
    let written = levels.flat_map(|policies| &policies.backend_jwt).map(|policy| &policy.parameters);
    let everywhere = operator.backend_jwt.enabled.value.then_some(defaults);
    written.chain(everywhere).map(move |parameters| header_of(parameters, defaults))
}

/// True when a policy for this API mints `Authorization`.
pub(super) fn mints_authorization(api: &spec::Api, operator: &spec::Operator) -> bool {
    minted_headers(api, operator).any(is_authorization)
}

/// True for `Authorization`, which alone of all minted headers is not reserved: it is the clients' too.
pub(super) fn is_authorization(header: &str) -> bool {
    header.eq_ignore_ascii_case("authorization")
}

impl Resolved {
    fn report_once(&mut self, layer: &Layered<'_>, diagnostics: &mut Diagnostics) {
        let span = layer.parameters.header.as_ref().map_or(&layer.parameters.span, |header| &header.span);
        let key = Fingerprint::of_value(&("two", span));
        if self.known.iter().any(|(known, _)| *known == key) {
            return;
        }
        self.known.push((key, None));
        let message = format!("two policies of one level mint the header `{}`", layer.header);
        let hint = "several policies may stand side by side if their headers differ";
        diagnostics.push(Diagnostic::error(DiagnosticCode::HeaderConflict, span, message).with_hint(hint));
    }

    fn policy(
        &mut self,
        layer: &Layered<'_>,
        (context, operation): (ApiContext<'_>, &OperationFacts),
        scope: &Scope<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Arc<IssuePolicy>> {
        let varies = refers_to_operation(layer, &scope.operator.backend_jwt.defaults);
        let facts = varies.then_some(operation);
        let key = Fingerprint::of_value(&(&layer.parameters.span, layer.level.text(), facts));
        if let Some((_, known)) = self.known.iter().find(|(known, _)| *known == key) {
            return known.clone();
        }
        let policy = one(layer, context, facts, scope, diagnostics).map(Arc::new);
        self.known.push((key, policy.clone()));
        policy
    }
}

/// True when a custom claim holds `${operation.…}`: only then do operations need tokens of their own.
fn refers_to_operation(layer: &Layered<'_>, defaults: &BackendJwtParameters) -> bool {
    let claims = layer.parameters.custom_claims.as_ref().or(defaults.custom_claims.as_ref());
    let values = claims.into_iter().flat_map(|claims| &claims.value);
    values
        .filter_map(|claim| claims::Template::compile(&claim.value.value).ok())
        .any(|template| template.placeholders().any(|placeholder| matches!(placeholder, Placeholder::Operation(_))))
}

fn one(
    layer: &Layered<'_>,
    context: ApiContext<'_>,
    operation: Option<&OperationFacts>,
    scope: &Scope<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<IssuePolicy> {
    let errors = diagnostics.error_count();
    let mut resolver = Resolver { written: layer.parameters, context, scope, diagnostics };
    let policy = resolver.policy(&layer.header);
    let stores = resolver.stores();
    let header = check_header(layer, context, scope, diagnostics);
    let policy = policy?;
    limits::check(&scope.operator.backend_jwt.limits, &policy, layer.parameters, diagnostics);
    check_claims(&policy, layer.parameters, diagnostics);
    if diagnostics.error_count() > errors {
        return None;
    }
    let stores = stores?;
    let asked = match &stores {
        StoreChoice::Chain(chain, merge) => {
            let fingerprints: Vec<Fingerprint> = chain.iter().map(|store| store.fingerprint).collect();
            format!("{merge:?} {fingerprints:?}")
        }
        StoreChoice::IssuersFirst => "the issuer's first".to_owned(),
        StoreChoice::None => "none".to_owned(),
    };
    let fingerprint = Fingerprint::of_value(&(&policy, context.production, operation, asked));
    let span = &layer.parameters.span;
    let origin = format!("{}:{} ({} level)", span.file.display(), span.line, layer.level.text());
    let (anonymous, origins) = (AnonymousJwts::default(), Common::default());
    Some(IssuePolicy { policy, fingerprint, header: header?, stores, anonymous, origins, origin: origin.into() })
}

/// Refuses a header that may not be minted.
fn check_header(
    layer: &Layered<'_>,
    context: ApiContext<'_>,
    scope: &Scope<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<HeaderName> {
    let span = layer.parameters.header.as_ref().map_or(&layer.parameters.span, |header| &header.span);
    let name = HeaderName::from_bytes(layer.header.as_bytes()).ok();
    let is_authorization = is_authorization(&layer.header);
    let problem = if name.is_none() {
        Some(("is no header name", "use letters, digits and hyphens: `X-JWT-Assertion`"))
    } else if !is_allowed(&layer.header, scope) {
        Some((
            "may not be minted",
            "use `Authorization` or a name that starts with `X-`; the operator's `allowedHeaders` decides",
        ))
    } else if !is_authorization && scope.credential_headers.contains(&collapse(&layer.header)) {
        Some(("is where an API reads a credential", "choose another header"))
    } else if is_authorization && context.authentication.sends_authorization {
        Some(("cannot be minted and sent upstream", "set `sendTokenToUpstream: false`, or choose another header"))
    } else {
        None
    };
    if let Some((problem, hint)) = problem {
        let message = format!("the header `{}` {problem}", layer.header);
        diagnostics.push(Diagnostic::error(DiagnosticCode::HeaderConflict, span, message).with_hint(hint));
    }
    name
}

fn is_allowed(header: &str, scope: &Scope<'_>) -> bool {
    if is_gateways_own(header) {
        return false;
    }
    let same = |other: &str| collapse(other) == collapse(header);
    if let Some(allowed) = &scope.operator.backend_jwt.allowed_headers {
        return allowed.value.iter().any(|allowed| same(&allowed.value));
    }
    let name = header.to_ascii_lowercase();
    name == "authorization" || (name.starts_with("x-") && !collapse(header).starts_with("xforwarded"))
}

/// Reports claims that collide or are shadowed.
fn check_claims(policy: &BackendJwtPolicy, written: &BackendJwtParameters, diagnostics: &mut Diagnostics) {
    for problem in claims::check_collisions(policy) {
        let span = match &problem {
            PolicyProblem::Custom { claim, .. } => {
                let claims = written.custom_claims.as_ref().into_iter().flat_map(|claims| &claims.value);
                claims.map(|entry| &entry.claim).find(|name| *name.value == **claim).map(|name| &name.span)
            }
            PolicyProblem::Mapping { .. } => written.claim_mappings.as_ref().map(|mappings| &mappings.span),
            PolicyProblem::Token { .. } => written.token_claims.as_ref().map(|selection| &selection.span),
            PolicyProblem::Selection { .. } => written.claims.as_ref().map(|selection| &selection.span),
        };
        let span = span.unwrap_or(&written.span);
        if problem.is_error() {
            diagnostics.error(DiagnosticCode::ClaimConflict, span, problem.to_string());
        } else {
            diagnostics.warning(DiagnosticCode::ClaimConflict, span, problem.to_string());
        }
    }
}
