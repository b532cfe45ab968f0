//! The policies that have effect at an operation: the three levels, folded as the snapshot has them.

use std::collections::HashMap;

use claims::BackendJwtPolicy;
use gateway::{Access, Api, Compiled, IssuePolicy, Operation, spec, yaml_lines};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::{
    super::operations::{Secured, key as name_of},
    Policy,
};
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
    definition: &'a Definition,
    written: Option<&'a spec::Api>,
    operator: &'a spec::Operator,
    /// By verb and target; nothing for a broken definition.
    operations: HashMap<String, &'a Operation>,
    /// Those that are written, by verb and target.
    written_operations: HashMap<String, &'a spec::Operation>,
}

impl<'a> Effective<'a> {
    /// Finds the definition's API in what runs.
    pub(in super::super) fn of(definition: &'a Definition, published: &'a Compiled) -> Self {
        let operations = running(definition, published).into_iter().flat_map(|api| &api.operations);
        let named = |operation: &Operation| format!("{} {}", operation.facts.verb, operation.facts.target);
        Self {
            definition,
            written: definition.api.as_ref(),
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

    /// Returns the policies with effect at an operation; `written` is its own list.
    pub(in super::super) fn at(&self, key: &str, written: &Value) -> Vec<EffectivePolicy> {
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
        let api = (self.definition.member("apiPolicies"), "/apiPolicies".to_owned());
        list.extend(self.others(api, "api"));
        let number = self.definition.operations().iter().position(|operation| name_of(operation) == key);
        let place = format!("/operations/{}/operationPolicies", number.unwrap_or_default());
        list.extend(self.others((written, place), "operation"));
        list
    }

    /// Returns the policies of one level that are no Backend JWTs: all of them have effect, the API's first. `place` is
    /// where the level's lists stand in the file.
    fn others(&self, (policies, place): (&Value, String), from: &'static str) -> Vec<EffectivePolicy> {
        let mut found: Vec<(Policy, String)> = Vec::new();
        for flow in ["request", "response"] {
            for (number, entry) in items(member(policies, flow)).iter().enumerate() {
                let policy = serde_json::from_value::<Policy>(entry.clone()).ok();
                let others = policy.filter(|policy| !is_backend_jwt(&policy.policy_name));
                found.extend(others.map(|policy| (policy, format!("{place}/{flow}/{number}"))));
            }
        }
        if found.is_empty() {
            return Vec::new();
        }
        let source = &self.definition.source;
        let (policies, pointers): (Vec<Policy>, Vec<String>) = found.into_iter().unzip();
        let lines = yaml_lines(source, &pointers);
        let file = file_name(&source.path);
        let shown = policies.into_iter().zip(lines).map(|(policy, line)| EffectivePolicy {
            header: policy.parameters.get("headerName").and_then(Value::as_str).unwrap_or_default().to_owned(),
            policy_name: policy.policy_name,
            from,
            at: line.map_or_else(|| file.clone(), |line| format!("{file}:{line}")),
            parameters: policy.parameters,
            replaces: Vec::new(),
            off: false,
        });
        shown.collect()
    }

    /// Returns the operator's policy that every API has.
    pub(in super::super) fn of_gateway(&self) -> Vec<EffectivePolicy> {
        let backend_jwt = &self.operator.backend_jwt;
        if !backend_jwt.enabled.value {
            return Vec::new();
        }
        let mut parameters = Map::new();
        if let Some(header) = &backend_jwt.defaults.header {
            parameters.insert("header".to_owned(), json!(header.value));
        }
        let layer = self.layer(&backend_jwt.defaults, "gateway");
        vec![EffectivePolicy { parameters, off: layer.is_off, ..Layer::switched_off(layer) }]
    }

    fn layers(&self, key: &str) -> Vec<Layer> {
        let backend_jwt = &self.operator.backend_jwt;
        let mut layers = Vec::new();
        if backend_jwt.enabled.value {
            layers.push(self.layer(&backend_jwt.defaults, "gateway"));
        }
        let Some(api) = self.written else { return layers };
        layers.extend(api.policies.backend_jwt.iter().map(|policy| self.layer(&policy.parameters, "api")));
        let operation = self.written_operations.get(key);
        let own = operation.into_iter().flat_map(|operation| &operation.policies.backend_jwt);
        layers.extend(own.map(|policy| self.layer(&policy.parameters, "operation")));
        layers
    }

    fn layer(&self, written: &spec::BackendJwtParameters, from: &'static str) -> Layer {
        let header = written.header.as_ref().or(self.operator.backend_jwt.defaults.header.as_ref());
        let span = &written.span;
        Layer {
            header: header.map_or_else(|| "X-JWT-Assertion".to_owned(), |header| header.value.clone()),
            at: format!("{}:{}", file_name(&span.file), span.line),
            from,
            is_off: written.enabled.as_ref().is_some_and(|enabled| !enabled.value),
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
