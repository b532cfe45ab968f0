use proptest::prelude::*;

use super::*;

/// Files in the shape of the two kinds, with words of the language in wrong places.
fn config_like() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "name",
        "basePath",
        "operations",
        "gateway",
        "issuer",
        "apiPolicies",
        "request",
        "policyName",
        "BackendJwt",
        "parameters",
        "tokenTTL",
        "customClaims",
        "claim",
        "value",
        "secret",
        "file",
        "env",
        "keys",
        "hmac",
        "issuers",
        "userStores",
        "sql",
        "inline",
        "users",
        "authentication",
        "authType",
        "OAuth2",
        "production",
        "endpoint",
        "http://a",
        "1h",
        "10",
        "true",
        "'x'",
        "~",
        "é",
        "endpointConfigurations",
        "resiliency",
        "<<",
    ]);
    let leaf = word.clone().prop_map(str::to_owned);
    let node = leaf.prop_recursive(6, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|items| format!("[{}]", items.join(", "))),
            prop::collection::vec((word.clone(), inner), 0..6).prop_map(|entries| {
                let shown = entries.into_iter().map(|(key, value)| format!("\"{}\": {value}", key.trim_matches('\'')));
                format!("{{{}}}", shown.collect::<Vec<_>>().join(", "))
            }),
        ]
    });
    prop::collection::vec(
        (
            prop::sample::select(vec![
                "name",
                "gateway",
                "keys",
                "issuers",
                "userStores",
                "apiPolicies",
                "operations",
                "authentication",
                "endpointConfigurations",
                "backendJwt",
                "applications",
            ]),
            node,
        ),
        0..8,
    )
    .prop_map(|fields| fields.into_iter().map(|(name, value)| format!("{name}: {value}\n")).collect())
}

proptest! {
    #[test]
    fn no_file_panics_and_no_message_is_without_a_place(text in prop_oneof![config_like(), any::<String>()]) {
        for parse in [api_lines, operator_lines] {
            for line in parse(&text) {
                let mut parts = line.splitn(3, ':');
                let numbers = [parts.next(), parts.next()].map(|part| part.and_then(|part| part.parse::<u32>().ok()));
                prop_assert!(numbers.into_iter().all(|number| number >= Some(1)), "{}", line);
            }
        }
    }
}
