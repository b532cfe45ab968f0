//! The policies beside the Backend JWT: what they do to a call, and what is refused at load.

use std::fmt::Write;

use gateway::Severity;

use crate::testing::{Folder, OPERATOR, code};

const API: &str = r#"
name: orders
basePath: /orders
version: "1.0"
endpointConfigurations: { production: [{ endpoint: "http://backend" }] }
operations: [{ target: "/{id}", verb: GET }]
"#;

/// What is reported of an API with these fields more, each as `line: message`.
fn reported(further: &str) -> Vec<String> {
    let diagnostics = Folder::new(OPERATOR, &[&format!("{API}{further}\n")]).diagnostics();
    let shown = diagnostics.iter().map(|diagnostic| {
        let warning = if diagnostic.severity == Severity::Warning { "warning: " } else { "" };
        format!("{}: {warning}{}", diagnostic.span.line, diagnostic.message)
    });
    shown.collect()
}

fn check(further: &str, expected: &[&str]) {
    assert_eq!(reported(further), expected, "{further}");
}

const POLICIES: [&str; 3] = ["AddHeader", "SetHeader", "RemoveHeader"];

/// What is said of policies in a flow that change each of these headers, which is the same of all; `None`: nothing.
fn check_headers(flow: &str, policies: &[&str], headers: &[&str], expected: Option<&str>) {
    let mut written =
        String::from("apiPolicies:\n  request:\n    - { policyName: BackendJwt, parameters: { header: X-Minted } }\n");
    if flow == "response" {
        written.push_str("  response:\n");
    }
    let mut complaints = Vec::new();
    for policy in policies {
        let value = if *policy == "RemoveHeader" { "" } else { ", headerValue: x" };
        for header in headers {
            let parameters = format!("{{ headerName: {header}{value} }}");
            writeln!(written, "    - {{ policyName: {policy}, parameters: {parameters} }}").unwrap();
            complaints.extend(expected.map(|end| format!("the header `{header}` {end}")));
        }
    }
    let found: Vec<String> = reported(&written)
        .iter()
        .map(|line| line.split_once(": ").map_or("", |(_, message)| message).to_owned())
        .collect();
    assert_eq!(found, complaints, "{flow}");
}

#[test]
fn what_the_gateway_says_is_out_of_every_policys_reach() {
    let own = ["X-JWT-Assertion", "x_jwt.assertion", "X-Minted", "X_MINTED", "Txn-Token"];
    check_headers("request", &POLICIES, &own, Some("is the gateway's own, and no policy may change it"));
    check_headers("response", &POLICIES, &own, Some("never leaves the gateway towards a client"));
    let hop = ["Connection", "Transfer-Encoding", "Upgrade", "TE", "Proxy-Authorization"];
    check_headers("request", &POLICIES, &hop, Some("ends at each hop, so no policy can change it"));
    check_headers("response", &POLICIES, &hop, Some("ends at each hop, so no policy can change it"));
    let framing = ["Host", "Content-Length", "content_length", "Expect"];
    check_headers("request", &POLICIES, &framing, Some("frames or routes the call, which the gateway does itself"));
    check_headers("response", &POLICIES, &framing, Some("frames the answer, which the gateway does itself"));
    let forwarding = ["X-Forwarded-For", "Via", "X-Request-Id", "Forwarded"];
    check_headers("request", &POLICIES, &forwarding, Some("is written by the gateway itself"));
    let distrusted = ["X-Forwarded-User", "X-Original-URL", "X-Envoy-Peer", "DPoP"];
    check_headers("request", &POLICIES, &distrusted, Some("is one that backends take for the word of a gateway"));
    check_headers("request", &POLICIES, &["Sec-WebSocket-Key"], Some("belongs to the WebSocket handshake"));
    check_headers("response", &POLICIES, &["DPoP-Nonce"], Some("is written by the gateway itself"));
}

