//! What the operator's `limits` keep API authors from, at load.

use gateway::DiagnosticCode;

use crate::testing::{Folder, OPERATOR, ORDERS};

/// Returns what is over a limit in a policy with these parameters under these limits.
fn reported(limits: &str, parameters: &str) -> Vec<String> {
    let operator = format!("{OPERATOR}backendJwt: {{ limits: {{ {limits} }} }}\n");
    let api = ORDERS.replace(
        "{ policyName: BackendJwt }",
        &format!("{{ policyName: BackendJwt, parameters: {{ {parameters} }} }}"),
    );
    let diagnostics = Folder::new(&operator, &[&api]).diagnostics();
    let refused = diagnostics.iter().filter(|diagnostic| diagnostic.code == DiagnosticCode::LimitExceeded);
    refused.map(|diagnostic| diagnostic.message.clone()).collect()
}

fn check(limits: &str, parameters: &str, expected: &[&str]) {
    assert_eq!(reported(limits, parameters), expected, "{limits} / {parameters}");
}

#[test]
fn every_parameter_over_its_limit_is_reported() {
    check(
        "tokenTTL: 10m, signingAlgorithm: [RS256], encoding: [Base64url]",
        "tokenTTL: 1200, signingAlgorithm: ES256, encoding: Base64",
        &[
            "`tokenTTL` 1200 s is over the operator's limit of 600 s",
            "`signingAlgorithm: ES256` is not among the operator's limits",
            "`encoding: Base64` is not among the operator's limits",
        ],
    );
    check(
        "maxHeaderBytes: 4KiB, onAttributeFailure: [reject], onUnknownUser: [reject], anonymous: [omit], tokenId: [cached]",
        "maxHeaderBytes: 8KiB, onAttributeFailure: useStale, onUnknownUser: omit, anonymous: mint, tokenId: unique",
        &[
            "`maxHeaderBytes` 8192 is over the operator's limit of 4096",
            "`onAttributeFailure: useStale` is not among the operator's limits",
            "`onUnknownUser: omit` is not among the operator's limits",
            "`anonymous: mint` is not among the operator's limits",
            "`tokenId: unique` is not among the operator's limits",
        ],
    );
    check("dialect: [oidc]", "dialect: wso2", &["dialect `wso2` is not among the operator's limits"]);
    check("userStore: [other]", "userStore: staff", &["user store `staff` is not among the operator's limits"]);
    check(
        "tokenClaims: [scope]",
        "tokenClaims: [scope, acr]",
        &["token claim `acr` is not among the operator's limits"],
    );
    check("tokenTTL: 10m", "tokenTTL: 600", &[]);
    check("tokenTTL: 10m", "", &[]);
}

#[test]
fn attributes_are_limited_in_custom_claims_too() {
    check("claims: [email]", "claims: [email, groups]", &["attribute `groups` is not among the operator's limits"]);
    check(
        "claims: [email]",
        "customClaims: [{ claim: g, value: '${user.groups}' }, { claim: e, value: 'mailto:${user.email}' }]",
        &["attribute `groups` is not among the operator's limits"],
    );
    check(
        "tokenClaims: [scope]",
        "customClaims: [{ claim: s, value: '${token.scope}' }, { claim: a, value: '${token.acr}' }]",
        &["token claim `acr` is not among the operator's limits"],
    );
}
