//! The policies beside the Backend JWT: those of an API, then those of each of its operations.

mod cors;
mod headers;

use std::{cell::OnceCell, num::NonZeroU32, sync::Arc, time::Duration};

use super::{Scope, endpoints, envoy, policies::ApiContext};
use crate::{
    diagnostic::{Diagnostic, DiagnosticCode, Diagnostics},
    fingerprint::Fingerprint,
    request::Endpoint,
    spec,
    treatment::{Cors, CountedBy, HeaderChange, HeaderChanges, Quota, RateLimit, Redirect, RedirectStatus, Treatment},
};

/// Where copies of one call may go.
const MOST_MIRRORS: usize = 4;

/// What the API-level policies do; every operation's come behind them.
#[derive(Debug)]
pub(super) struct ApiTreatment<'a> {
    context: ApiContext<'a>,
    level: Level,
    /// Which pages of other origins may call.
    pub(super) cors: Option<Arc<Cors>>,
    /// What operations without policies of their own share.
    shared: OnceCell<Option<Arc<Treatment>>>,
}

/// What stands at one level.
#[derive(Debug, Default)]
struct Level {
    limit: Option<Arc<RateLimit>>,
    redirect: Option<Redirect>,
    mirrors: Vec<Arc<Endpoint>>,
    request_headers: Vec<HeaderChange>,
    response_headers: Vec<HeaderChange>,
}

impl<'a> ApiTreatment<'a> {
    /// Compiles what stands at the API's level.
    pub(super) fn compile(context: ApiContext<'a>, scope: &Scope<'_>, diagnostics: &mut Diagnostics) -> Self {
        let api = context.written;
        let level = Level {
            limit: api.rate_limit.as_ref().and_then(|written| limit(written, (context, None), scope, diagnostics)),
            ..Level::of_policies(&api.policies, api, scope, diagnostics)
        };
        let cors = api.cors.as_ref().filter(|written| written.enabled.value);
        let cors = cors.and_then(|written| cors::compile(written, diagnostics)).map(Arc::new);
        Self { context, level, cors, shared: OnceCell::new() }
    }

