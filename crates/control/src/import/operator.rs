//! An operator's file in the making, and its text.
//!
//! Holds no secret: where one belongs, it says where to take it from. Nothing about the product whose file it was.

use std::fmt::Write as _;

use super::text::{list, scalar};

/// An operator's file in the making.
#[derive(Clone, Debug, Default)]
pub(super) struct OperatorDraft {
    /// What it is made of, for the comment at the top.
    pub(super) origin: String,
    pub(super) address: String,
    /// `iss` of the Backend JWTs.
    pub(super) issuer: String,
    pub(super) is_enabled: bool,
    pub(super) allow_unsigned: bool,
    /// A header that needs the operator's leave.
    pub(super) allowed_header: Option<String>,
    /// Parameters and how they are written.
    pub(super) defaults: Vec<(String, String)>,
    /// Lines about the signing key, as comments.
    pub(super) key_hints: Vec<String>,
    pub(super) environments: Vec<String>,
    pub(super) issuers: Vec<IssuerDraft>,
    pub(super) store: Option<StoreDraft>,
    /// Name and URI of a dialect that is not built in.
    pub(super) dialect: Option<(String, String)>,
    /// Certificate sets that API definitions name, as comments.
    pub(super) certificates: Vec<String>,
}

/// A trusted issuer in the making.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct IssuerDraft {
    pub(super) name: String,
    pub(super) issuer: String,
    pub(super) jwks: String,
    pub(super) consumer_key_claim: Option<String>,
    pub(super) scopes_claim: Option<String>,
    /// Remote and local name.
    pub(super) claim_mappings: Vec<(String, String)>,
}

/// A user store in the making.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct StoreDraft {
    /// `ldap` or `sql`.
    pub(super) kind: &'static str,
    /// Its fields, as they are written.
    pub(super) fields: Vec<String>,
    /// The store's name of each attribute, and the canonical one.
    pub(super) attributes: Vec<(&'static str, &'static str)>,
    /// How long its answers serve, in seconds.
    pub(super) cache: Option<u64>,
}

impl OperatorDraft {
    /// Writes the file.
    pub(super) fn write(&self) -> String {
        let mut page = Page(String::new());
        page.line(0, &format!("# Imported from {} by `countersign import`.", self.origin));
        page.line(0, "gateway:");
        page.line(1, &format!("issuer: {}", scalar(&self.issuer)));
        page.line(1, "listeners:");
        page.line(2, &format!("- address: {}", self.address));
        page.line(1, "# compatibility: apim   # `kid` and `x5t` in the product's own form: needs its key, see `keys`");
        self.write_backend_jwt(&mut page);
        page.line(0, "apis:");
        page.line(1, "directory: apis/");
        page.line(0, "keys:");
        page.line(1, "directory: keys/");
        self.key_hints.iter().for_each(|hint| page.line(1, &format!("# {hint}")));
        if !self.environments.is_empty() {
            page.line(0, "environments:");
        }
        for name in &self.environments {
            page.line(1, &format!("- name: {}", scalar(name)));
            page.line(2, "hosts: []   # the host names that it answers on");
        }
        self.certificates.iter().for_each(|line| page.line(0, &format!("# {line}")));
        self.write_issuers(&mut page);
        if let Some(store) = &self.store {
            store.write(&mut page);
        }
        if let Some((name, uri)) = &self.dialect {
            page.line(0, "dialects:");
            page.line(1, &format!("- name: {name}"));
            page.line(2, &format!("uri: {}", quoted_uri(uri)));
            page.line(2, "claims: []   # attribute and claim, one by one");
        }
        page.0
    }

    fn write_backend_jwt(&self, page: &mut Page) {
        page.line(0, "backendJwt:");
        page.line(1, &format!("enabled: {}", self.is_enabled));
        if self.allow_unsigned {
            page.line(1, "allowUnsigned: true");
        }
        if let Some(header) = &self.allowed_header {
            page.line(1, &format!("allowedHeaders: {}", list([header.as_str()])));
        }
        page.line(1, "defaults:");
        for (name, written) in &self.defaults {
            page.line(2, &format!("{name}: {written}"));
        }
    }

    fn write_issuers(&self, page: &mut Page) {
        if self.issuers.len() > 1 {
            page.line(0, "sharedSubjects: true   # one `sub` is one person at all issuers, as before");
        }
        page.line(0, if self.issuers.is_empty() { "issuers: []" } else { "issuers:" });
        for issuer in &self.issuers {
            page.line(1, &format!("- name: {}", scalar(&issuer.name)));
            page.line(2, &format!("issuer: {}", quoted_uri(&issuer.issuer)));
            page.line(2, &format!("jwks: {{ url: {} }}", quoted_uri(&issuer.jwks)));
            if let Some(claim) = &issuer.consumer_key_claim {
                page.line(2, &format!("consumerKeyClaim: {}", scalar(claim)));
            }
            if let Some(claim) = &issuer.scopes_claim {
                page.line(2, &format!("scopesClaim: {}", scalar(claim)));
            }
            if !issuer.claim_mappings.is_empty() {
                page.line(2, "claimMappings:");
            }
            for (remote, local) in &issuer.claim_mappings {
                page.line(
                    3,
                    &format!("- {{ remoteClaim: {}, localClaim: {} }}", quoted_uri(remote), quoted_uri(local)),
                );
            }
            if self.store.is_some() {
                page.line(2, "lookup: { claim: sub, userStores: [primary] }");
            }
        }
    }
}

impl StoreDraft {
    fn write(&self, page: &mut Page) {
        page.line(0, "userStores:");
        page.line(1, "- name: primary");
        page.line(2, &format!("{}:", self.kind));
        self.fields.iter().for_each(|field| page.line(3, field));
        page.line(2, "attributes:");
        for (own, canonical) in &self.attributes {
            page.line(3, &format!("{own}: {canonical}"));
        }
        match self.cache {
            Some(0) => page.line(2, "cache: { ttl: 0s, refreshAhead: 0s, negativeTtl: 0s }"),
            Some(seconds) => {
                page.line(2, &format!("cache: {{ ttl: {seconds}s, refreshAhead: {}s }}", seconds.min(300) / 5));
            }
            None => {}
        }
    }
}

/// Writes a text in quotes, whatever it is: inside braces more means something to YAML.
pub(super) fn quoted_uri(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

struct Page(String);

impl Page {
    fn line(&mut self, depth: usize, text: &str) {
        // INVARIANT: writing to a string cannot fail.
        let _ = writeln!(self.0, "{}{text}", "  ".repeat(depth));
    }
}
