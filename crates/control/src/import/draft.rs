//! An API definition in the making, and its text.
//!
//! Knows how a definition is written, in the order of the reference; what is the default is left out. Nothing about where
//! its parts come from.

use std::fmt::Write as _;

use super::{
    cors::CorsDraft,
    text::{list, scalar, target},
};

/// An API definition in the making.
#[derive(Clone, Debug, Default)]
pub(super) struct ApiDraft {
    /// Lines of comment at the top.
    pub(super) comment: Vec<String>,
    pub(super) id: Option<String>,
    pub(super) name: String,
    /// Empty: the root.
    pub(super) base_path: String,
    pub(super) version: Option<String>,
    pub(super) is_default_version: bool,
    pub(super) production: Option<String>,
    pub(super) sandbox: Option<String>,
    pub(super) environment: Option<String>,
    /// What the definition means where it is silent.
    pub(super) compatibility: Option<&'static str>,
    /// The Backend JWTs of the whole API.
    pub(super) backend_jwts: Vec<BackendJwtDraft>,
    /// Empty: nothing is written, and access tokens are taken.
    pub(super) authentication: Vec<Credential>,
    /// Which pages of other origins may call.
    pub(super) cors: Option<CorsDraft>,
    pub(super) operations: Vec<OperationDraft>,
}

/// A Backend JWT policy in the making.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct BackendJwtDraft {
    /// Parameters and how they are written.
    pub(super) parameters: Vec<(&'static str, String)>,
    /// Claim, value and type.
    pub(super) custom_claims: Vec<(String, String, String)>,
}

/// One way to prove who one is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Credential {
    /// An access token; in `Authorization` unless a header is named.
    Token { header: Option<String> },
    /// An API key in a header.
    KeyHeader(String),
    /// An API key in a query parameter.
    KeyQuery(String),
}

/// One operation in the making.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct OperationDraft {
    pub(super) target: String,
    pub(super) verb: String,
    /// Open: nobody is asked who they are.
    pub(super) is_open: bool,
    pub(super) scopes: Vec<String>,
    /// Every one of the scopes; otherwise any.
    pub(super) needs_all_scopes: bool,
    /// Where its calls go, if not where the API's do.
    pub(super) endpoint: Option<String>,
}

impl ApiDraft {
    /// Writes the definition.
    pub(super) fn write(&self) -> String {
        let mut page = Page(String::new());
        self.comment.iter().for_each(|line| page.line(0, &format!("# {line}")));
        if let Some(id) = &self.id {
            page.line(0, &format!("id: {}", scalar(id)));
        }
        page.line(0, &format!("name: {}", scalar(&self.name)));
        page.line(0, &format!("basePath: {}", if self.base_path.is_empty() { "/" } else { &self.base_path }));
        if let Some(version) = &self.version {
            page.line(0, &format!("version: {}", scalar(version)));
        }
        if self.is_default_version {
            page.line(0, "defaultVersion: true");
        }
        page.line(0, "type: REST");
        if let Some(environment) = &self.environment {
            page.line(0, &format!("environment: {}", scalar(environment)));
        }
        if let Some(compatibility) = self.compatibility {
            page.line(0, &format!("compatibility: {compatibility}"));
        }
        page.endpoints(0, self.production.as_deref(), self.sandbox.as_deref());
        self.write_authentication(&mut page);
        if let Some(cors) = &self.cors {
            page.line(0, "corsConfiguration:");
            for (name, written) in cors {
                page.line(1, &format!("{name}: {written}"));
            }
        }
        if !self.backend_jwts.is_empty() {
            page.line(0, "apiPolicies:");
            page.line(1, "request:");
        }
        self.backend_jwts.iter().for_each(|policy| policy.write(&mut page));
        page.line(0, if self.operations.is_empty() { "operations: []" } else { "operations:" });
        self.operations.iter().for_each(|operation| operation.write(&mut page));
        page.0
    }

