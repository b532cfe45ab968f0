//! `api.yaml` of WSO2 API Manager, Choreo and Choreo Connect to an API definition: name, endpoints, audiences of the Backend JWT.

use gateway::yaml::Entry;

use super::{
    cors,
    draft::{ApiDraft, BackendJwtDraft, Credential, OperationDraft},
    notes::Notes,
    text::{base_path, list, slug, version},
    tree::Tree,
};

const VERBS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// True for an `api.yaml`.
pub(super) fn is_one(root: Tree<'_>) -> bool {
    root.text_of("type") == Some("api") && root.get("data").is_some_and(|data| data.get("context").is_some())
}

/// Makes an API definition of an `api.yaml`.
pub(super) fn import(root: Tree<'_>, notes: &mut Notes) -> ApiDraft {
    let data = root.get("data").unwrap_or(root);
    let name = data.text_of("name").unwrap_or("api");
    let written_version = data.text_of("version").unwrap_or_default();
    let context = data.text_of("context").unwrap_or_default().replace("/{version}", "");
    let context = context.strip_suffix(&format!("/{written_version}")).unwrap_or(&context);
    let mut draft = ApiDraft {
        comment: vec!["Imported from an api.yaml by `countersign import`.".to_owned()],
        id: data.text_of("id").map(str::to_owned),
        name: name.to_owned(),
        base_path: base_path(context).unwrap_or_else(|| format!("/{}", slug(name))),
        version: version(written_version),
        is_default_version: data.text_of("isDefaultVersion") == Some("true"),
        ..ApiDraft::default()
    };
    for entry in data.entries() {
        part(entry, (&mut draft, notes));
    }
    backend_jwt(data, (&mut draft, notes));
    if draft.operations.is_empty() {
        let reason =
            "its operations stand in another file: every path is passed on (import its OpenAPI document to name them)";
        notes.changed(data.place(), "data.operations", "operations", reason);
        let every = VERBS.map(|verb| OperationDraft {
            target: "/*".to_owned(),
            verb: verb.to_owned(),
            ..OperationDraft::default()
        });
        draft.operations = every.to_vec();
    }
    draft
}

fn part(entry: &Entry, (draft, notes): (&mut ApiDraft, &mut Notes)) {
    let value = Tree(&entry.value);
    let field = format!("data.{}", entry.key);
    match entry.key.as_str() {
        "id" | "name" | "context" | "version" | "isDefaultVersion" => {
            notes.carried(entry.place, &field, "the definition");
        }
        "enableBackendJWT" | "backendJWTConfiguration" => {}
        "type" if value.text() == Some("HTTP") => {}
        "endpointConfig" => endpoints(value, (draft, notes)),
        "authorizationHeader" => {
            let header = value.text().filter(|header| !header.eq_ignore_ascii_case("authorization"));
            draft.authentication = vec![Credential::Token { header: header.map(str::to_owned) }];
            notes.carried(entry.place, &field, "authentication");
        }
        "securityScheme" => {
            for scheme in value.items() {
                let reason = match Tree(scheme).text().unwrap_or_default() {
                    "oauth2" | "oauth_basic_auth_api_key_mandatory" => continue,
                    "api_key" => "`authType: APIKey` asks for keys, which the operator's `applications` hold",
                    "mutualssl" | "mutualssl_mandatory" => {
                        "`authType: mTLS` chooses among the operator's `clientCertificates`"
                    }
                    "basic_auth" => "`authType: Basic` asks for names and passwords of an issuer with `passwords`",
                    _ => "it has no counterpart",
                };
                notes.left(scheme.place, &field, reason);
            }
        }
        "operations" => operations(value, (draft, notes)),
        "corsConfiguration" => draft.cors = cors::import(entry, ("corsConfigurationEnabled", false), (&field, notes)),
        _ => notes.left(entry.place, "data.*", "it is not about calls and their callers"),
    }
}

fn endpoints(config: Tree<'_>, (draft, notes): (&mut ApiDraft, &mut Notes)) {
    for entry in config.entries() {
        let field = format!("data.endpointConfig.{}", entry.key);
        let slot = match entry.key.as_str() {
            "production_endpoints" => &mut draft.production,
            "sandbox_endpoints" => &mut draft.sandbox,
            "endpoint_type" => continue,
            "endpoint_security" => {
                notes.left(entry.place, &field, "secrets are not copied");
                continue;
            }
            _ => {
                notes.left(entry.place, &field, "it has no counterpart");
                continue;
            }
        };
        let endpoint = Tree(&entry.value);
        let first = endpoint.items().first().map_or(endpoint, Tree);
        let url = first.text_of("url").and_then(|url| url::Url::parse(url).ok());
        let url = url.filter(|url| {
            matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.query().is_none()
        });
        match url {
            Some(url) => {
                *slot = Some(url.as_str().trim_end_matches('/').to_owned());
                notes.carried(entry.place, &field, "endpointConfigurations");
            }
            None => notes.left(entry.place, &field, "it is no address without credentials and query"),
        }
    }
}

fn operations(list: Tree<'_>, (draft, notes): (&mut ApiDraft, &mut Notes)) {
    for operation in list.items() {
        let operation = Tree(operation);
        let (target, verb) = (operation.text_of("target"), operation.text_of("verb").map(str::to_ascii_uppercase));
        let (Some(target), Some(verb)) = (target, verb.filter(|verb| VERBS.contains(&verb.as_str()))) else {
            notes.left(
                operation.place(),
                "data.operations[]",
                "it needs a target, and a verb that the gateway forwards",
            );
            continue;
        };
        let scopes = operation.get("scopes").map(Tree::items).unwrap_or_default().iter();
        draft.operations.push(OperationDraft {
            target: target.to_owned(),
            verb,
            is_open: operation.text_of("authType") == Some("None"),
            scopes: scopes.filter_map(|scope| Tree(scope).text()).map(str::to_owned).collect(),
            ..OperationDraft::default()
        });
        notes.carried(operation.place(), "data.operations[]", "operations");
    }
}

/// `enableBackendJWT` and `backendJWTConfiguration`: a token for the backend, for these audiences.
fn backend_jwt(data: Tree<'_>, (draft, notes): (&mut ApiDraft, &mut Notes)) {
    let (switch, configuration) = (data.entry("enableBackendJWT"), data.entry("backendJWTConfiguration"));
    let Some(entry) = switch.or(configuration) else { return };
    if switch.is_some_and(|switch| Tree(&switch.value).text() == Some("false")) {
        notes.carried(entry.place, "data.enableBackendJWT", "no `BackendJwt` policy");
        return;
    }
    let mut parameters = vec![("signingAlgorithm", "RS256".to_owned())];
    if let Some(configuration) = configuration {
        let audiences = Tree(&configuration.value).get("audiences").map(Tree::items).unwrap_or_default();
        let audiences: Vec<&str> = audiences.iter().filter_map(|audience| Tree(audience).text()).collect();
        notes.carried(configuration.place, "data.backendJWTConfiguration.audiences", "audience");
        parameters.push(("audience", list(audiences)));
        let others = Tree(&configuration.value).entries().iter().filter(|entry| entry.key != "audiences");
        for other in others {
            notes.left(other.place, &format!("data.backendJWTConfiguration.{}", other.key), "it has no counterpart");
        }
    } else {
        parameters.push(("audience", "[]".to_owned()));
    }
    notes.carried(entry.place, "data.enableBackendJWT", "apiPolicies");
    draft.backend_jwts.push(BackendJwtDraft { parameters, custom_claims: Vec::new() });
}
