//! The gateway claims: the API, the application and the caller, under the dialect's prefix. Empty ones are left out.

use super::{Composition, TENANT_ATTRIBUTE, TENANT_CLAIM, attribute};
use crate::{
    claim_set::{ClaimSet, OmissionReason, Origin, Rule},
    json::Json,
    policy::Selection,
    principal::{Caller, Principal, PrincipalKind},
    template::text_of,
};

/// Adds the gateway claims, in their fixed order.
pub(super) fn add(composition: &Composition<'_>, now: u64, set: &mut ClaimSet) {
    let dialect = &composition.policy.dialect;
    for (name, claim) in dialect.gateway_claims() {
        match value(composition, name, now) {
            Some(value) => {
                set.push(claim, value, Origin::Gateway, Rule::Named("gateway claim"));
            }
            None => set.omit_claim(claim, OmissionReason::NotInStore),
        }
    }
}

fn value(composition: &Composition<'_>, name: &str, now: u64) -> Option<Json> {
    let Composition { api, application, .. } = composition;
    let principal = composition.principal();
    match name {
        "apiname" => api.field("name"),
        "apicontext" => api.field("context"),
        "version" => api.field("version"),
        "keytype" => api.field("keyType"),
        "subscriber" => application.and_then(|application| application.field("owner")),
        "applicationid" => application.and_then(|application| application.field("id")),
        "applicationUUId" => application.and_then(|application| application.field("uuid")),
        "applicationname" => application.and_then(|application| application.field("name")),
        "applicationtier" => application.and_then(|application| application.field("tier")),
        "applicationAttributes" => application.and_then(|application| application.field("attributes")),
        "tier" => application.and_then(|application| application.field("subscriptionTier")),
        "enduser" => principal.and_then(end_user).map(Json::string),
        TENANT_CLAIM => tenant(composition, now),
        "usertype" => Some(Json::string(user_type(composition.caller))),
        "idp" => principal.map(|principal| &*principal.grant.iss).filter(|iss| !iss.is_empty()).map(Json::string),
        "organizations" => principal.and_then(organizations),
        _ => None,
    }
}

fn end_user(principal: &Principal) -> Option<&str> {
    match &principal.kind {
        PrincipalKind::EndUser { lookup } => Some(&**lookup).filter(|lookup| !lookup.is_empty()),
        PrincipalKind::Application => None,
    }
}

fn user_type(caller: Caller<'_>) -> &'static str {
    match caller {
        Caller::Known(Principal { kind: PrincipalKind::EndUser { .. }, .. }, _) => "Application_User",
        Caller::Known(Principal { kind: PrincipalKind::Application, .. }, _) => "APPLICATION",
        Caller::Anonymous => "ANONYMOUS",
    }
}

/// Returns the tenant's id as a string, also where it is a number: WSO2's backends expect that.
fn tenant(composition: &Composition<'_>, now: u64) -> Option<Json> {
    let found = attribute::look_up(composition, TENANT_ATTRIBUTE, now).ok()?;
    match (composition.policy.selection(TENANT_ATTRIBUTE), found.values.as_slice()) {
        (Selection::Send { .. }, [value]) => text_of(value).filter(|id| !id.is_empty()).map(Json::string),
        (Selection::Send { .. } | Selection::NotAllowed, _) => None,
    }
}

fn organizations(principal: &Principal) -> Option<Json> {
    let values = || principal.grant.organizations.iter().map(|organization| Json::string(organization.clone()));
    (!principal.grant.organizations.is_empty()).then(|| Json::Array(values().collect()))
}