#[test]
fn a_credential_is_taken_away_and_never_written() {
    let credential = Some("is a credential: a policy may take it away, never write it");
    check_headers("request", &["AddHeader", "SetHeader"], &["Authorization", "Cookie"], credential);
    check_headers("response", &["AddHeader", "SetHeader"], &["Set-Cookie"], credential);
    check_headers("request", &["RemoveHeader"], &["Authorization", "Cookie", "X-Anything"], None);
    check_headers("response", &["RemoveHeader"], &["Set-Cookie", "Content-Type"], None);
    check(
        "authentication: [{ authType: APIKey, headerName: X-Key }]\napiPolicies:\n  request:\n    - { policyName: \
         SetHeader, parameters: { headerName: x_key, headerValue: mine } }",
        &["10: the header `x_key` is a credential: a policy may take it away, never write it"],
    );
    check(
        "apiPolicies:\n  request:\n    - { policyName: BackendJwt, parameters: { header: Authorization } }\n    - { \
         policyName: RemoveHeader, parameters: { headerName: authorization } }",
        &["10: the header `authorization` carries this API's Backend JWT"],
    );
}

#[test]
fn header_policies_that_are_no_header_are_refused() {
    check(
        "apiPolicies:\n  request:\n    - { policyName: SetHeader, parameters: { headerName: 'X A', headerValue: x } }\n    \
         - { policyName: SetHeader, parameters: { headerName: X-A, headerValue: \"a\\r\\nX-B: c\" } }\n    - { policyName: \
         AddHeader, parameters: { headerName: X-A, headerValue: ' a' } }",
        &[
            "9: `X A` is no header name",
            "10: `headerValue` must be visible ASCII, without spaces at its ends",
            "11: `headerValue` must be visible ASCII, without spaces at its ends",
        ],
    );
    check(
        "apiPolicies: { request: [{ policyName: AddHeader, parameters: { headerName: X-A } }] }",
        &["7: the field `headerValue` is missing"],
    );
}

#[test]
fn cors_that_lets_everybody_in_is_refused_and_what_allows_nobody_is_told() {
    let cors = |fields: &str| format!("corsConfiguration: {{ corsConfigurationEnabled: true, {fields} }}");
    check(&cors("accessControlAllowOrigins: ['https://shop.example.com', 'http://localhost:3000']"), &[]);
    check(&cors("accessControlAllowOrigins: ['*']"), &[]);
    check(
        &cors("accessControlAllowOrigins: ['*'], accessControlAllowCredentials: true"),
        &["7: `*` with credentials would give every page of the web its readers' data"],
    );
    check(
        &cors("accessControlAllowOrigins: ['null', 'https://*.example.com']"),
        &["7: `null` is no origin that can be trusted", "7: `https://*.example.com` is no origin that can be trusted"],
    );
    let unheard = |origin: &str| format!("7: warning: no browser sends the origin `{origin}`, so it allows nobody");
    for origin in ["shop.example.com", "https://shop.example.com/", "https://Shop.example.com", "https://a.example:443"]
    {
        check(&cors(&format!("accessControlAllowOrigins: ['{origin}']")), &[&unheard(origin)]);
    }
    check(&cors(""), &["7: warning: CORS is on, and no origin may call: preflights are refused"]);
    check(
        &cors("accessControlAllowOrigins: ['https://a.example'], accessControlAllowHeaders: ['X Y', 'X-Z']"),
        &["7: `X Y` is no header name"],
    );
    check(
        &format!(
            "{}\napiPolicies: {{ response: [{{ policyName: SetHeader, parameters: {{ headerName: \
             Access-Control-Allow-Origin, headerValue: x }} }}] }}",
            cors("accessControlAllowOrigins: ['https://a.example']")
        ),
        &["8: the header `Access-Control-Allow-Origin` is what `corsConfiguration` speaks of"],
    );
}

