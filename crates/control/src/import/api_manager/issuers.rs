//! `[[apim.jwt.issuer]]` and `[[enforcer.security.tokenService]]`: whose tokens are trusted.

use gateway::yaml::Entry;
use url::Url;

use super::{Product, Walk, plain_name};
use crate::import::{operator::IssuerDraft, text::slug, tree::Tree};

const NO_KEYS: &str = "its key stands in a Java trust store: name its key set (`jwks`) under `issuers` instead";

/// The fields of an issuer that are read, in either product.
const KNOWN: [&str; 7] = ["name", "issuer", "jwks", "jwksurl", "consumerkeyclaim", "scopesclaim", "claimmapping"];

impl Walk<'_> {
    /// `[[apim.jwt.issuer]]`: `name` is the token's `iss`.
    pub(super) fn issuers(&mut self, issuers: Tree<'_>, field: &str) {
        for issuer in issuers.items() {
            let issuer = Tree(issuer);
            let draft = IssuerDraft {
                issuer: issuer.text_of("name").unwrap_or_default().to_owned(),
                jwks: issuer.at(&["jwks", "url"]).and_then(Tree::text).unwrap_or_default().to_owned(),
                consumer_key_claim: issuer.text_of("consumer_key_claim").map(str::to_owned),
                scopes_claim: issuer.text_of("scopes_claim").map(str::to_owned),
                claim_mappings: mappings(issuer.get("claim_mapping")),
                ..IssuerDraft::default()
            };
            self.rest_of_issuer(issuer, field);
            self.add_issuer(issuer, field, draft);
        }
    }

    /// `[[enforcer.security.tokenService]]`.
    pub(super) fn token_services(&mut self, security: Tree<'_>) {
        for entry in security.entries() {
            let field = format!("enforcer.security.{}", entry.key);
            if entry.key != "tokenService" {
                self.notes.left(entry.place, &field, super::OUTSIDE);
                continue;
            }
            for service in Tree(&entry.value).items() {
                let service = Tree(service);
                let filled = |name: &str| service.text_of(name).filter(|text| !text.is_empty()).map(str::to_owned);
                let draft = IssuerDraft {
                    name: filled("name").map(|name| slug(&name)).unwrap_or_default(),
                    issuer: filled("issuer").unwrap_or_default(),
                    jwks: filled("jwksURL").unwrap_or_default(),
                    consumer_key_claim: filled("consumerKeyClaim"),
                    claim_mappings: mappings(service.get("claimMapping")),
                    ..IssuerDraft::default()
                };
                self.rest_of_issuer(service, &field);
                self.add_issuer(service, &field, draft);
            }
        }
    }

    fn rest_of_issuer(&mut self, issuer: Tree<'_>, field: &str) {
        let rest = issuer.entries().iter().filter(|entry| !KNOWN.contains(&plain_name(&entry.key).as_str()));
        for entry in rest {
            let reason = match plain_name(&entry.key).as_str() {
                "disabledefaultclaimmapping" => "no claim is renamed unless `claimMappings` says so",
                "validatesubscription" => "an API says itself whether it asks for one (`subscriptionValidation`)",
                "certificatealias" | "certificatefilepath" | "alias" => NO_KEYS,
                _ => "it has no counterpart",
            };
            self.notes.left(entry.place, &format!("{field}.{}", entry.key), reason);
        }
    }

    fn add_issuer(&mut self, written: Tree<'_>, field: &str, mut draft: IssuerDraft) {
        let place = written.place();
        if draft.issuer.is_empty() {
            self.notes.left(place, field, "it names no issuer");
            return;
        }
        if !Url::parse(&draft.jwks).is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
            self.notes.left(place, field, NO_KEYS);
            self.steps.push(format!("name the key set of issuer `{}` under `issuers`", draft.issuer));
            return;
        }
        if draft.name.is_empty() {
            draft.name = slug(&draft.issuer);
        }
        while self.draft.issuers.iter().any(|other| other.name == draft.name) {
            draft.name.push_str("-2");
        }
        if self.draft.issuers.iter().any(|other| other.issuer == draft.issuer) {
            self.notes.left(place, field, "there is an issuer with this `iss` already");
            return;
        }
        self.notes.carried(place, field, "issuers");
        self.draft.issuers.push(draft);
    }

    /// Without a word about issuers, the product trusts its own key manager.
    pub(super) fn without_issuers(&mut self, root: Tree<'_>) {
        if !self.draft.issuers.is_empty() || self.product == Product::ChoreoConnect {
            return;
        }
        let host = root.at(&["server", "hostname"]).and_then(Tree::text).unwrap_or("localhost");
        let offset = root.at(&["server", "offset"]).and_then(Tree::text).and_then(|text| text.parse().ok());
        let port = 9443_u16.saturating_add(offset.unwrap_or(0));
        let base = format!("https://{host}:{port}/oauth2");
        if Url::parse(&base).is_err() {
            return;
        }
        let (issuer, jwks) = (format!("{base}/token"), format!("{base}/jwks"));
        let reason = "no issuer is named: the product's own key manager is trusted";
        self.notes.changed(root.place(), "apim.jwt.issuer", "issuers", reason);
        self.draft.issuers.push(IssuerDraft { name: "resident".to_owned(), issuer, jwks, ..IssuerDraft::default() });
    }
}

fn mappings(list: Option<Tree<'_>>) -> Vec<(String, String)> {
    let name = |mapping: Tree<'_>, wanted: &str| {
        let entry = mapping.entries().iter().find(|entry: &&Entry| plain_name(&entry.key) == wanted)?;
        Tree(&entry.value).text().map(str::to_owned)
    };
    let mapping = |mapping| Some((name(Tree(mapping), "remoteclaim")?, name(Tree(mapping), "localclaim")?));
    list.map(Tree::items).unwrap_or_default().iter().filter_map(mapping).collect()
}
