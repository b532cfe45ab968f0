//! The policies that can be attached.

use std::{sync::Arc, time::UNIX_EPOCH};

use axum::{Json, extract::State};
use claims::{Algorithm, KeyState};
use gateway::{PolicyField, PolicyType};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::apis::List;
use crate::{
    admin::{
        desk::{Desk, blocking},
        person::{Person, Role},
        problem::Problem,
    },
    definitions::member,
};

/// The parameters that everybody sees first, with the names that people know.
const BASIC: [(&str, &str); 4] = [
    ("encoding", "Encoding"),
    ("header", "Header Name"),
    ("signingAlgorithm", "Signing Algorithm"),
    ("tokenTTL", "Token TTL"),
];

pub(super) fn routes() -> OpenApiRouter<Arc<Desk>> {
    OpenApiRouter::new().routes(routes!(list))
}

/// A policy that can be attached.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PolicyType)]
pub(super) struct PolicyTypeView {
    name: &'static str,
    version: &'static str,
    title: String,
    about: &'static str,
    /// `request`, `response`.
    flows: Vec<&'static str>,
    /// The JSON Schema of the parameters.
    schema: Value,
    /// What parameters are that are left out, as far as that is the same everywhere.
    defaults: Map<String, Value>,
    fields: Vec<FieldView>,
}

/// A parameter.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PolicyField)]
struct FieldView {
    name: &'static str,
    title: String,
    help: String,
    /// What it means to leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<Value>,
    /// The words that it may be; empty: any value.
    values: Vec<String>,
    /// The smallest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<u64>,
    /// The largest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<u64>,
    /// True: one of the fields that are always shown.
    basic: bool,
    required: bool,
}

/// The policies that can be attached, with their parameters.
#[utoipa::path(get, path = "/policy-types", operation_id = "listPolicyTypes", responses((status = OK, body = List<PolicyTypeView>)))]
async fn list(State(desk): State<Arc<Desk>>, person: Person) -> Result<Json<List<PolicyTypeView>>, Problem> {
    person.require(Role::Viewer)?;
    blocking(move || {
        let operator = gateway::yaml_to_json(&desk.operators_file()?).unwrap_or_default();
        let backend_jwt = member(&operator, "backendJwt");
        let mut types: Vec<PolicyTypeView> =
            gateway::policy_types().into_iter().map(|known| view(known, backend_jwt)).collect();
        let usable = usable_algorithms(&desk);
        for field in types.iter_mut().flat_map(|known| &mut known.fields).filter(|it| it.name == "signingAlgorithm") {
            field.values.clone_from(&usable);
        }
        Ok(Json(List::whole(types)))
    })
    .await
}

/// Returns the algorithms that a policy can sign with here: within the operator's bounds, and with a key.
fn usable_algorithms(desk: &Desk) -> Vec<String> {
    let published = desk.published();
    let operator = &published.operator;
    let now = desk.now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
    let states = desk.gateway().runtime().keyring.states(now);
    let limit = operator.backend_jwt.limits.signing_algorithm.as_ref();
    let is_usable = |algorithm: &Algorithm| {
        let is_within = limit.is_none_or(|limit| limit.value.iter().any(|allowed| allowed.value == *algorithm));
        let is_signed = match *algorithm {
            Algorithm::None => operator.backend_jwt.allow_unsigned.value,
            _ if algorithm.is_hmac() => !operator.keys.hmac.is_empty(),
            _ => states.iter().any(|key| key.algorithm == *algorithm && key.state == KeyState::Active),
        };
        is_within && is_signed
    };
    Algorithm::ALL.into_iter().filter(is_usable).map(|algorithm| algorithm.name().to_owned()).collect()
}

