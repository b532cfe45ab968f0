//! The policies beside the Backend JWT: those of an API, then those of each of its operations.

mod headers;

use std::{cell::OnceCell, sync::Arc};

use super::Scope;
use crate::{
    diagnostic::Diagnostics,
    spec,
    treatment::{HeaderChange, HeaderChanges, Treatment},
};

/// What the API-level policies do; every operation's come behind them.
#[derive(Debug)]
pub(super) struct ApiTreatment<'a> {
    written: &'a spec::Api,
    request_headers: Vec<HeaderChange>,
    response_headers: Vec<HeaderChange>,
    /// What operations without policies of their own share.
    shared: OnceCell<Option<Arc<Treatment>>>,
}

impl<'a> ApiTreatment<'a> {
    /// Compiles what stands at the API's level.
    pub(super) fn compile(written: &'a spec::Api, scope: &Scope<'_>, diagnostics: &mut Diagnostics) -> Self {
        Self {
            written,
            request_headers: headers::of_request(&written.policies, written, scope, diagnostics),
            response_headers: headers::of_response(&written.policies, scope, diagnostics),
            shared: OnceCell::new(),
        }
    }

    /// Compiles one operation's treatment; `None`: there is nothing to do.
    pub(super) fn operation(
        &self,
        operation: &spec::Operation,
        scope: &Scope<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Arc<Treatment>> {
        let policies = &operation.policies;
        let own_request = headers::of_request(policies, self.written, scope, diagnostics);
        let own_response = headers::of_response(policies, scope, diagnostics);
        if own_request.is_empty() && own_response.is_empty() {
            return self.shared.get_or_init(|| self.with(own_request, own_response)).clone();
        }
        self.with(own_request, own_response)
    }

    fn with(&self, own_request: Vec<HeaderChange>, own_response: Vec<HeaderChange>) -> Option<Arc<Treatment>> {
        let both = |api: &[HeaderChange], own: Vec<HeaderChange>| {
            HeaderChanges(api.iter().cloned().chain(own).collect())
        };
        let treatment = Treatment {
            request_headers: both(&self.request_headers, own_request),
            response_headers: both(&self.response_headers, own_response),
        };
        (treatment != Treatment::default()).then(|| Arc::new(treatment))
    }
}