    /// Compiles one operation's treatment; `None`: there is nothing to do.
    pub(super) fn operation(
        &self,
        operation: &spec::Operation,
        scope: &Scope<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Arc<Treatment>> {
        let place = (self.context, Some(operation));
        let limit = operation.rate_limit.as_ref().and_then(|written| limit(written, place, scope, diagnostics));
        let own = Level { limit, ..Level::of_policies(&operation.policies, self.context.written, scope, diagnostics) };
        if own.is_empty() {
            return self.shared.get_or_init(|| self.with(own)).clone();
        }
        self.with(own)
    }

    /// Puts an operation's policies behind the API's; of redirections the operation's own counts.
    fn with(&self, own: Level) -> Option<Arc<Treatment>> {
        let both =
            |api: &[HeaderChange], own: Vec<HeaderChange>| HeaderChanges(api.iter().cloned().chain(own).collect());
        let treatment = Treatment {
            cors: self.cors.clone(),
            limits: own.limit.into_iter().chain(self.level.limit.clone()).collect(),
            redirect: own.redirect.or_else(|| self.level.redirect.clone()),
            mirrors: self.level.mirrors.iter().cloned().chain(own.mirrors).collect(),
            request_headers: both(&self.level.request_headers, own.request_headers),
            response_headers: both(&self.level.response_headers, own.response_headers),
        };
        (!treatment.is_empty()).then(|| Arc::new(treatment))
    }
}

impl Level {
    fn of_policies(
        policies: &spec::Policies,
        api: &spec::Api,
        scope: &Scope<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Self {
        Self {
            limit: None,
            redirect: redirect(policies, diagnostics),
            mirrors: mirrors(policies, api, scope, diagnostics),
            request_headers: headers::of_request(policies, api, scope, diagnostics),
            response_headers: headers::of_response(policies, api, scope, diagnostics),
        }
    }

    fn is_empty(&self) -> bool {
        let Self { limit, redirect, mirrors, request_headers, response_headers } = self;
        let is_let_through = limit.is_none() && redirect.is_none();
        is_let_through && mirrors.is_empty() && request_headers.is_empty() && response_headers.is_empty()
    }
}

/// Compiles the one redirection of a level.
fn redirect(policies: &spec::Policies, diagnostics: &mut Diagnostics) -> Option<Redirect> {
    let [written, further @ ..] = policies.redirects.as_slice() else { return None };
    for other in further {
        let message = format!("a caller cannot be sent to two places; the first is on line {}", written.span.line);
        diagnostics.error(DiagnosticCode::ConflictingFields, &other.span, message);
    }
    let status = match written.status.value {
        301 => RedirectStatus::MovedPermanently,
        302 => RedirectStatus::Found,
        307 => RedirectStatus::Temporary,
        308 => RedirectStatus::Permanent,
        other => {
            let message = format!("`statusCode` must be 301, 302, 307 or 308, not {other}");
            diagnostics.error(DiagnosticCode::InvalidValue, &written.status.span, message);
            return None;
        }
    };
    Some(Redirect { location: written.url.value.url.as_str().into(), status })
}

/// Compiles where copies of a level's calls go.
fn mirrors(
    policies: &spec::Policies,
    api: &spec::Api,
    scope: &Scope<'_>,
    diagnostics: &mut Diagnostics,
) -> Vec<Arc<Endpoint>> {
    let urls = policies.mirrors.iter().flat_map(|policy| &policy.urls);
    let mirrors = urls.filter_map(|url| endpoints::mirror(url, api.api_type.value, scope, diagnostics).map(Arc::new));
    let mirrors: Vec<Arc<Endpoint>> = mirrors.collect();
    for policy in &policies.mirrors {
        envoy::warn_of_policy("no copies are sent", &policy.span, scope, diagnostics);
    }
    if let Some(policy) = policies.mirrors.first().filter(|_| mirrors.len() > MOST_MIRRORS) {
        let message = format!("copies may go to at most {MOST_MIRRORS} addresses");
        diagnostics.error(DiagnosticCode::InvalidValue, &policy.span, message);
    }
    mirrors
}

/// Compiles a rate limit; one that is known already goes on counting.
fn limit(
    written: &spec::RateLimit,
    (context, operation): (ApiContext<'_>, Option<&spec::Operation>),
    scope: &Scope<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Arc<RateLimit>> {
    let calls = u32::try_from(written.requests_per_unit.value).ok().and_then(NonZeroU32::new);
    let Some(calls) = calls else {
        let message = format!("`requestsPerUnit` must be from 1 to {}", u32::MAX);
        let hint = "without a limit, take `rateLimit` out";
        let span = &written.requests_per_unit.span;
        diagnostics.push(Diagnostic::error(DiagnosticCode::InvalidValue, span, message).with_hint(hint));
        return None;
    };
    let quota = Quota {
        name: if operation.is_some() { "operation" } else { "api" },
        calls,
        unit: match written.unit.value {
            spec::RateUnit::Minute => Duration::from_mins(1),
            spec::RateUnit::Hour => Duration::from_hours(1),
            spec::RateUnit::Day => Duration::from_hours(24),
        },
        counted_by: match written.per.value {
            spec::RateSubject::Everyone => CountedBy::Everyone,
            spec::RateSubject::Caller => CountedBy::Caller,
        },
    };
    let place = operation.map(|operation| (&operation.verb.value, &operation.target.value));
    let facts = context.production;
    let key = Fingerprint::of_value(&(&facts.name, &facts.version, &facts.context, place, quota));
    let previous = scope.surroundings.previous.and_then(|compiled| compiled.snapshot.rate_limits.get(&key));
    let mut made = scope.rate_limits.borrow_mut();
    let limit = made.entry(key).or_insert_with(|| previous.cloned().unwrap_or_else(|| Arc::new(RateLimit::new(quota))));
    Some(Arc::clone(limit))
}
