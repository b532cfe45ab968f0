//! `security` and its schemes: who may call an operation.
//!
//! A definition says for the whole API which credentials are taken (any of them), and for each operation whether it is open
//! and which scopes it needs. What a document says beyond that becomes stricter, never more open.

use std::collections::BTreeMap;

use gateway::yaml::Place;
use http::HeaderName;

use super::Form;
use crate::import::{draft::Credential, notes::Notes, tree::Tree};

/// The document's security schemes: what each asks callers for.
#[derive(Debug)]
pub(super) struct Schemes(BTreeMap<String, Credential>);

/// What an operation asks of its callers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Demand {
    pub(super) is_open: bool,
    pub(super) scopes: Vec<String>,
    pub(super) needs_all_scopes: bool,
    pub(super) credentials: Vec<Credential>,
}

const ISSUERS: &str = "who issues tokens is the operator's word: `issuers` of countersign.yaml";
const KEYS: &str = "the keys are those of the operator's `applications`";
const UNUSABLE: &str = "an access token is asked for instead";

impl Schemes {
    /// Reads the schemes and notes what each becomes.
    pub(super) fn of(root: Tree<'_>, form: Form, notes: &mut Notes) -> Self {
        let (field, written) = match form {
            Form::Swagger => ("securityDefinitions", root.get("securityDefinitions")),
            Form::OpenApi => ("components.securitySchemes", root.at(&["components", "securitySchemes"])),
        };
        let mut schemes = BTreeMap::new();
        for entry in written.map(Tree::entries).unwrap_or_default() {
            let scheme = resolve(root, Tree(&entry.value));
            let (credential, reason) = credential(scheme);
            let becomes = match &credential {
                Credential::Token { .. } => "authentication: OAuth2",
                Credential::KeyHeader(_) | Credential::KeyQuery(_) => "authentication: APIKey",
            };
            notes.changed(entry.place, &format!("{field}.{}", entry.key), becomes, &reason);
            schemes.insert(entry.key.clone(), credential);
        }
        Self(schemes)
    }

    /// Says what `security` of an operation, or else of the document, asks for.
    pub(super) fn demand(&self, root: Tree<'_>, operation: Tree<'_>, notes: &mut Notes) -> Demand {
        let own = operation.get("security").filter(|security| security.is_list());
        let Some(security) = own.or_else(|| root.get("security").filter(|security| security.is_list())) else {
            notes.changed(
                operation.place(),
                "security",
                "secured",
                "the document does not say who may call: callers need a token (`secured: false` opens an operation)",
            );
            return Demand::default();
        };
        let (anonymous, named): (Vec<Tree<'_>>, Vec<Tree<'_>>) =
            security.items().iter().map(Tree).partition(|alternative| alternative.entries().is_empty());
        if named.is_empty() {
            return Demand { is_open: true, ..Demand::default() };
        }
        if !anonymous.is_empty() {
            let reason = "callers without a credential are refused: an operation is open, or it is not";
            notes.changed(security.place(), "security: {}", "secured", reason);
        }
        self.alternatives(&named, security.place(), notes)
    }

    fn alternatives(&self, alternatives: &[Tree<'_>], place: Place, notes: &mut Notes) -> Demand {
        let mut demand = Demand::default();
        let mut sets: Vec<Vec<String>> = Vec::new();
        for alternative in alternatives {
            let (mut scopes, mut credentials) = (Vec::new(), Vec::new());
            for entry in alternative.entries() {
                let names = Tree(&entry.value).items().iter().filter_map(|scope| Tree(scope).text());
                names.for_each(|name| add(&mut scopes, name.to_owned()));
                let known = self.0.get(&entry.key).cloned();
                if known.is_none() {
                    let reason = "the document has no such scheme: an access token is asked for";
                    notes.changed(entry.place, &format!("security.{}", entry.key), "authentication: OAuth2", reason);
                }
                credentials.push(known.unwrap_or(Credential::Token { header: None }));
            }
            if credentials.len() > 1 {
                let reason = "only one of the schemes that are asked for together is: the token, or the first";
                notes.changed(alternative.place(), "security: several schemes at once", "authentication", reason);
            }
            let token = credentials.iter().position(|credential| matches!(credential, Credential::Token { .. }));
            demand_one(&mut demand, credentials, token.unwrap_or(0));
            add(&mut sets, scopes);
        }
        demand.needs_all_scopes = !sets.iter().all(|set| set.len() == 1) || sets.len() == 1;
        if demand.needs_all_scopes && sets.len() > 1 {
            let reason = "alternatives with other scopes become one: all of their scopes are needed";
            notes.changed(place, "security: alternatives", "scopesMatch: all", reason);
        }
        for scope in sets.into_iter().flatten() {
            add(&mut demand.scopes, scope);
        }
        demand
    }
}

/// Asks for one of several credentials.
fn demand_one(demand: &mut Demand, mut credentials: Vec<Credential>, which: usize) {
    if which < credentials.len() {
        add(&mut demand.credentials, credentials.swap_remove(which));
    }
}

/// Adds what is not there yet.
fn add<T: PartialEq>(list: &mut Vec<T>, value: T) {
    if !list.contains(&value) {
        list.push(value);
    }
}

/// Follows a local reference, if it is one.
fn resolve<'a>(root: Tree<'a>, tree: Tree<'a>) -> Tree<'a> {
    let pointer = tree.text_of("$ref").and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| root.pointer(pointer)).unwrap_or(tree)
}

/// Says what a scheme asks callers for here, and what is different about it.
fn credential(scheme: Tree<'_>) -> (Credential, String) {
    let token = || Credential::Token { header: None };
    let unusable = |what: &str| (Credential::Token { header: None }, format!("{what}; {UNUSABLE}"));
    match (scheme.text_of("type").unwrap_or_default(), scheme.text_of("scheme").unwrap_or_default()) {
        ("oauth2" | "openIdConnect", _) => (token(), ISSUERS.to_owned()),
        ("http", kind) if kind.eq_ignore_ascii_case("bearer") => (token(), ISSUERS.to_owned()),
        ("http", kind) if kind.eq_ignore_ascii_case("basic") => unusable(BASIC),
        ("basic", _) => unusable(BASIC),
        ("http", kind) => unusable(&format!("the gateway does not check `{kind}` credentials")),
        ("mutualTLS", _) => unusable(
            "which client certificates are trusted is the operator's word: `authType: mTLS` chooses among `clientCertificates`",
        ),
        ("apiKey", _) => api_key(scheme),
        _ => unusable("the scheme is of no known type"),
    }
}

const BASIC: &str = "names and passwords need an issuer with `passwords`: `authType: Basic` asks for them";

fn api_key(scheme: Tree<'_>) -> (Credential, String) {
    let name = scheme.text_of("name").unwrap_or_default();
    let token = Credential::Token { header: None };
    match scheme.text_of("in").unwrap_or_default() {
        "header" if name.eq_ignore_ascii_case("authorization") => {
            (token, format!("a key in `Authorization` is taken for a token; {ISSUERS}"))
        }
        "header" if HeaderName::from_bytes(name.as_bytes()).is_ok() => {
            (Credential::KeyHeader(name.to_owned()), KEYS.to_owned())
        }
        "query" if !name.is_empty() => (Credential::KeyQuery(name.to_owned()), KEYS.to_owned()),
        "cookie" => (token, format!("keys are not read from cookies; {UNUSABLE}")),
        _ => (token, format!("the key has no place; {UNUSABLE}")),
    }
}