#[test]
fn limits_and_redirections_without_sense_are_refused() {
    check("rateLimit: { requestsPerUnit: 0, unit: Day }", &["7: `requestsPerUnit` must be from 1 to 4294967295"]);
    check(
        "rateLimit: { requestsPerUnit: 1, unit: Second }",
        &["7: `unit` must be one of `Minute`, `Hour`, `Day`, not the text `Second`"],
    );
    let redirect = |parameters: &str| format!("{{ policyName: RequestRedirect, parameters: {{ {parameters} }} }}");
    let policies = |list: &str| format!("apiPolicies: {{ request: [{list}] }}");
    check(
        &policies(&redirect("url: 'https://a.example', statusCode: 200")),
        &["7: `statusCode` must be 301, 302, 307 or 308, not 200"],
    );
    check(
        &policies(&redirect("url: 'javascript:alert(1)'")),
        &["7: `url`: the URL must begin with `http://` or `https://` and have a host"],
    );
    let two = [redirect("url: 'https://a.example'"), redirect("url: 'https://b.example'")].join(", ");
    check(&policies(&two), &["7: a caller cannot be sent to two places; the first is on line 7"]);
}

#[test]
fn a_limit_goes_on_counting_when_the_definition_is_changed_elsewhere() {
    let api = format!("{API}rateLimit: {{ requestsPerUnit: 1, unit: Day }}\n");
    let mut running = Folder::new(OPERATOR, &[&api]).start();
    let token = running.token(&serde_json::json!({}));
    assert_eq!(code(&running.decide("GET /orders/1.0/7", &token)), "forwarded");
    assert_eq!(code(&running.decide("GET /orders/1.0/7", &token)), "rate_limited");
    running.folder.apis[0].push_str("additionalProperties: [{ name: a, value: b }]\n");
    running.gateway.apply(&running.folder.sources()).unwrap();
    assert_eq!(code(&running.decide("GET /orders/1.0/7", &token)), "rate_limited");
    running.folder.apis[0] = running.folder.apis[0].replace("requestsPerUnit: 1", "requestsPerUnit: 2");
    running.gateway.apply(&running.folder.sources()).unwrap();
    assert_eq!(code(&running.decide("GET /orders/1.0/7", &token)), "forwarded");
}

#[test]
fn resiliency_without_sense_is_refused() {
    let endpoint = |resiliency: &str| {
        let api = API.replace(
            r#"{ endpoint: "http://backend" }"#,
            &format!("{{ endpoint: 'http://b', resiliency: {{ {resiliency} }} }}"),
        );
        let diagnostics = Folder::new(OPERATOR, &[&api]).diagnostics();
        diagnostics.iter().map(|diagnostic| diagnostic.message.clone()).collect::<Vec<_>>()
    };
    let check = |resiliency: &str, expected: &[&str]| assert_eq!(endpoint(resiliency), expected, "{resiliency}");
    check("retryPolicy: { count: 2, baseIntervalMillis: 10, statusCodes: [429, 503] }", &[]);
    check("circuitBreaker: { maxRequests: 3, maxConnections: 2, maxPendingRequests: 0, maxRetries: 0 }", &[]);
    check(
        "retryPolicy: { count: 11, statusCodes: [200, 99999] }",
        &[
            "`count` must be at most 10, not 11",
            "`statusCodes` takes 429 and 500 to 599, not 200",
            "`statusCodes` takes 429 and 500 to 599, not 99999",
        ],
    );
    check(
        "circuitBreaker: { maxRequests: 0, maxConnections: 0, maxConnectionPools: 5 }",
        &[
            "`maxRequests` must be at least 1: no call would be answered",
            "`maxConnections` must be at least 1: no call would be answered",
            "`maxConnectionPools` has no effect here: each endpoint has one pool",
        ],
    );
}

#[test]
fn a_mirror_is_no_backend() {
    let mirror = |urls: &str| {
        format!("apiPolicies: {{ request: [{{ policyName: RequestMirror, parameters: {{ urls: [{urls}] }} }}] }}")
    };
    check(&mirror("'http://m/x', 'https://n'"), &[]);
    check(
        &mirror("'file:///etc/passwd'"),
        &["7: an item of `urls`: the URL must begin with `http://` or `https://` and have a host"],
    );
    check(
        &mirror("'http://a', 'http://b', 'http://c', 'http://d', 'http://e'"),
        &["7: copies may go to at most 4 addresses"],
    );
}
