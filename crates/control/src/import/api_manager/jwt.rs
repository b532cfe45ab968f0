//! `[apim.jwt]` and `[enforcer.jwtGenerator]`: the Backend JWT's settings.

use gateway::yaml::{Entry, Place};

use super::{Product, Walk, plain_name};
use crate::import::{
    operator::quoted_uri,
    text::{list, scalar},
    tree::Tree,
};

/// What the products mean where they are silent.
struct Settings {
    encoding: String,
    header: String,
    algorithm: &'static str,
    ttl: Option<u64>,
    reads_store: bool,
    excluded: Vec<String>,
    dialect: Option<String>,
}

impl Walk<'_> {
    /// Reads the settings; `expiry`: how long the product keeps tokens, which is how long it lets JWTs live.
    pub(super) fn jwt(&mut self, table: Option<Tree<'_>>, field: &str, expiry: Option<Tree<'_>>) {
        let mut settings = Settings {
            encoding: "Base64".to_owned(),
            header: "X-JWT-Assertion".to_owned(),
            algorithm: "RS256",
            ttl: None,
            reads_store: false,
            excluded: Vec::new(),
            dialect: None,
        };
        if let Some(table) = table {
            for entry in table.entries() {
                self.jwt_setting(entry, &format!("{field}.{}", entry.key), &mut settings);
            }
        } else {
            self.notes.left(Place::START, field, "there is no such table: the Backend JWT stays switched off");
        }
        if self.product == Product::ChoreoConnect {
            // The product never hands `encoding` on: its JWTs are always Base64url.
            "Base64url".clone_into(&mut settings.encoding);
        }
        let ttl = settings.ttl.unwrap_or_else(|| self.time_to_live(expiry));
        self.defaults(&settings, ttl);
    }

    fn jwt_setting(&mut self, entry: &Entry, field: &str, settings: &mut Settings) {
        let value = Tree(&entry.value);
        let text = value.text().unwrap_or_default();
        match plain_name(&entry.key).as_str() {
            "enable" | "enabled" => {
                self.draft.is_enabled = text == "true";
                self.notes.carried(entry.place, field, "backendJwt.enabled");
            }
            "encoding" => self.encoding(entry, field, settings),
            "header" => {
                text.clone_into(&mut settings.header);
                self.notes.carried(entry.place, field, "backendJwt.defaults.header");
            }
            "signingalgorithm" => self.algorithm(entry, field, settings),
            "claimdialect" => self.dialect(entry, field, settings),
            "enableuserclaims" => {
                settings.reads_store = text == "true";
                self.notes.carried(entry.place, field, "backendJwt.defaults.userStore");
            }
            "tokenttl" => match text.parse::<u64>() {
                Ok(seconds @ 1..=86_400) => {
                    settings.ttl = Some(seconds);
                    self.notes.carried(entry.place, field, "backendJwt.defaults.tokenTTL");
                }
                Ok(_) | Err(_) => self.notes.left(entry.place, field, "a JWT lives for 1 to 86400 seconds"),
            },
            "gatewaygenerator" => self.generator(value, field, settings),
            "issuer" => self.issuers(value, field),
            "keypair" => self.key_pairs(value, field),
            _ => self.without_counterpart(entry, field),
        }
    }

    fn encoding(&mut self, entry: &Entry, field: &str, settings: &mut Settings) {
        let text = Tree(&entry.value).text().unwrap_or_default();
        let becomes = "backendJwt.defaults.encoding";
        match text.to_ascii_lowercase().as_str() {
            _ if self.product == Product::ChoreoConnect => {
                let reason = "the product does not heed it: its JWTs are Base64url";
                self.notes.changed(entry.place, field, becomes, reason);
            }
            "base64" => self.notes.carried(entry.place, field, becomes),
            "base64url" => {
                "Base64url".clone_into(&mut settings.encoding);
                self.notes.carried(entry.place, field, becomes);
            }
            _ => {
                self.notes.changed(entry.place, field, becomes, "it is no encoding: `Base64`, as the product takes it");
            }
        }
    }

    fn algorithm(&mut self, entry: &Entry, field: &str, settings: &mut Settings) {
        let becomes = "backendJwt.defaults.signingAlgorithm";
        match Tree(&entry.value).text().unwrap_or_default() {
            "SHA256withRSA" => self.notes.carried(entry.place, field, becomes),
            "NONE" => {
                settings.algorithm = "none";
                self.draft.allow_unsigned = true;
                self.notes.changed(
                    entry.place,
                    field,
                    becomes,
                    "unsigned JWTs need `allowUnsigned`: anybody can write one",
                );
            }
            _ => self.notes.changed(
                entry.place,
                field,
                becomes,
                "the product knows `SHA256withRSA` and `NONE`, and takes all else for the first",
            ),
        }
    }

    fn dialect(&mut self, entry: &Entry, field: &str, settings: &mut Settings) {
        const BUILT_IN: [&str; 2] = ["http://wso2.org/claims", "http://wso2.org/oidc/claim"];
        let uri = Tree(&entry.value).text().unwrap_or_default();
        if uri.is_empty() || BUILT_IN.contains(&uri.trim_end_matches('/')) {
            settings.dialect = (!uri.is_empty()).then(|| quoted_uri(uri.trim_end_matches('/')));
            self.notes.carried(entry.place, field, "backendJwt.defaults.dialect");
            return;
        }
        settings.dialect = Some("imported".to_owned());
        self.draft.dialect = Some(("imported".to_owned(), uri.to_owned()));
        let reason =
            "which attribute is which of its claims stands in the product's database: write it under `dialects`";
        self.notes.changed(entry.place, field, "dialects", reason);
        self.steps.push(format!("write the claims of `{uri}` under `dialects`"));
    }

    fn generator(&mut self, table: Tree<'_>, field: &str, settings: &mut Settings) {
        for entry in table.entries() {
            let field = format!("{field}.{}", entry.key);
            if plain_name(&entry.key) == "excludedclaims" {
                let names = Tree(&entry.value).items().iter().filter_map(|name| Tree(name).text());
                settings.excluded = names.map(str::to_owned).collect();
                self.notes.carried(entry.place, &field, "backendJwt.defaults.excludedClaims");
            } else {
                self.without_counterpart(entry, &field);
            }
        }
    }

    fn key_pairs(&mut self, pairs: Tree<'_>, field: &str) {
        for pair in pairs.items() {
            let pair = Tree(pair);
            let reason = "name the key under `keys.files` once it is here: the comment there says how";
            self.notes.changed(pair.place(), field, "keys", reason);
            if pair.text_of("useForSigning") == Some("true") {
                let hints = &mut self.draft.key_hints;
                hints.push(
                    "Backends that know the product's key: copy its private key here, and let this point at it"
                        .to_owned(),
                );
                hints.push("(without it, the first start makes new keys, published at /.wellknown/jwks):".to_owned());
                hints.push("files: [{ file: mg.key, algorithm: RS256, certificate: mg.pem }]".to_owned());
                self.steps.push("take the signing key over as the comment under `keys` says".to_owned());
            }
        }
    }

    fn without_counterpart(&mut self, entry: &Entry, field: &str) {
        let reason = match plain_name(&entry.key).as_str() {
            "convertdialect" => {
                "attributes are mapped by the dialect, and claims of tokens by `claimMappings` of the issuer"
            }
            "claimsextractorimpl" | "generatorimpl" | "gatewaygeneratorimpl" | "impl" => {
                "Java classes do not run here: `claims`, `claimMappings` and `customClaims` say what is sent"
            }
            "usekidproperty" => "the JWT always has a `kid`",
            "usesha256hash" => "the JWT has both hashes of a certificate",
            "bindingfederatedusercl" | "bindingfederateduserclaims" => "federated users are users of their issuer",
            "jwksratelimitquota" | "jwksratelimittimewindowinseconds" => "the key set is not limited",
            _ => "it has no counterpart",
        };
        self.notes.left(entry.place, field, reason);
    }

    /// How long the product lets a JWT live: as long as it keeps tokens, and a minute.
    fn time_to_live(&mut self, expiry: Option<Tree<'_>>) -> u64 {
        if self.product == Product::ChoreoConnect {
            return 3_600;
        }
        let becomes = "backendJwt.defaults.tokenTTL";
        let seconds = expiry.and_then(Tree::text).and_then(|text| text.parse::<u64>().ok());
        if let (Some(expiry), Some(seconds)) = (expiry, seconds) {
            self.notes.carried(expiry.place(), "apim.cache.token_expiry_time", becomes);
            return seconds.saturating_add(60).clamp(1, 86_400);
        }
        960
    }

    fn defaults(&mut self, settings: &Settings, ttl: u64) {
        let header = &settings.header;
        let lower = header.to_ascii_lowercase();
        let is_free = lower == "authorization" || (lower.starts_with("x-") && !lower.starts_with("x-forwarded"));
        self.draft.allowed_header = (!is_free).then(|| header.clone());
        let mut defaults = vec![
            ("encoding".to_owned(), settings.encoding.clone()),
            ("signingAlgorithm".to_owned(), settings.algorithm.to_owned()),
            ("header".to_owned(), scalar(header)),
            ("tokenTTL".to_owned(), ttl.to_string()),
            // As the product's backends receive it today.
            ("audience".to_owned(), "[]".to_owned()),
            ("tokenClaims".to_owned(), "all".to_owned()),
        ];
        if let Some(dialect) = &settings.dialect {
            defaults.push(("dialect".to_owned(), dialect.clone()));
        }
        if !settings.excluded.is_empty() {
            defaults.push(("excludedClaims".to_owned(), list(settings.excluded.iter().map(String::as_str))));
        }
        if !settings.reads_store {
            defaults.push(("userStore".to_owned(), "none".to_owned()));
        }
        self.draft.defaults = defaults;
    }
}
