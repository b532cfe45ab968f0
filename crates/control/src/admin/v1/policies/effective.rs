//! The policies that have effect at an operation: the three levels, folded as the snapshot has them.

use std::collections::HashMap;

use claims::BackendJwtPolicy;
use gateway::{Access, Api, Compiled, IssuePolicy, Operation, spec, yaml_lines};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::{super::operations::Secured, Policy};
use crate::definitions::{Definition, items, member};

/// A policy with effect.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct EffectivePolicy {
    policy_name: String,
    /// The header that it sets or changes, where it is about one.
    header: String,
    /// `gateway`, `api` or `operation`.
    from: &'static str,
    /// File and line.
    at: String,
    /// All of them, defaults included.
    #[schema(value_type = Object)]
    parameters: Map<String, Value>,
    /// Where the policies of wider levels stand that it replaces.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    replaces: Vec<String>,
    /// True: it switches the wider level's policy of that header off.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    off: bool,
}

/// What the running snapshot makes of a definition.
#[derive(Debug)]
pub(in super::super) struct Effective<'a> {
    written: Option<&'a spec::Api>,
    operator: &'a spec::Operator,
    /// By verb and target; nothing for a broken definition.
    operations: HashMap<String, &'a Operation>,
    /// Those that are written, by verb and target.
    written_operations: HashMap<String, &'a spec::Operation>,
    others: Others,
}

/// The policies of a file that are no Backend JWTs: all of them have effect, the API's first.
#[derive(Debug, Default)]
struct Others {
    of_api: Vec<EffectivePolicy>,
    /// By the operation's number in the file.
    of_operations: HashMap<usize, Vec<EffectivePolicy>>,
}

impl<'a> Effective<'a> {
    /// Finds the definition's API in what runs.
    pub(in super::super) fn of(definition: &'a Definition, published: &'a Compiled) -> Self {
        let operations = running(definition, published).into_iter().flat_map(|api| &api.operations);
        let named = |operation: &Operation| format!("{} {}", operation.facts.verb, operation.facts.target);
        Self {
            written: definition.api.as_ref(),
            others: Others::of(definition),
            operator: &published.operator,
            written_operations: definition
                .api
                .iter()
                .flat_map(|api| &api.operations)
                .map(|operation| (format!("{} {}", operation.verb.value, operation.target.value), operation))
                .collect(),
            operations: operations.map(|operation| (named(operation), operation)).collect(),
        }
    }

    /// Says who may call an operation.
    pub(in super::super) fn secured(&self, key: &str) -> Secured {
        match self.operations.get(key).map(|operation| &operation.access) {
            Some(Access::Open) => Secured::Open,
            Some(Access::Optional(_)) => Secured::Optional,
            Some(Access::Secured(_)) | None => Secured::Always,
        }
    }

    /// Returns the policies with effect at an operation; `number` is its place in the file's list.
    pub(in super::super) fn at(&self, key: &str, number: usize) -> Vec<EffectivePolicy> {
        let Some(operation) = self.operations.get(key) else { return Vec::new() };
        let layers = self.layers(key);
        let mut list: Vec<EffectivePolicy> = operation
            .backend_jwts
            .policies
            .iter()
            .map(|policy| {
                let (at, from) = origin(policy);
                let header = policy.policy.header.to_string();
                let wider = layers.iter().filter(|layer| is_same(&layer.header, &header) && layer.at != at);
                EffectivePolicy {
                    policy_name: "BackendJwt".to_owned(),
                    parameters: parameters(&policy.policy),
                    replaces: wider.map(|layer| layer.at.clone()).collect(),
                    header,
                    from,
                    at,
                    off: false,
                }
            })
            .collect();
        list.extend(layers.into_iter().filter(|layer| layer.is_off).map(Layer::switched_off));
        list.extend(self.others.of_api.iter().cloned());
        list.extend(self.others.of_operations.get(&number).into_iter().flatten().cloned());
        list
    }

    /// Returns the operator's policy that every API has.
    pub(in super::super) fn of_gateway(operator: &spec::Operator) -> Vec<EffectivePolicy> {
        let backend_jwt = &operator.backend_jwt;
        if !backend_jwt.enabled.value {
            return Vec::new();
        }
        let mut parameters = Map::new();
        if let Some(header) = &backend_jwt.defaults.header {
            parameters.insert("header".to_owned(), json!(header.value));
        }
        let layer = Layer::of(&backend_jwt.defaults, "gateway", operator);
        vec![EffectivePolicy { parameters, off: layer.is_off, ..Layer::switched_off(layer) }]
    }

    fn layers(&self, key: &str) -> Vec<Layer> {
        let backend_jwt = &self.operator.backend_jwt;
        let mut layers = Vec::new();
        if backend_jwt.enabled.value {
            layers.push(Layer::of(&backend_jwt.defaults, "gateway", self.operator));
        }
        let Some(api) = self.written else { return layers };
        layers
            .extend(api.policies.backend_jwt.iter().map(|policy| Layer::of(&policy.parameters, "api", self.operator)));
        let operation = self.written_operations.get(key);
        let own = operation.into_iter().flat_map(|operation| &operation.policies.backend_jwt);
        layers.extend(own.map(|policy| Layer::of(&policy.parameters, "operation", self.operator)));
        layers
    }
}

