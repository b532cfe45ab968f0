//! `apiPolicies` and `operationPolicies`: what happens to a request and its response.

use crate::{
    span::{Span, Spanned},
    spec::BackendJwtParameters,
};

/// The policies of one API or operation. Those not built yet are refused and leave nothing here.
#[derive(Clone, Debug, PartialEq)]
pub struct Policies {
    /// Where they stand; where the API or operation stands when there are none.
    pub span: Span,
    /// The `BackendJwt` policies of `request`, in file order.
    pub backend_jwt: Vec<BackendJwtPolicy>,
}

/// One `BackendJwt` policy.
#[derive(Clone, Debug, PartialEq)]
pub struct BackendJwtPolicy {
    /// Where the entry stands.
    pub span: Span,
    /// `policyId`
    pub policy_id: Option<Spanned<String>>,
    /// `parameters`
    pub parameters: BackendJwtParameters,
}
