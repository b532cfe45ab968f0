//! Every attribute that may leave: from the compiled configuration alone, whoever calls and whether they have it.

use std::{collections::BTreeSet, sync::Arc};

use claims::{Placeholder, Selection};

use crate::{
    access::Access,
    compile::Compiled,
    issue::IssuePolicy,
    issuer::{Issuer, UserStoreHandle},
    snapshot::{Api, Operation},
    spec,
    user_lookup::StoreChoice,
};

/// One attribute that may reach one backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disclosure {
    /// The attribute.
    pub attribute: Box<str>,
    /// The claim that holds it, with its full name.
    pub claim: Box<str>,
    /// The user stores that give it; empty: the inbound token alone.
    pub sources: Vec<Box<str>>,
    /// The API.
    pub api: Box<str>,
    /// Its version.
    pub version: Box<str>,
    /// Verb and target.
    pub operation: Box<str>,
    /// Host and port of every endpoint.
    pub backends: Vec<String>,
    /// The header.
    pub header: Box<str>,
    /// `aud`
    pub audience: Vec<Box<str>>,
    /// Seconds from now to `exp`.
    pub token_ttl: u64,
    /// Where the policy is written: file, line and level.
    pub policy: Box<str>,
    /// For a sensitive attribute: the operator's reason for the leave.
    pub sensitive: Option<Box<str>>,
}

/// Lists the attributes that may leave, by API, operation and policy, in their order.
pub fn disclosures(compiled: &Compiled) -> Vec<Disclosure> {
    let mut list = Vec::new();
    for api in &compiled.snapshot.apis {
        for operation in &api.operations {
            // Nobody is known on an open operation: it has no attributes to send.
            let issuers = match &operation.access {
                Access::Open => continue,
                Access::Optional(requirement) | Access::Secured(requirement) => &requirement.issuers,
            };
            for policy in &operation.backend_jwts.policies {
                let place = Place { api, operation, policy, issuers, operator: &compiled.operator };
                list.extend(
                    place.attributes().into_iter().map(|(attribute, claim)| place.disclosure(attribute, claim)),
                );
            }
        }
    }
    list
}

/// Where attributes may leave.
struct Place<'a> {
    api: &'a Api,
    operation: &'a Operation,
    policy: &'a IssuePolicy,
    issuers: &'a [Arc<Issuer>],
    operator: &'a spec::Operator,
}

impl<'a> Place<'a> {
    /// Returns the attributes that the policy lets through, each with its claim.
    fn attributes(&self) -> Vec<(&'a str, &'a str)> {
        let policy = &self.policy.policy;
        let is_custom = |claim: &str| policy.custom_claims.iter().any(|custom| &*custom.claim == claim);
        let mapped = policy.mappings().filter(|mapping| {
            let is_sent = match policy.selection(mapping.attribute) {
                Selection::Send { .. } => true,
                Selection::NotAllowed => false,
            };
            is_sent && !is_custom(mapping.claim)
        });
        let mut attributes: Vec<(&str, &str)> = mapped.map(|mapping| (mapping.attribute, &**mapping.claim)).collect();
        attributes.extend(policy.tenant());
        for custom in &policy.custom_claims {
            for placeholder in custom.value.placeholders() {
                match placeholder {
                    Placeholder::User(attribute) if !policy.sensitive.forbids(attribute) => {
                        attributes.push((attribute, &custom.claim));
                    }
                    Placeholder::User(_)
                    | Placeholder::Token(_)
                    | Placeholder::Application(_)
                    | Placeholder::Api(_)
                    | Placeholder::Operation(_) => {}
                }
            }
        }
        attributes
    }

    fn disclosure(&self, attribute: &str, claim: &str) -> Disclosure {
        let policy = &self.policy.policy;
        let endpoints = self.operation.production.iter().chain(self.operation.sandbox.iter());
        let backends: BTreeSet<String> =
            endpoints.map(|endpoint| format!("{}:{}", endpoint.host, endpoint.port)).collect();
        Disclosure {
            attribute: attribute.into(),
            claim: claim.into(),
            sources: self.sources(attribute),
            api: self.api.name.as_ref().into(),
            version: self.api.production.version.clone(),
            operation: format!("{} {}", self.operation.facts.verb, self.operation.facts.target).into(),
            backends: backends.into_iter().collect(),
            header: policy.header.clone(),
            audience: policy.audience.0.clone(),
            token_ttl: policy.token_ttl,
            policy: self.policy.origin.clone(),
            sensitive: self.leave(attribute),
        }
    }

    /// Returns the stores that may be asked for the attribute and are configured to give it.
    fn sources(&self, attribute: &str) -> Vec<Box<str>> {
        let stores: Vec<&UserStoreHandle> = match &self.policy.stores {
            StoreChoice::None => Vec::new(),
            StoreChoice::IssuersFirst => {
                self.issuers.iter().filter_map(|issuer| issuer.user_stores.first()).map(|store| &**store).collect()
            }
            StoreChoice::Chain(chain, _) => {
                let is_allowed = |store: &&Arc<UserStoreHandle>| self.issuers.iter().any(|issuer| issuer.allows(store));
                chain.iter().filter(is_allowed).map(|store| &**store).collect()
            }
        };
        let names: BTreeSet<Box<str>> = stores
            .into_iter()
            .filter(|store| store.gives.contains(attribute))
            .map(|store| (*store.name).into())
            .collect();
        names.into_iter().collect()
    }

    /// Returns the operator's reason where the attribute leaves by their leave alone.
    fn leave(&self, attribute: &str) -> Option<Box<str>> {
        let allowed = &self.operator.backend_jwt.sensitive.allow;
        let is_meant = |leave: &&spec::SensitiveAllowance| {
            leave.attribute.value == *attribute && leave.api.value == *self.api.name
        };
        allowed.iter().find(is_meant).map(|leave| leave.reason.value.as_str().into())
    }
}
