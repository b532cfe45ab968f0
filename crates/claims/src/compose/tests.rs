//! Builders and checks for the claims engine's tests; one file for each part of the contract.

mod golden;
mod omissions;
mod precedence;
mod properties;
mod types;

use std::sync::Arc;

use super::*;
use crate::{
    algorithm::{Algorithm, Encoding},
    attributes::{Attribute, Source},
    custom_claim::{CustomClaim, CustomClaimType},
    dialect::Dialect,
    facts::KeyType,
    json::Object,
    key::HeaderForm,
    policy::{
        Anonymous, AttributeFailure, AttributeRule, Audience, ClaimSelection, Oversize, Sensitive, TokenClaims,
        TokenId, UnknownUser,
    },
    principal::Grant,
    template::Template,
};

const NOW: u64 = 1_700_000_000;

/// Everything that a composition borrows.
#[derive(Clone, Debug)]
struct Case {
    policy: BackendJwtPolicy,
    api: ApiFacts,
    operation: OperationFacts,
    principal: Option<Principal>,
    token: Object,
    application: Option<Application>,
    user: User,
    attributes: Attributes,
    gives: BTreeSet<Box<str>>,
}

#[derive(Clone, Copy, Debug)]
enum User {
    NotLookedUp,
    Found,
    Stale,
    Omitted,
    Partial,
    StaleRefused,
    Unknown,
}

impl Case {
    /// Alice, whose store gives these attributes: a JSON object of arrays.
    fn alice(attributes: &str) -> Self {
        let attributes: Attributes =
            object(attributes).iter().map(|(name, values)| (name.into(), from_store(values))).collect();
        Self {
            policy: policy(),
            api: ApiFacts {
                id: "7".into(),
                name: "orders".into(),
                context: "/orders/1.0".into(),
                version: "1.0".into(),
                key_type: KeyType::Production,
            },
            operation: OperationFacts { target: "/{id}".into(), verb: "GET".into() },
            principal: Some(principal()),
            token: object(r#"{"sub":"alice"}"#),
            application: None,
            user: User::Found,
            gives: attributes.iter().map(|(name, _)| name.into()).collect(),
            attributes,
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn policy(self, change: impl FnOnce(&mut BackendJwtPolicy)) -> Self {
        self.with(|case| change(&mut case.policy))
    }

    fn dialect(self, name: &str) -> Self {
        self.policy(|policy| policy.dialect = Arc::new(Dialect::builtin(name).unwrap()))
    }

    /// Alice's token has these claims besides `sub`.
    fn token(self, claims: &str) -> Self {
        self.with(|case| case.token = object(claims))
    }

    fn custom(self, claim: &str, value: &str, claim_type: CustomClaimType) -> Self {
        let value = Template::compile(value).unwrap();
        self.policy(|policy| {
            let custom = CustomClaim { claim: claim.into(), value, claim_type, required: false, constant: None };
            policy.custom_claims.push(custom);
        })
    }

    fn only(self, rules: &[(&str, &[&str])]) -> Self {
        let rule = |(attribute, keep): &(&str, &[&str])| AttributeRule {
            attribute: (*attribute).into(),
            keep: keep.iter().map(|pattern| Box::from(*pattern)).collect(),
        };
        self.policy(|policy| policy.claims = ClaimSelection::Only(rules.iter().map(rule).collect()))
    }

    fn compose(&self) -> Result<ClaimSet, ComposeError> {
        let user = match self.user {
            User::NotLookedUp => UserAttributes::NotLookedUp,
            User::Found => UserAttributes::Found(&self.attributes),
            User::Stale => UserAttributes::Stale { attributes: &self.attributes, as_of: NOW - 600 },
            User::Omitted => UserAttributes::Omitted,
            User::Partial => UserAttributes::Partial(&self.attributes),
            User::StaleRefused => UserAttributes::StaleRefused,
            User::Unknown => UserAttributes::Unknown,
        };
        let composition = Composition {
            notes: OmissionNotes::Kept,
            policy: &self.policy,
            api: &self.api,
            operation: &self.operation,
            caller: self
                .principal
                .as_ref()
                .map_or(Caller::Anonymous, |principal| Caller::Known(principal, &self.token)),
            application: self.application.as_ref(),
            user,
            store_attributes: &self.gives,
        };
        compose(&composition, NOW, "7c0f6f0e-8a9a-4f0c-9d2a-0c5d8a7b6e21")
    }

    /// Returns the text of one claim's value.
    fn claim(&self, name: &str) -> Option<String> {
        self.compose().unwrap().get(name).map(|claim| claim.value.to_string())
    }

    /// Returns the one reason why an attribute or claim is left out.
    fn reason(&self, name: &str) -> Option<&'static str> {
        let set = self.compose().unwrap();
        let mut reasons = set.omissions.iter().filter(|omission| &*omission.name == name);
        let reason = reasons.next().map(|omission| omission.reason.code());
        assert!(reasons.next().is_none(), "two reasons for `{name}`: {:?}", set.omissions);
        reason
    }

    /// Compares the payload, spread over lines for reading.
    fn check(&self, expected: &str) {
        let payload = String::from_utf8(self.compose().unwrap().payload()).unwrap();
        assert_eq!(payload.replace(",\"", ",\n\""), expected.trim().replace("\n    ", "\n"));
    }
}

fn object(text: &str) -> Object {
    match Json::parse(text.as_bytes()) {
        Ok(Json::Object(object)) => object,
        other => panic!("{other:?}"),
    }
}

fn from_store(values: &Json) -> Attribute {
    let values = values.as_array().unwrap().to_vec();
    Attribute { values, source: Source::Store("staff".into()), as_of: NOW - 60 }
}

fn principal() -> Principal {
    Principal {
        grant: Arc::new(Grant {
            issuer: "corp".into(),
            iss: "https://idp.example.com".into(),
            client_id: Some("mobile-app".into()),
            scopes: Box::default(),
            organizations: Box::default(),
        }),
        subject: "alice".into(),
        kind: PrincipalKind::EndUser { lookup: "alice".into() },
        expires_at: Some(NOW + 900),
    }
}

fn application() -> Application {
    Application {
        id: "12".into(),
        uuid: "2f6c".into(),
        name: "Mobile".into(),
        owner: "bob".into(),
        tier: "Gold".into(),
        attributes: object(r#"{"plan":3}"#),
        subscription_tier: "Silver".into(),
    }
}

pub(crate) fn policy() -> BackendJwtPolicy {
    BackendJwtPolicy {
        header: "X-JWT-Assertion".into(),
        scheme: None,
        encoding: Encoding::Base64Url,
        algorithm: Algorithm::Es256,
        hmac_key: None,
        header_form: HeaderForm::Standard,
        issuer: "https://gateway.example.com".into(),
        clock_skew: 10,
        token_ttl: 3600,
        cap_to_inbound_token: true,
        not_before: true,
        audience: Audience(vec!["orders".into()]),
        dialect: Arc::new(Dialect::builtin("wso2").unwrap()),
        claims: ClaimSelection::All,
        claim_mappings: Vec::new(),
        sensitive: Sensitive {
            patterns: ["userpassword", "*secret*", "national_id"].map(Box::from).into(),
            allowed: BTreeSet::new(),
        },
        token_claims: TokenClaims::Only(vec!["scope".into()]),
        custom_claims: Vec::new(),
        max_header_bytes: 4096,
        on_oversize: Oversize::Reject,
        on_attribute_failure: AttributeFailure::UseStale,
        on_unknown_user: UnknownUser::Reject,
        anonymous: Anonymous::Omit,
        token_id: TokenId::Cached,
    }
}
