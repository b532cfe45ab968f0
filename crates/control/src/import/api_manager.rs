//! `deployment.toml` of WSO2 API Manager and `config.toml` of Choreo Connect to an operator's file.
//!
//! The Backend JWT's settings, the trusted issuers, the user store, its cache and the signing key. Secrets are never
//! copied: each becomes a variable of the environment, and a step that says so.

mod databases;
mod directories;
mod issuers;
mod jwt;

use gateway::{Source, yaml::Entry};

use super::{ImportKind, notes::Notes, operator::OperatorDraft, tree::Tree};

/// Whose file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Product {
    /// `deployment.toml`
    ApiManager,
    /// `config.toml`
    ChoreoConnect,
}

/// The walk over one file.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    pub(super) draft: OperatorDraft,
    pub(super) notes: Notes,
    /// What somebody has to do before the file works.
    pub(super) steps: Vec<String>,
    product: Product,
    source: &'a Source,
}

const OUTSIDE: &str = "it is not about callers, users or their tokens";

/// Makes an operator's file of a product's.
pub(super) fn import<'a>(source: &'a Source, root: Tree<'_>, product: Product) -> Walk<'a> {
    let mut walk = Walk::new(source, product);
    match product {
        Product::ApiManager => walk.api_manager(root),
        Product::ChoreoConnect => walk.choreo_connect(root),
    }
    walk.without_issuers(root);
    walk
}

impl<'a> Walk<'a> {
    /// What the file was.
    pub(super) fn kind(&self) -> ImportKind {
        match self.product {
            Product::ApiManager => ImportKind::ApiManager,
            Product::ChoreoConnect => ImportKind::ChoreoConnect,
        }
    }

    fn new(source: &'a Source, product: Product) -> Self {
        let (origin, address) = match product {
            Product::ApiManager => ("deployment.toml of WSO2 API Manager", "0.0.0.0:8280"),
            Product::ChoreoConnect => ("config.toml of Choreo Connect", "0.0.0.0:8080"),
        };
        let draft = OperatorDraft {
            origin: origin.to_owned(),
            address: address.to_owned(),
            // What the products write into every JWT, and backends compare.
            issuer: "wso2.org/products/am".to_owned(),
            ..OperatorDraft::default()
        };
        Self { draft, notes: Notes::of(&source.path), steps: Vec::new(), product, source }
    }

    fn api_manager(&mut self, root: Tree<'_>) {
        let expiry = root.at(&["apim", "cache", "token_expiry_time"]);
        self.jwt(root.at(&["apim", "jwt"]), "apim.jwt", expiry);
        for entry in root.entries() {
            let value = Tree(&entry.value);
            match entry.key.as_str() {
                "apim" => self.apim(value),
                "user_store" => self.user_store(root, value),
                "keystore" => self.key_stores(value),
                "server" => self.server(value),
                // What the user store says about them.
                "database" | "realm_manager" => self.notes.left(entry.place, &entry.key, DATABASES),
                key => self.notes.left(entry.place, key, OUTSIDE),
            }
        }
        self.cache(root.at(&["apim", "cache", "jwt_claim"]));
    }

    fn apim(&mut self, apim: Tree<'_>) {
        for entry in apim.entries() {
            match entry.key.as_str() {
                "jwt" => {}
                "cache" => {
                    let parts = Tree(&entry.value).entries().iter().filter(|part| !is_read_elsewhere(part));
                    for part in parts {
                        let reason = "verified tokens are kept in a cache of another kind (`cache.maxBytes`)";
                        self.notes.left(part.place, &format!("apim.cache.{}", part.key), reason);
                    }
                }
                key => self.notes.left(entry.place, &format!("apim.{key}"), OUTSIDE),
            }
        }
    }

    fn choreo_connect(&mut self, root: Tree<'_>) {
        self.jwt(root.at(&["enforcer", "jwtGenerator"]), "enforcer.jwtGenerator", None);
        for entry in root.entries().iter().filter(|entry| entry.key != "enforcer") {
            self.notes.left(entry.place, &entry.key, OUTSIDE);
        }
        for entry in root.get("enforcer").map(Tree::entries).unwrap_or_default() {
            match entry.key.as_str() {
                "jwtGenerator" => {}
                "security" => self.token_services(Tree(&entry.value)),
                key => self.notes.left(entry.place, &format!("enforcer.{key}"), OUTSIDE),
            }
        }
    }

    /// `[server]`: the offset of all ports.
    fn server(&mut self, server: Tree<'_>) {
        for entry in server.entries() {
            let field = format!("server.{}", entry.key);
            match (entry.key.as_str(), Tree(&entry.value).text().and_then(|text| text.parse::<u16>().ok())) {
                ("offset", Some(offset)) => {
                    self.draft.address = format!("0.0.0.0:{}", 8280_u16.saturating_add(offset));
                    self.notes.carried(entry.place, &field, "gateway.listeners");
                }
                ("hostname", _) => {
                    let reason = "only for the product's own key manager; `gateway.publicUrl` is how clients call";
                    self.notes.changed(entry.place, &field, "issuers", reason);
                }
                _ => self.notes.left(entry.place, &field, OUTSIDE),
            }
        }
    }