fn view(known: PolicyType, backend_jwt: &Value) -> PolicyTypeView {
    let bounds = if known.name == "BackendJwt" { backend_jwt } else { &Value::Null };
    let mut fields: Vec<FieldView> = known.fields.into_iter().map(|field| field_view(field, bounds)).collect();
    // The familiar ones first, in their order; for other policies everything is basic.
    if known.name == "BackendJwt" {
        let place = |name: &str| BASIC.iter().position(|(basic, _)| *basic == name).unwrap_or(BASIC.len());
        fields.sort_by_key(|field| place(field.name));
    } else {
        for field in &mut fields {
            field.basic = true;
        }
    }
    let defaults = fields.iter().filter_map(|field| Some((field.name.to_owned(), field.default.clone()?)));
    PolicyTypeView {
        name: known.name,
        version: "v1",
        title: if known.name == "BackendJwt" { "Backend JWT".to_owned() } else { words(known.name) },
        about: known.about,
        flows: [(known.is_for_requests, "request"), (known.is_for_responses, "response")]
            .into_iter()
            .filter_map(|(is_for, flow)| is_for.then_some(flow))
            .collect(),
        schema: known.schema,
        defaults: defaults.collect(),
        fields,
    }
}

/// Shows a parameter, with the operator's default and bounds where there are some.
fn field_view(field: PolicyField, backend_jwt: &Value) -> FieldView {
    let basic = BASIC.iter().find(|(name, _)| *name == field.name);
    let (written, limit) =
        (member(member(backend_jwt, "defaults"), field.name), member(member(backend_jwt, "limits"), field.name));
    let allowed: Option<Vec<String>> = limit
        .as_array()
        .map(|allowed| allowed.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect())
        .filter(|_| !matches!(field.name, "claims" | "tokenClaims"));
    let seconds =
        |limit: &Value| limit.as_u64().or_else(|| Some(gateway::parse_duration(limit.as_str()?).ok()?.as_secs()));
    let bounds = (field.name == "tokenTTL").then(|| (1, seconds(limit).unwrap_or(86_400).min(86_400)));
    let default = if written.is_null() { field.default } else { Some(written.clone()) };
    let default = default.map(|default| match (default.as_u64(), bounds) {
        (Some(number), Some((_, most))) if written.is_null() => number.min(most).into(),
        _ => default,
    });
    FieldView {
        name: field.name,
        title: basic.map_or_else(|| words(field.name), |(_, title)| (*title).to_owned()),
        help: field.about,
        default,
        values: allowed.unwrap_or(field.values),
        min: bounds.map(|(least, _)| least),
        max: bounds.map(|(_, most)| most),
        basic: basic.is_some(),
        required: field.is_required,
    }
}

/// `capToInboundToken` → `Cap to inbound token`.
fn words(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    let mut before = None;
    for letter in name.chars() {
        match before {
            None => text.extend(letter.to_uppercase()),
            Some(previous) if letter.is_uppercase() && char::is_lowercase(previous) => {
                text.push(' ');
                text.extend(letter.to_lowercase());
            }
            Some(_) => text.push(letter),
        }
        before = Some(letter);
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_become_words() {
        assert_eq!(words("capToInboundToken"), "Cap to inbound token");
        assert_eq!(words("AddHeader"), "Add header");
    }

    #[test]
    fn the_operators_defaults_and_bounds_are_shown() {
        let backend_jwt = json!({
            "defaults": { "signingAlgorithm": "RS256" },
            "limits": { "tokenTTL": "15m", "encoding": ["Base64url"] },
        });
        let types = gateway::policy_types().into_iter().map(|known| view(known, &backend_jwt)).collect::<Vec<_>>();
        let jwt = types.iter().find(|known| known.name == "BackendJwt").unwrap();
        let basic: Vec<&str> = jwt.fields.iter().filter(|field| field.basic).map(|field| field.name).collect();
        assert_eq!(basic, ["encoding", "header", "signingAlgorithm", "tokenTTL"]);
        let field = |name: &str| jwt.fields.iter().find(|field| field.name == name).unwrap();
        assert_eq!(field("signingAlgorithm").default, Some(json!("RS256")));
        assert_eq!((field("tokenTTL").default.clone(), field("tokenTTL").max), (Some(json!(900)), Some(900)));
        assert_eq!(field("encoding").values, ["Base64url"]);
        assert_eq!(jwt.defaults["header"], json!("X-JWT-Assertion"));
    }
}
