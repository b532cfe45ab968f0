//! Backend addresses: from a URL or a Kubernetes service to an endpoint with its pool.

mod resilience;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::HeaderValue;
use url::Url;

use super::Scope;
use crate::{
    bind::WebUrl,
    diagnostic::{DiagnosticCode, Diagnostics},
    fingerprint::Fingerprint,
    request::{Endpoint, PoolId, Upstream},
    resilience::EndpointState,
    snapshot::Endpoints,
    span::Spanned,
    spec,
};

/// Numbers the upstream pools of the process: equal addresses share one, across reloads too.
#[derive(Debug, Default)]
pub struct Pools {
    numbers: Mutex<HashMap<Fingerprint, u32>>,
    states: Mutex<HashMap<PoolId, Arc<EndpointState>>>,
}

impl Pools {
    /// Returns the number of the pool for these properties.
    fn number(&self, key: Fingerprint) -> PoolId {
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
        PoolId(*numbers.entry(key).or_insert(next))
    }

    /// Returns what is known of the endpoint behind a pool.
    fn state(&self, pool: PoolId) -> Arc<EndpointState> {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(states.entry(pool).or_default())
    }
}

/// Compiles one set of endpoints.
pub(super) fn compile(
    written: &[spec::Endpoint],
    api_type: spec::ApiType,
    scope: &Scope<'_>,
    diagnostics: &mut Diagnostics,
) -> Endpoints {
    let is_one_of_several = written.iter().filter(|endpoint| weight(endpoint) > 0).nth(1).is_some();
    let compiled = written.iter().filter_map(|endpoint| {
        let mut compiled = one(endpoint, api_type, scope, diagnostics)?;
        compiled.resilience = resilience::compile(endpoint, &compiled, (is_one_of_several, scope), diagnostics);
        Some((weight(endpoint), Arc::new(compiled)))
    });
    let compiled: Vec<_> = compiled.collect();
    if let [first, ..] = written
        && compiled.len() == written.len()
        && compiled.iter().all(|(weight, _)| *weight == 0)
    {
        diagnostics.error(DiagnosticCode::InvalidValue, &first.span, "every endpoint has the weight 0");
    }
    Endpoints::new(compiled)
}

fn weight(written: &spec::Endpoint) -> u64 {
    written.weight.as_ref().map_or(1, |weight| weight.value)
}

/// Compiles where copies of calls go.
pub(super) fn mirror(
    written: &Spanned<WebUrl>,
    api_type: spec::ApiType,
    scope: &Scope<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Endpoint> {
    let target = spec::EndpointTarget::Url(written.value.clone());
    let target = Spanned { value: target, span: written.span.clone() };
    let endpoint = spec::Endpoint { span: written.span.clone(), target, weight: None, resiliency: None };
    one(&endpoint, api_type, scope, diagnostics)
}

fn one(
    written: &spec::Endpoint,
    api_type: spec::ApiType,
    scope: &Scope<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Endpoint> {
    let text = match &written.target.value {
        spec::EndpointTarget::Url(url) => url.text.clone(),
        spec::EndpointTarget::Service(service) => service_url(service),
    };
    let target = Url::parse(&text).ok().and_then(|url| Target::of(&url, api_type));
    let Some(target) = target else {
        diagnostics.error(
            DiagnosticCode::InvalidValue,
            &written.target.span,
            format!("`{text}` is no backend address"),
        );
        return None;
    };
    let timeouts = written.resiliency.as_ref().and_then(|resiliency| resiliency.timeouts.as_ref());
    if let Some(idle) = timeouts.and_then(|timeouts| timeouts.downstream_request_idle.as_ref()) {
        let message =
            "`downstreamRequestIdleTimeout` has no effect here: the operator's `gateway.limits` bound clients";
        diagnostics.warning(DiagnosticCode::IgnoredField, &idle.span, message);
    }
    let upstream = &scope.operator.gateway.upstream;
    let own_timeout = timeouts.and_then(|timeouts| timeouts.upstream_response.as_ref());
    let own_timeout = own_timeout.map(|seconds| Duration::from_secs(seconds.value));
    let trusted_ca = scope.upstream_ca.clone().filter(|_| target.upstream == Upstream::Tls);
    let key = Fingerprint::of_value(&(&target, &trusted_ca, upstream.connect_timeout.value));
    Some(Endpoint {
        pool: scope.surroundings.pools.number(key),
        upstream: target.upstream,
        host: target.host,
        port: target.port,
        path: target.path,
        authority: target.authority,
        trusted_ca,
        connect_timeout: upstream.connect_timeout.value,
        response_timeout: own_timeout.unwrap_or(upstream.response_timeout.value),
        resilience: None,
    })
}

/// A Kubernetes service's address inside its cluster.
fn service_url(service: &spec::KubernetesService) -> String {
    let protocol = service.protocol.as_ref().map_or("http", |protocol| protocol.value.as_str());
    let namespace = service.namespace.as_ref().map(|name| format!(".{}.svc.cluster.local", name.value));
    let port = service.port.as_ref().map(|port| format!(":{}", port.value));
    format!("{protocol}://{}{}{}", service.name.value, namespace.unwrap_or_default(), port.unwrap_or_default())
}

#[derive(Debug)]
struct Target {
    upstream: Upstream,
    host: Box<str>,
    port: u16,
    path: Box<str>,
    authority: HeaderValue,
}

impl Target {
    fn of(url: &Url, api_type: spec::ApiType) -> Option<Self> {
        let upstream = match (url.scheme(), api_type) {
            ("https", _) => Upstream::Tls,
            ("http", spec::ApiType::Grpc) => Upstream::Http2,
            ("http", spec::ApiType::Rest | spec::ApiType::GraphQl) => Upstream::Http1,
            _ => return None,
        };
        let host = url.host_str()?;
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        Some(Self {
            upstream,
            host: host.trim_start_matches('[').trim_end_matches(']').into(),
            port: url.port_or_known_default()?,
            path: url.path().trim_end_matches('/').into(),
            authority: HeaderValue::from_str(&authority).ok()?,
        })
    }
}