impl Others {
    /// Finds them in a file, each with its line.
    fn of(definition: &Definition) -> Self {
        let mut found = at_level(definition.member("apiPolicies"), "api", (None, "/apiPolicies".to_owned()));
        for (number, operation) in definition.operations().iter().enumerate() {
            let place = (Some(number), format!("/operations/{number}/operationPolicies"));
            found.extend(at_level(member(operation, "operationPolicies"), "operation", place));
        }
        let mut others = Self::default();
        if found.is_empty() {
            return others;
        }
        let source = &definition.source;
        let file = file_name(&source.path);
        let pointers: Vec<String> = found.iter().map(|(_, _, pointer)| pointer.clone()).collect();
        for ((number, policy, _), line) in found.into_iter().zip(yaml_lines(source, &pointers)) {
            let at = line.map_or_else(|| file.clone(), |line| format!("{file}:{line}"));
            let list = number.map_or(&mut others.of_api, |number| others.of_operations.entry(number).or_default());
            list.push(EffectivePolicy { at, ..policy });
        }
        others
    }
}

/// Returns the policies of one level's lists that are no Backend JWTs, each with its operation's number and its pointer.
fn at_level(
    lists: &Value,
    from: &'static str,
    (number, place): (Option<usize>, String),
) -> Vec<(Option<usize>, EffectivePolicy, String)> {
    let mut found = Vec::new();
    for flow in ["request", "response"] {
        for (position, entry) in items(member(lists, flow)).iter().enumerate() {
            let policy = serde_json::from_value::<Policy>(entry.clone()).ok();
            let other = policy.filter(|policy| !is_backend_jwt(&policy.policy_name));
            let shown = other.map(|policy| EffectivePolicy::unplaced(policy, from));
            found.extend(shown.map(|shown| (number, shown, format!("{place}/{flow}/{position}"))));
        }
    }
    found
}

impl EffectivePolicy {
    /// Shows a policy that is no Backend JWT, without its place.
    fn unplaced(policy: Policy, from: &'static str) -> Self {
        Self {
            header: policy.parameters.get("headerName").and_then(Value::as_str).unwrap_or_default().to_owned(),
            policy_name: policy.policy_name,
            from,
            at: String::new(),
            parameters: policy.parameters,
            replaces: Vec::new(),
            off: false,
        }
    }
}

fn is_backend_jwt(name: &str) -> bool {
    name.eq_ignore_ascii_case("BackendJwt") || name == "backend-jwt"
}

/// A policy as it is written at one level.
struct Layer {
    header: String,
    at: String,
    from: &'static str,
    is_off: bool,
}

impl Layer {
    fn of(written: &spec::BackendJwtParameters, from: &'static str, operator: &spec::Operator) -> Self {
        let header = written.header.as_ref().or(operator.backend_jwt.defaults.header.as_ref());
        let span = &written.span;
        Self {
            header: header.map_or_else(|| "X-JWT-Assertion".to_owned(), |header| header.value.clone()),
            at: format!("{}:{}", file_name(&span.file), span.line),
            from,
            is_off: written.enabled.as_ref().is_some_and(|enabled| !enabled.value),
        }
    }

    fn switched_off(self) -> EffectivePolicy {
        EffectivePolicy {
            policy_name: "BackendJwt".to_owned(),
            header: self.header,
            from: self.from,
            at: self.at,
            parameters: Map::new(),
            replaces: Vec::new(),
            off: true,
        }
    }
}

/// Returns the API that runs from a definition.
pub(in super::super) fn running<'a>(definition: &Definition, published: &'a Compiled) -> Option<&'a Api> {
    let (name, version) = (definition.name(), definition.version());
    let apis = published.snapshot.apis.iter();
    apis.map(|api| &**api).find(|api| *api.name == *name && *api.production.version == *version)
}

/// Names are one header when they collapse to the same.
fn is_same(header: &str, other: &str) -> bool {
    let collapsed = |name: &str| -> String {
        name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
    };
    collapsed(header) == collapsed(other)
}

/// Splits `dir/orders.yaml:12 (api level)`.
fn origin(policy: &IssuePolicy) -> (String, &'static str) {
    let (place, level) = policy.origin.rsplit_once(" (").unwrap_or((&policy.origin, ""));
    let from = match level {
        "gateway level)" => "gateway",
        "api level)" => "api",
        _ => "operation",
    };
    (file_name(std::path::Path::new(place)), from)
}

fn file_name(path: &std::path::Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// Returns what a policy does, parameter by parameter.
fn parameters(policy: &BackendJwtPolicy) -> Map<String, Value> {
    let audience: Vec<&str> = policy.audience.0.iter().map(|audience| &**audience).collect();
    let customs: Vec<&str> = policy.custom_claims.iter().map(|custom| &*custom.claim).collect();
    let members = [
        ("header", json!(&*policy.header)),
        ("encoding", json!(policy.encoding.name())),
        ("signingAlgorithm", json!(policy.algorithm.name())),
        ("tokenTTL", json!(policy.token_ttl)),
        ("scheme", json!(policy.scheme.as_deref())),
        ("audience", json!(audience)),
        ("dialect", json!(&*policy.dialect.name)),
        ("capToInboundToken", json!(policy.cap_to_inbound_token)),
        ("maxHeaderBytes", json!(policy.max_header_bytes)),
        ("customClaims", json!(customs)),
    ];
    members.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.to_owned(), value)).collect()
}