    /// `[keystore.primary]`: the signing key.
    fn key_stores(&mut self, stores: Tree<'_>) {
        for entry in stores.entries() {
            if entry.key == "primary" {
                self.primary_key_store(entry);
            } else {
                self.notes.left(
                    entry.place,
                    &format!("keystore.{}", entry.key),
                    "only the primary key signs Backend JWTs",
                );
            }
        }
    }

    fn primary_key_store(&mut self, entry: &Entry) {
        let store = Tree(&entry.value);
        let is_safe = |text: &&str| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte))
        };
        let text =
            |name: &str, default: &'static str| store.text_of(name).filter(is_safe).unwrap_or(default).to_owned();
        let (file, alias) = (text("file_name", "wso2carbon.jks"), text("alias", "wso2carbon"));
        let is_pkcs12 = store.text_of("type").is_some_and(|kind| kind.to_ascii_uppercase().starts_with("PKCS"));
        let hints = &mut self.draft.key_hints;
        hints.push(format!(
            "Backends that know the product's key: take `{alias}` of {file} over as a PKCS#12 file, and"
        ));
        hints.push("let this point at it (without it, the first start makes new keys, published at /jwks):".to_owned());
        if !is_pkcs12 {
            hints.push(format!("  keytool -importkeystore -srckeystore {file} -srcalias {alias} -destkeystore {alias}.p12 -deststoretype PKCS12"));
        }
        hints.push(format!(
            "files: [{{ file: {alias}.p12, algorithm: RS256, password: {{ env: KEYSTORE_PASSWORD }} }}]"
        ));
        let reason = "a Java key store is not read: the comment under `keys` says how its key is taken over";
        self.notes.changed(entry.place, "keystore.primary", "keys", reason);
        for part in store.entries().iter().filter(|part| part.key.contains("password")) {
            self.notes.left(part.place, &format!("keystore.primary.{}", part.key), SECRET);
        }
        let path = self.source.path.display();
        self.steps
            .push(format!("take the signing key over as the comment under `keys` says ({path}:{})", entry.place.line));
    }

    /// `[apim.cache.jwt_claim]`: how long attributes are kept.
    fn cache(&mut self, cache: Option<Tree<'_>>) {
        let is_off = cache.and_then(|cache| cache.text_of("enable")) == Some("false");
        let expiry = cache.and_then(|cache| cache.get("expiry_time"));
        let seconds = expiry.and_then(Tree::text).map_or(Some(900), |text| text.parse().ok());
        if let Some(cache) = cache {
            let place = expiry.unwrap_or(cache).place();
            match (&self.draft.store, seconds) {
                (None, _) => {
                    self.notes.left(
                        place,
                        "apim.cache.jwt_claim",
                        "there is no user store whose answers it could keep",
                    );
                }
                (Some(_), None) => {
                    self.notes.left(place, "apim.cache.jwt_claim", "its `expiry_time` is no number of seconds");
                }
                (Some(_), Some(_)) => self.notes.carried(place, "apim.cache.jwt_claim", "userStores[].cache"),
            }
        }
        if let Some(store) = &mut self.draft.store {
            store.cache = if is_off { Some(0) } else { seconds };
        }
    }

    /// Returns how a secret is written that stands in the file, and adds the step that sets it.
    fn secret(&mut self, entry: &Entry, field: &str, variable: &str) -> String {
        let written = Tree(&entry.value).text().unwrap_or_default();
        let reference = |prefix: &str| {
            written.strip_prefix(prefix).and_then(|rest| rest.strip_suffix('}')).filter(|name| {
                !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            })
        };
        let variable = reference("$env{").unwrap_or(variable).to_owned();
        let place = format!("{}:{}", self.source.path.display(), entry.place.line);
        self.steps.push(format!("set the environment variable {variable}: the secret `{field}` of {place}"));
        self.notes.changed(entry.place, field, &format!("{{ env: {variable} }}"), SECRET);
        format!("{{ env: {variable} }}")
    }
}

const SECRET: &str = "secrets are not copied";
const DATABASES: &str = "only the user store's database is looked at";

/// True for what becomes the life of attributes and of Backend JWTs.
fn is_read_elsewhere(entry: &Entry) -> bool {
    ["jwt_claim", "token_expiry_time"].contains(&entry.key.as_str())
}

/// Returns a field's name without the marks that products write differently: `signing_algorithm`, `signingAlgorithm`.
fn plain_name(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}
