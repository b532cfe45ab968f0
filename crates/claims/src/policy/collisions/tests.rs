use std::{collections::BTreeSet, sync::Arc};

use super::*;
use crate::{
    compose::tests::policy,
    custom_claim::CustomClaimType,
    dialect::{ClaimMapping, ClaimType, Dialect},
    name::Name,
    policy::AttributeRule,
    template::Template,
};

fn custom(policy: &mut BackendJwtPolicy, claim: &str, value: &str, claim_type: CustomClaimType) {
    let value = Template::compile(value).unwrap();
    policy.custom_claims.push(CustomClaim { claim: claim.into(), value, claim_type, required: false, constant: None });
}

/// Compares problems as the operator reads them; errors end in `!`.
fn check(change: impl FnOnce(&mut BackendJwtPolicy), expected: &[&str]) {
    let mut policy = policy();
    change(&mut policy);
    let text = |problem: &PolicyProblem| format!("{problem}{}", if problem.is_error() { "!" } else { "" });
    let problems: Vec<String> = check_collisions(&policy).iter().map(text).collect();
    assert_eq!(problems, expected);
}

fn own_dialect(prefix: &str, rules: &[(&str, &str)]) -> Arc<Dialect> {
    let mapping = |(attribute, claim): &(&str, &str)| ClaimMapping {
        attribute: (*attribute).into(),
        claim: Name::new(&[prefix, claim].concat()),
        multi: false,
        claim_type: ClaimType::AsIs,
    };
    let mappings = rules.iter().map(mapping).collect();
    Arc::new(Dialect::new("own", "http://example.com", prefix, mappings))
}

#[test]
fn built_in_dialects_have_no_problem() {
    for name in Dialect::BUILT_IN {
        check(|policy| policy.dialect = Arc::new(Dialect::builtin(name).unwrap()), &[]);
    }
}

#[test]
fn custom_claims_may_not_take_the_gateways_names() {
    for claim in ["sub", "jti", "claims_dropped", "cnf"] {
        check(
            |policy| custom(policy, claim, "x", CustomClaimType::String),
            &[&format!("custom claim `{claim}` has a name that the gateway alone sets!")],
        );
    }
    check(
        |policy| custom(policy, "http://wso2.org/claims/enduser", "x", CustomClaimType::String),
        &["custom claim `http://wso2.org/claims/enduser` has the name of a gateway claim of this dialect!"],
    );
    check(|policy| custom(policy, "enduser", "x", CustomClaimType::String), &[]);
}

#[test]
fn a_custom_claim_that_shadows_an_attribute_is_a_warning() {
    check(
        |policy| custom(policy, "http://wso2.org/claims/emailaddress", "x", CustomClaimType::String),
        &[
            "custom claim `http://wso2.org/claims/emailaddress` shadows attribute `email`, which the dialect maps to the same claim",
        ],
    );
}

#[test]
fn custom_claims_may_not_hold_secrets_tokens_or_broken_json() {
    check(
        |policy| {
            custom(policy, "a", "x ${user.national_id}", CustomClaimType::String);
            custom(policy, "b", "${token.client_secret}", CustomClaimType::String);
            custom(policy, "c", "${token.access_token}", CustomClaimType::String);
            custom(policy, "d", "{${user.email}", CustomClaimType::Json);
            custom(policy, "d", "", CustomClaimType::String);
        },
        &[
            "custom claim `a` names the sensitive attribute `national_id`, which the operator does not allow for this API!",
            "custom claim `b` names the sensitive attribute `client_secret`, which the operator does not allow for this API!",
            "custom claim `c` would put a token into the JWT!",
            "custom claim `d` has a value that cannot be of its type!",
            "custom claim `d` has the name that `d` has too!",
        ],
    );
    check(
        |policy| {
            policy.sensitive.allowed = BTreeSet::from(["national_id".into()]);
            custom(policy, "a", "${user.national_id}", CustomClaimType::String);
        },
        &[],
    );
}

#[test]
fn names_that_collide_without_a_prefix_are_errors() {
    check(
        |policy| policy.dialect = own_dialect("", &[("a", "version"), ("b", "exp"), ("c", "x"), ("d", "x")]),
        &[
            "attribute `a`, mapped to claim `version`, has the name of a gateway claim of this dialect!",
            "attribute `b`, mapped to claim `exp`, has a name that the gateway alone sets!",
            "attribute `d`, mapped to claim `x`, has the name that `c` has too!",
        ],
    );
    check(|policy| policy.dialect = own_dialect("p/", &[("a", "version-of"), ("b", "exp")]), &[]);
}

#[test]
fn renames_may_not_collide_either() {
    check(
        |policy| {
            let renames =
                [("iss", "email"), ("mail", "nickname"), ("mail2", "nickname"), ("n", "national_id"), ("n2", "name")];
            policy.claim_mappings = renames.map(|(claim, attribute)| (claim.into(), attribute.into())).into();
        },
        &[
            "attribute `email`, mapped to claim `iss`, has a name that the gateway alone sets!",
            "attribute `nickname`, mapped to claim `mail2`, is mapped already, to claim `mail`, and no attribute is sent twice!",
            "attribute `national_id`, mapped to claim `n`, names the sensitive attribute `national_id`, which the operator does not allow for this API!",
        ],
    );
}

#[test]
fn an_allowed_attribute_that_is_not_mapped_is_a_warning() {
    let rule = |attribute: &str| AttributeRule { attribute: attribute.into(), keep: Vec::new() };
    check(
        |policy| policy.claims = ClaimSelection::Only(vec![rule("email"), rule("shoe_size"), rule("tenant_id")]),
        &["attribute `shoe_size` is not mapped by the dialect, and never sent"],
    );
    check(
        |policy| {
            policy.claims = ClaimSelection::Only(vec![rule("shoe_size")]);
            policy.claim_mappings = vec![("size".into(), "shoe_size".into())];
        },
        &[],
    );
}

#[test]
fn token_claims_that_can_never_pass_are_reported() {
    check(
        |policy| {
            let listed = ["scope", "aud", "http://wso2.org/claims/tier", "access_token", "national_id", "plan", "cnf"];
            policy.token_claims = TokenClaims::Only(listed.map(Box::from).into());
            custom(policy, "plan", "x", CustomClaimType::String);
        },
        &[
            "token claim `aud` has a name that the gateway alone sets!",
            "token claim `http://wso2.org/claims/tier` has the name of a gateway claim of this dialect!",
            "token claim `access_token` would put a token into the JWT!",
            "token claim `national_id` names the sensitive attribute `national_id`, which the operator does not allow for this API!",
            "token claim `plan` is never sent: a stronger source has that name",
        ],
    );
}
