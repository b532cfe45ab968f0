//! What holds for every input.

use proptest::{prelude::*, sample::select};

use super::*;
use crate::{claim_set::OmissionKind, name::Name};

const NAMES: [&str; 20] = [
    "email",
    "groups",
    "department",
    "sub",
    "iss",
    "aud",
    "exp",
    "iat",
    "jti",
    "cnf",
    "roles",
    "version",
    "enduser",
    "http://wso2.org/claims/enduser",
    "http://wso2.org/claims/role",
    "scope",
    "userPassword",
    "access_token",
    "attributes_omitted",
    "tenant_id",
];

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = || {
        prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            any::<String>().prop_map(Json::string),
        ]
    };
    let object = |value| {
        let mut object = Object::default();
        object.insert("member", value);
        object.into()
    };
    prop_oneof![3 => leaf(), 1 => prop::collection::vec(leaf(), 0..4).prop_map(Json::Array), 1 => leaf().prop_map(object)]
}

fn any_members() -> impl Strategy<Value = Object> {
    prop::collection::vec((select(&NAMES[..]), any_json()), 0..8).prop_map(|members| {
        let mut object = Object::default();
        for (name, value) in members {
            object.insert(name, value);
        }
        object
    })
}

fn any_attributes() -> impl Strategy<Value = Attributes> {
    prop::collection::btree_map(select(&NAMES[..]), prop::collection::vec(any_json(), 0..4), 0..8).prop_map(
        |attributes| {
            let attribute = |values| Attribute { values, source: Source::Store("staff".into()), as_of: NOW };
            attributes.into_iter().map(|(name, values)| (Box::from(name), attribute(values))).collect()
        },
    )
}

fn any_selection() -> impl Strategy<Value = ClaimSelection> {
    let rule = |attribute: &str| AttributeRule { attribute: attribute.into(), keep: Vec::new() };
    prop_oneof![
        Just(ClaimSelection::All),
        prop::collection::vec(select(&NAMES[..]), 0..4)
            .prop_map(move |names| ClaimSelection::Only(names.into_iter().map(rule).collect())),
    ]
}

fn any_token_claims() -> impl Strategy<Value = TokenClaims> {
    let names = || prop::collection::vec(select(&NAMES[..]).prop_map(Box::from), 0..5);
    prop_oneof![
        names().prop_map(TokenClaims::Only),
        names().prop_map(|names| TokenClaims::AllBut(names.into_iter().collect())),
        Just(TokenClaims::apk()),
    ]
}

fn any_mappings() -> impl Strategy<Value = Vec<(Name, Box<str>)>> {
    let name = || select(&NAMES[..]);
    prop::collection::vec((name().prop_map(Name::new), name().prop_map(Box::from)), 0..4)
}

fn any_user() -> impl Strategy<Value = User> {
    select(vec![
        User::NotLookedUp,
        User::Found,
        User::Stale,
        User::Omitted,
        User::Partial,
        User::StaleRefused,
        User::Unknown,
    ])
}

prop_compose! {
    fn any_case()(
        attributes in any_attributes(),
        token in any_members(),
        claims in any_selection(),
        token_claims in any_token_claims(),
        claim_mappings in any_mappings(),
        dialect in select(&Dialect::BUILT_IN[..]),
        user in any_user(),
        gives in prop::collection::btree_set(select(&NAMES[..]).prop_map(Box::from), 0..6),
        (is_anonymous, is_application) in any::<(bool, bool)>(),
    ) -> Case {
        let case = Case::alice("{}").dialect(dialect).policy(|policy| {
            policy.claims = claims;
            policy.token_claims = token_claims;
            policy.claim_mappings = claim_mappings;
        });
        case.with(|case| {
            case.token = token;
            let principal = case.principal.as_mut().unwrap();
            if is_application {
                principal.kind = PrincipalKind::Application;
            }
            if is_anonymous {
                case.principal = None;
            }
            (case.attributes, case.gives, case.user) = (attributes, gives, user);
        })
    }
}

proptest! {
    #[test]
    fn the_payload_is_json_with_unique_members_in_a_fixed_order(case in any_case()) {
        let set = case.compose().unwrap();
        let payload = set.payload();
        prop_assert!(serde_json::from_slice::<serde_json::Value>(&payload).is_ok());
        prop_assert_eq!(Json::parse(&payload).map(|json| json.as_object().map(Object::len)), Ok(Some(set.claims.len())));
        prop_assert_eq!(case.compose().unwrap(), set);
    }

    #[test]
    fn registered_and_gateway_claims_are_always_the_gateways(case in any_case()) {
        let set = case.compose().unwrap();
        for (name, expected) in [
            ("iss", "\"https://gateway.example.com\""),
            ("aud", "\"orders\""),
            ("iat", "1699999990"),
            ("nbf", "1699999990"),
            ("jti", "\"7c0f6f0e-8a9a-4f0c-9d2a-0c5d8a7b6e21\""),
        ] {
            let value = set.get(name).map(|claim| claim.value.to_string());
            prop_assert_eq!(value.as_deref(), Some(expected));
        }
        let subject = set.get("sub").map(|claim| claim.value.clone());
        prop_assert_eq!(subject, case.principal.as_ref().map(|principal| Json::string(&*principal.subject)));
        let prefix = &case.policy.dialect.prefix;
        for claim in &set.claims {
            let name = claim.name.strip_prefix(&**prefix).unwrap_or("");
            let is_gateway = names::GATEWAY.contains(&name) || ["attributes_as_of", "attributes_omitted"].contains(&&*claim.name);
            prop_assert_eq!(is_gateway, claim.origin == Origin::Gateway, "{}", claim.name);
        }
    }

    #[test]
    fn no_attribute_outside_the_allow_list_appears(case in any_case()) {
        for claim in case.compose().unwrap().claims {
            if let Origin::Attribute { attribute, .. } = &claim.origin {
                let is_allowed = match &case.policy.claims {
                    ClaimSelection::All => true,
                    ClaimSelection::Only(rules) => rules.iter().any(|rule| rule.attribute == *attribute),
                };
                prop_assert!(is_allowed && !case.policy.sensitive.forbids(attribute), "{attribute}");
            }
        }
    }

    #[test]
    fn no_attribute_of_a_store_comes_from_the_token(case in any_case()) {
        let is_end_user = case.principal.as_ref().is_some_and(|principal| principal.kind != PrincipalKind::Application);
        for claim in case.compose().unwrap().claims {
            match &claim.origin {
                Origin::Attribute { attribute, source: Source::Token, .. } => prop_assert!(!case.gives.contains(attribute)),
                Origin::Token => prop_assert!(!is_end_user || !case.gives.contains(&*claim.name)),
                Origin::Attribute { .. } | Origin::Registered | Origin::Gateway | Origin::Custom => {}
            }
        }
    }

    #[test]
    fn every_attribute_of_the_store_is_in_the_token_or_omitted_once(case in any_case()) {
        let set = case.compose().unwrap();
        for name in case.gives.iter().filter(|name| &***name != TENANT_ATTRIBUTE) {
            let omitted = set.omissions.iter().filter(|omission| omission.kind == OmissionKind::Attribute && omission.name == *name);
            let (omitted, is_in) = (omitted.count(), set.claims.iter().any(|claim| matches!(&claim.origin, Origin::Attribute { attribute, .. } if attribute == name)));
            prop_assert_eq!(omitted + usize::from(is_in), 1, "{}", name);
        }
    }
}
