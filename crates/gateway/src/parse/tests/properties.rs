use proptest::prelude::*;

use super::*;

const FIELDS: [&str; 11] = [
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
];

const WORDS: &str = "name basePath operations gateway issuer apiPolicies request policyName BackendJwt parameters \
                     tokenTTL customClaims claim value secret file env keys hmac issuers userStores sql inline users \
                     authentication authType OAuth2 production endpoint http://a 1h 10 true 'x' ~ é \
                     endpointConfigurations resiliency <<";

fn word() -> impl Strategy<Value = &'static str> + Clone {
    prop::sample::select(WORDS.split_whitespace().collect::<Vec<_>>())
}

/// Flow collections of these words.
fn node() -> impl Strategy<Value = String> {
    let leaf = word().prop_map(str::to_owned);
    leaf.prop_recursive(6, 60, 6, |inner| {
        let entry = (word(), inner.clone()).prop_map(|(key, value)| format!("\"{}\": {value}", key.trim_matches('\'')));
        prop_oneof![
            prop::collection::vec(inner, 0..5).prop_map(|items| format!("[{}]", items.join(", "))),
            prop::collection::vec(entry, 0..6).prop_map(|entries| format!("{{{}}}", entries.join(", "))),
        ]
    })
}

/// Files in the shape of the two kinds, with words of the language in wrong places.
fn config_like() -> impl Strategy<Value = String> {
    let line = (prop::sample::select(FIELDS.as_slice()), node()).prop_map(|(name, value)| format!("{name}: {value}"));
    prop::collection::vec(line, 0..8).prop_map(|lines| lines.join("\n"))
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
