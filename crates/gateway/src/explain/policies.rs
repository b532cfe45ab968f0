//! The operation's policies beside authentication and Backend JWTs, in the order in which they act, in a few words each.
//!
//! Names of fields, never their values: an author may have written a backend's password there.

use http::HeaderValue;

use crate::{
    request::{Endpoint, Upstream},
    treatment::{
        Cors, CorsMethods, CountedBy, Credentials, HeaderChange, HeaderChanges, Origins, RateLimit, Treatment,
    },
};

/// What one policy does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainedPolicy {
    /// Its name, as definitions write it.
    pub policy: &'static str,
    /// What it does.
    pub effect: String,
}

/// Says what an operation's other policies do.
pub(super) fn of(treatment: Option<&Treatment>) -> Vec<ExplainedPolicy> {
    let Some(treatment) = treatment else { return Vec::new() };
    let Treatment { cors, limits, redirect, mirrors, request_headers, response_headers } = treatment;
    let mut list = Vec::new();
    let mut add = |policy: &'static str, effect: String| list.push(ExplainedPolicy { policy, effect });
    if let Some(cors) = cors {
        add("corsConfiguration", cors_effect(cors));
    }
    for limit in limits {
        add("rateLimit", limit_effect(limit));
    }
    if let Some(redirect) = redirect {
        let status = redirect.status.status().as_u16();
        add("RequestRedirect", format!("{status} to {}: the backend is not called", redirect.location));
    }
    headers(request_headers, "to the backend", &mut add);
    for mirror in mirrors {
        add("RequestMirror", format!("a copy goes to {}", address(mirror)));
    }
    headers(response_headers, "to the caller", &mut add);
    list
}

fn cors_effect(cors: &Cors) -> String {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let origins = match &cors.origins {
        Origins::Any => "every origin".to_owned(),
        Origins::Listed(listed) if listed.is_empty() => "no origin".to_owned(),
        Origins::Listed(listed) => listed.iter().map(text).collect::<Vec<_>>().join(", "),
    };
    let methods = match &cors.methods {
        CorsMethods::Declared => "the declared methods".to_owned(),
        CorsMethods::Listed(methods) => methods.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    };
    let credentials = match cors.credentials {
        Credentials::Sent => "with credentials",
        Credentials::LeftOut => "without credentials",
    };
    format!(
        "pages of {origins} may call with {methods}, {credentials}; preflights are answered before anybody is asked"
    )
}

fn limit_effect(limit: &RateLimit) -> String {
    let quota = limit.quota;
    let counted = match quota.counted_by {
        CountedBy::Everyone => "all callers together",
        CountedBy::Caller => "each caller",
    };
    format!("{} calls in {} s, {counted}, of the {}; more are 429", quota.calls, quota.unit.as_secs(), quota.name)
}

fn headers(changes: &HeaderChanges, whither: &str, add: &mut impl FnMut(&'static str, String)) {
    for change in &changes.0 {
        match change {
            HeaderChange::Add(name, _) => add("AddHeader", format!("one more `{name}` {whither}")),
            HeaderChange::Set(name, _) => add("SetHeader", format!("`{name}` {whither}")),
            HeaderChange::Remove(name) => add("RemoveHeader", format!("no `{name}` {whither}")),
        }
    }
}

fn address(endpoint: &Endpoint) -> String {
    let scheme = match endpoint.upstream {
        Upstream::Http1 | Upstream::Http2 => "http",
        Upstream::Tls => "https",
    };
    format!("{scheme}://{}{}", String::from_utf8_lossy(endpoint.authority.as_bytes()), endpoint.path)
}
