//! Who asks, and what they may do.

use std::sync::Arc;

use axum::{extract::FromRequestParts, http::request::Parts};
use serde::Serialize;
use utoipa::ToSchema;

use super::{desk::Desk, problem::Problem};

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// Sees the configuration, never a person's data.
    Viewer,
    /// Changes the APIs that are theirs.
    Author,
    /// Changes everything.
    Operator,
    /// Sees the attribute values of any user.
    Support,
}

/// How somebody has proved who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Login {
    /// Not at all: whoever reaches a loopback listener is the operator.
    None,
    /// At the `OpenID` provider.
    Oidc,
    /// With an access token.
    Bearer,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Person {
    /// As the audit log and the history name them.
    pub(crate) name: Arc<str>,
    /// How they proved it.
    pub(crate) login: Login,
    /// What they may do, in order.
    pub(crate) roles: Vec<Role>,
    /// The groups that they are in, for APIs' owners.
    pub(crate) groups: Vec<Arc<str>>,
    /// What the header `X-Countersign-Csrf` must say.
    pub(crate) csrf_token: Arc<str>,
}

impl Person {
    /// Whoever reaches a loopback listener without a login.
    pub(crate) fn on_this_machine() -> Self {
        Self {
            name: "local operator".into(),
            login: Login::None,
            roles: vec![Role::Viewer, Role::Author, Role::Operator, Role::Support],
            groups: Vec::new(),
            csrf_token: "local".into(),
        }
    }

    /// True when they have a role; who changes things may look at them.
    pub(crate) fn is(&self, role: Role) -> bool {
        self.roles.contains(&role) || (role == Role::Viewer && !self.roles.is_empty())
    }

    /// Refuses whoever has not this role; an operator is an author of everything.
    ///
    /// # Errors
    ///
    /// 403.
    pub(crate) fn require(&self, role: Role) -> Result<(), Problem> {
        if self.is(role) || (role == Role::Author && self.is(Role::Operator)) {
            return Ok(());
        }
        let needed = match role {
            Role::Viewer => "viewer",
            Role::Author => "author",
            Role::Operator => "operator",
            Role::Support => "support",
        };
        Err(Problem::forbidden(format!("this needs the role `{needed}`")))
    }
}

/// Taken from the request, where `guard.rs` has put it.
impl FromRequestParts<Arc<Desk>> for Person {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Desk>) -> Result<Self, Problem> {
        let known = parts.extensions.get::<Self>().cloned();
        known.ok_or_else(|| Problem::unauthenticated("nobody knows who you are: log in, or send an access token"))
    }
}
