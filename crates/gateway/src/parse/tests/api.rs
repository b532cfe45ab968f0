use claims::{Algorithm, Encoding};

use super::*;

/// An API definition with these parameters of its policy.
fn with_policy(parameters: &str) -> String {
    format!(
        "name: orders\nbasePath: /orders\noperations: []\napiPolicies:\n  request:\n    - policyName: BackendJwt\n      \
         parameters:\n        {parameters}\n"
    )
}

fn check_api(further: &str, expected: &[&str]) {
    let text = format!("name: orders\nbasePath: /orders\noperations: [{{ target: /a, verb: GET }}]\n{further}");
    assert_eq!(api_lines(&text), expected, "{further}");
}

fn check_policy(parameters: &str, expected: &[&str]) {
    assert_eq!(api_lines(&with_policy(parameters)), expected, "{parameters}");
}

#[test]
fn ten_mistakes_in_an_api_definition_give_ten_diagnostics() {
    let text = "\
name: [orders]
basePath: /orders
type: SOAP
defaultVersion: \"true\"
operations:
  - { verb: GET, secured: no, scopes: orders:read }
  - { target: /a, verb: GET, scpoes: [] }
endpointConfigurations: { production: { endpoint: ftp://backend, weight: heavy } }
corsConfigration: {}
";
    assert_eq!(api_lines(text).len(), 10);
    insta::assert_snapshot!(api_lines(text).join("\n"));
}

#[test]
fn values_are_read_as_they_are_meant() {
    let api = api("\
name: orders
basePath: /orders
version: 3.10
type: GRPC
operations:
  - { target: Orders, verb: Find, secured: false, scopes: [a, b], scopesMatch: all }
endpointConfigurations:
  production:
    - { endpoint: 'http://one:80', weight: 0 }
    - endpoint: { name: two, namespace: shop, port: 8080, protocol: https }
      resiliency: { timeout: { upstreamResponseTimeout: 30 } }
  sandbox: { endpoint: 'http://sand' }
authentication:
  - { authType: OAuth2, headerName: testAuth, sendTokenToUpstream: true }
  - { authType: JWT, required: optional, queryParamEnable: true, queryParamName: token, audience: aud1 }
  - { authType: mTLS, enabled: false }
keyManagers: [corp, { name: partner, issuer: 'https://p', JWKSEndpoint: 'https://p/jwks' }]
additionalProperties: [{ name: tier, value: 7 }]
compatibility: apk
encodedSlash: allow
");
    insta::assert_debug_snapshot!(api);
}

#[test]
fn every_parameter_of_a_policy_is_read() {
    let text = with_policy(
        "{ encoding: base64, signingAlgorithm: SHA256withRSA, header: X-User, scheme: Bearer, tokenTTL: 300, \
         capToInboundToken: false, audience: [a, b], dialect: oidc, claims: [email, { attribute: groups, keep: ['o-*'] }], \
         tokenClaims: all, excludedClaims: [x], claimMappings: { mail: email }, customClaims: [{ claim: n, value: 1.50, \
         type: float, required: true }], userStore: [staff], userStoreMerge: union, onAttributeFailure: omit, onUnknownUser: omit, anonymous: \
         mint, maxHeaderBytes: 8KiB, onOversize: drop, dropOrder: [groups], tokenId: unique, enabled: false }",
    );
    let api = api(&text);
    let parameters = &api.policies.backend_jwt[0].parameters;
    assert_eq!(parameters.encoding.as_deref(), Some(&Encoding::Base64));
    assert_eq!(parameters.signing_algorithm.as_deref(), Some(&Algorithm::Rs256));
    insta::assert_debug_snapshot!(parameters);
}

#[test]
fn a_policy_may_be_spelt_in_three_ways_and_no_other() {
    for name in ["BackendJwt", "BackendJWT", "backend-jwt"] {
        let text = with_policy("{}").replace("BackendJwt", name);
        assert_eq!(api(&text).policies.backend_jwt.len(), 1, "{name}");
    }
    let text = with_policy("{}").replace("BackendJwt", "BackendJWt");
    assert_eq!(
        api_lines(&text),
        ["6:19: error[invalid-value]: `policyName` is unknown: `BackendJWt` | did you mean `BackendJwt`?"]
    );
}

#[test]
fn a_policys_mistakes_are_named() {
    check_policy("encodng: Base64", &["8:9: error[unknown-field]: unknown field `encodng` | did you mean `encoding`?"]);
    check_policy("tokenTTL: 0", &["8:19: error[invalid-value]: `tokenTTL`: `0` is not between 1 and 86400 seconds"]);
    check_policy(
        "tokenTTL: 1h",
        &[
            "8:19: error[wrong-type]: `tokenTTL` must be seconds from 1 to 86400, not the text `1h` | write the seconds: \
           `3600`",
        ],
    );
    check_policy(
        "tokenTTL: -5",
        &["8:19: error[wrong-type]: `tokenTTL` must be seconds from 1 to 86400, not the number `-5`"],
    );
    check_policy(
        "encoding: base46",
        &["8:19: error[invalid-value]: `encoding`: unknown encoding `base46`; known: `Base64url`, `Base64`"],
    );
    check_policy("claims: email", &["8:17: error[wrong-type]: `claims` must be `all` or a list, not the text `email`"]);
    check_policy(
        "customClaims: [{ claim: a, value: [1] }]",
        &["8:43: error[wrong-type]: `value` must be text or a number, not a list"],
    );
    check_policy(
        "customClaims: [{ claim: a, value: { env: SECRET } }]",
        &["8:43: error[misplaced-secret]: `value` takes no `file` or `env`: only secrets of the operator's file do"],
    );
    check_policy(
        "header:",
        &["8:9: error[wrong-type]: `header` must be text, not nothing | give it a value, or take the \
                               line out"],
    );
}

#[test]
fn what_is_not_built_yet_is_refused_by_name() {
    let policy = |name: &str| format!("apiPolicies: {{ request: [{{ policyName: {name}, parameters: {{ x: 1 }} }}] }}");
    let check = |further: &str, feature: &str| {
        let text = format!("name: orders\nbasePath: /orders\noperations: []\n{further}\n");
        let shown = api_lines(&text);
        let expected = format!("error[unsupported-feature]: not supported yet: {feature}");
        assert!(matches!(shown.as_slice(), [line] if line.ends_with(&expected)), "{further}: {shown:?}");
    };
    for name in ["Interceptor", "LuaInterceptor", "WASMInterceptor", "ModelBasedRoundRobin"] {
        check(&policy(name), &format!("the policy `{name}`"));
    }
    check(&policy("URLGuardrail"), "guardrail policies");
    check("type: GRAPHQL", "GraphQL APIs");
    check("aiProvider: { name: x, apiVersion: y }", "AI providers");
    let endpoint =
        |further: &str| format!("endpointConfigurations: {{ production: {{ endpoint: 'http://b', {further} }} }}");
    check(&endpoint("certificate: { secretName: s, secretKey: k }"), "endpoint certificates");
    check(&endpoint("endpointSecurity: { enabled: true }"), "endpoint security");
    check(&endpoint("aiRatelimit: { enabled: true, token: {}, request: {} }"), "AI rate limits");
    check("definitionPath: /openapi", "serving an API's definition (`definitionPath`)");
    let manager = |further: &str| format!("keyManagers: [{{ name: corp, {further} }}]");
    check(&manager("claimMappings: [{ remoteClaim: a, localClaim: b }]"), "claim mappings of a key manager");
    check(&manager("k8sBackend: { name: n, port: 1 }"), "key managers behind a Kubernetes service");
}

#[test]
fn an_operation_is_upgraded_to_a_websocket_or_to_nothing() {
    let text = "name: a\nbasePath: /a\noperations: [{ target: /a, verb: GET, upgrade: websocket }]";
    assert_eq!(api_lines(text), Vec::<String>::new());
    assert_eq!(api_lines(&text.replace("websocket", "none")), Vec::<String>::new());
    assert_eq!(api_lines(&text.replace("websocket", "h2c")).len(), 1);
}

#[test]
fn what_is_switched_off_is_no_mistake() {
    check_api("corsConfiguration: { corsConfigurationEnabled: false, accessControlAllowMethods: [GET] }", &[]);
    check_api("corsConfiguration: { accessControlAllowMaxAge: 3600 }", &[]);
    check_api("authentication: [{ authType: APIKey, enabled: false, headerName: k }]", &[]);
    check_api("authentication: [{ authType: mTLS, enabled: false, certificates: [{ name: n, key: k }] }]", &[]);
    check_api(
        "endpointConfigurations: { production: { endpoint: 'http://b', endpointSecurity: { enabled: false } } }",
        &[],
    );
}

#[test]
fn a_feature_with_mistakes_is_reported_for_these_alone() {
    check_api(
        "corsConfiguration: { corsConfigurationEnabled: \"abc\", accessControlAllowMethods: [123] }",
        &[
            "4:48: error[wrong-type]: `corsConfigurationEnabled` must be `true` or `false`, not the text `abc`",
            "4:83: error[wrong-type]: an item of `accessControlAllowMethods` must be text, not the number `123` | put it \
             into quotes: \"123\"",
        ],
    );
    check_api(
        "authentication: [{ authType: mTLS, enabled: 1 }]",
        &["4:45: error[wrong-type]: `enabled` must be `true` or `false`, not the number `1`"],
    );
}

#[test]
fn a_backend_jwt_in_the_answer_is_refused() {
    check_api(
        "apiPolicies: { response: [{ policyName: BackendJwt }] }",
        &["4:29: error[invalid-value]: `BackendJwt` belongs into `request`: the backend has answered already"],
    );
}

#[test]
fn the_operators_fields_are_sent_home_from_an_api_definition() {
    check_api(
        "userStores: []",
        &["4:1: error[unknown-field]: unknown field `userStores` | `userStores` belongs into the operator's file"],
    );
}