    fn write_authentication(&self, page: &mut Page) {
        if self.authentication.is_empty() {
            return;
        }
        page.line(0, "authentication:");
        if !self.authentication.iter().any(|credential| matches!(credential, Credential::Token { .. })) {
            page.line(1, "- authType: OAuth2");
            page.line(2, "enabled: false");
        }
        for credential in &self.authentication {
            match credential {
                Credential::Token { header: None } => page.line(1, "- authType: OAuth2"),
                Credential::Token { header: Some(header) } => {
                    page.line(1, "- authType: OAuth2");
                    page.line(2, &format!("headerName: {}", scalar(header)));
                }
                Credential::KeyHeader(header) => {
                    page.line(1, "- authType: APIKey");
                    page.line(2, &format!("headerName: {}", scalar(header)));
                }
                Credential::KeyQuery(parameter) => {
                    page.line(1, "- authType: APIKey");
                    page.line(2, "headerEnable: false");
                    page.line(2, "queryParamEnable: true");
                    page.line(2, &format!("queryParamName: {}", scalar(parameter)));
                }
            }
        }
    }
}

impl BackendJwtDraft {
    fn write(&self, page: &mut Page) {
        page.line(2, "- policyName: BackendJwt");
        page.line(3, "policyVersion: v1");
        if self.parameters.is_empty() && self.custom_claims.is_empty() {
            return;
        }
        page.line(3, "parameters:");
        for (name, written) in &self.parameters {
            page.line(4, &format!("{name}: {written}"));
        }
        if !self.custom_claims.is_empty() {
            page.line(4, "customClaims:");
        }
        for (claim, value, kind) in &self.custom_claims {
            page.line(5, &format!("- claim: {}", scalar(claim)));
            page.line(6, &format!("value: {}", scalar(value)));
            page.line(6, &format!("type: {kind}"));
        }
    }
}

impl OperationDraft {
    /// Asks of callers what another one asks besides; true where that is more than it has asked.
    pub(super) fn demand_as(&mut self, other: &Self) -> bool {
        let before = self.clone();
        self.is_open &= other.is_open;
        let common: Vec<String> = self.scopes.iter().filter(|scope| other.scopes.contains(scope)).cloned().collect();
        let is_any = |draft: &Self| !draft.needs_all_scopes || draft.scopes.len() == 1;
        if self.scopes.is_empty() {
            self.scopes.clone_from(&other.scopes);
            self.needs_all_scopes = other.needs_all_scopes;
        } else if is_any(self) && is_any(other) && !common.is_empty() {
            self.scopes = common;
        } else {
            self.scopes.extend(other.scopes.iter().filter(|scope| !before.scopes.contains(scope)).cloned());
            self.needs_all_scopes |= !other.scopes.is_empty();
        }
        *self != before
    }

    fn write(&self, page: &mut Page) {
        page.line(1, &format!("- target: {}", target(&self.target)));
        page.line(2, &format!("verb: {}", self.verb));
        if self.is_open {
            page.line(2, "secured: false");
        }
        if !self.scopes.is_empty() {
            page.line(2, &format!("scopes: {}", list(self.scopes.iter().map(String::as_str))));
        }
        if self.needs_all_scopes && self.scopes.len() > 1 {
            page.line(2, "scopesMatch: all");
        }
        page.endpoints(2, self.endpoint.as_deref(), None);
    }
}

struct Page(String);

impl Page {
    fn line(&mut self, depth: usize, text: &str) {
        // INVARIANT: writing to a string cannot fail.
        let _ = writeln!(self.0, "{}{text}", "  ".repeat(depth));
    }

    fn endpoints(&mut self, depth: usize, production: Option<&str>, sandbox: Option<&str>) {
        if production.is_none() && sandbox.is_none() {
            return;
        }
        self.line(depth, "endpointConfigurations:");
        for (key_type, endpoint) in [("production", production), ("sandbox", sandbox)] {
            if let Some(endpoint) = endpoint {
                self.line(depth + 1, &format!("{key_type}:"));
                self.line(depth + 2, &format!("- endpoint: {}", url(endpoint)));
            }
        }
    }
}

/// Writes an address, which needs no quotes unless something in it means something to YAML.
fn url(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/_.-:~%@+=&".contains(&byte);
    if text.bytes().all(is_plain) && !text.ends_with(':') { text.to_owned() } else { scalar(text) }
}
