//! Custom resources of WSO2 APK: `BackendJWT` and `APIPolicy`, with the `API`, its routes and backends where they are there.
//!
//! An API that is not among the files becomes a definition without operations, which holds its policy: whoever has the
//! API's own definition moves it there.

mod routes;

use std::collections::BTreeMap;

use gateway::yaml::Entry;

use super::{
    cors,
    draft::{ApiDraft, BackendJwtDraft},
    notes::Notes,
    text::{base_path, scalar, slug, version},
    tree::Tree,
};

/// One resource, and the number of its file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resource<'a> {
    pub(super) tree: Tree<'a>,
    pub(super) file: usize,
}

/// A definition, and the number of the file that it comes from.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) draft: ApiDraft,
    pub(super) file: usize,
}

/// All resources of one import.
struct Resources<'a, 'n> {
    list: &'a [Resource<'a>],
    notes: &'n mut [Notes],
}

/// Makes API definitions of resources.
pub(super) fn import(list: &[Resource<'_>], notes: &mut [Notes]) -> Vec<Made> {
    let mut resources = Resources { list, notes };
    let mut made: BTreeMap<String, Made> = BTreeMap::new();
    for resource in resources.of_kind("API") {
        let name = resource.name().to_owned();
        let draft = resources.api(resource);
        made.insert(name, Made { draft, file: resource.file });
    }
    let mut used = Vec::new();
    for resource in resources.of_kind("APIPolicy") {
        resources.policy(resource, (&mut made, &mut used));
    }
    for resource in resources.of_kind("BackendJWT").into_iter().filter(|resource| !used.contains(&resource.name())) {
        let reason = "no `APIPolicy` here says whose policy it is: its definition has no operations";
        resources.notes_of(resource).changed(resource.tree.place(), "BackendJWT", "apiPolicies", reason);
        let policy = resources.backend_jwt(resource);
        let mut draft = without_api(resource.name());
        draft.backend_jwts.push(policy);
        made.insert(resource.name().to_owned(), Made { draft, file: resource.file });
    }
    resources.others();
    made.into_values().collect()
}

impl<'a> Resource<'a> {
    /// True for what has the form of a custom resource.
    pub(super) fn is_one(tree: Tree<'_>) -> bool {
        tree.get("kind").is_some() && tree.get("apiVersion").is_some() && tree.get("metadata").is_some()
    }

    fn name(self) -> &'a str {
        self.tree.at(&["metadata", "name"]).and_then(Tree::text).unwrap_or("unnamed")
    }

    fn spec(self) -> Tree<'a> {
        self.tree.get("spec").unwrap_or(self.tree)
    }
}

fn without_api(name: &str) -> ApiDraft {
    ApiDraft {
        comment: vec![
            "Imported from custom resources of WSO2 APK by `countersign import`. The API itself was not among the files:".to_owned(),
            "move `compatibility` and `apiPolicies` into its definition, or add its endpoint and operations here.".to_owned(),
        ],
        id: Some(name.to_owned()),
        name: name.to_owned(),
        base_path: format!("/{}", slug(name)),
        compatibility: Some("apk"),
        ..ApiDraft::default()
    }
}

/// Returns an API's definition, or a new one without operations.
fn api_of<'m>(made: &'m mut BTreeMap<String, Made>, name: &str, resource: Resource<'_>) -> &'m mut Made {
    made.entry(name.to_owned()).or_insert_with(|| Made { draft: without_api(name), file: resource.file })
}

impl<'a> Resources<'a, '_> {
    fn of_kind(&self, kind: &str) -> Vec<Resource<'a>> {
        self.list.iter().filter(|resource| resource.tree.text_of("kind") == Some(kind)).copied().collect()
    }

    fn named(&self, kind: &str, name: &str) -> Option<Resource<'a>> {
        self.of_kind(kind).into_iter().find(|resource| resource.name() == name)
    }

    #[expect(clippy::indexing_slicing, reason = "there are notes for each file, and resources are numbered by them")]
    fn notes_of(&mut self, resource: Resource<'_>) -> &mut Notes {
        &mut self.notes[resource.file]
    }

    /// An `API` and what its routes say.
    fn api(&mut self, resource: Resource<'a>) -> ApiDraft {
        let spec = resource.spec();
        let written_version = spec.text_of("apiVersion").unwrap_or_default();
        let version = version(written_version);
        let path = spec.text_of("basePath").unwrap_or_default();
        let without = path.trim_end_matches('/').strip_suffix(&format!("/{written_version}")).unwrap_or(path);
        let name = spec.text_of("apiName").unwrap_or(resource.name());
        let mut draft = ApiDraft {
            comment: vec!["Imported from custom resources of WSO2 APK by `countersign import`.".to_owned()],
            id: Some(resource.name().to_owned()),
            name: name.to_owned(),
            base_path: base_path(without).unwrap_or_else(|| format!("/{}", slug(name))),
            version,
            is_default_version: spec.text_of("isDefaultVersion") == Some("true"),
            environment: spec.text_of("environment").filter(|name| !name.is_empty()).map(str::to_owned),
            compatibility: Some("apk"),
            ..ApiDraft::default()
        };
        let notes = self.notes_of(resource);
        for entry in spec.entries() {
            let field = format!("API.{}", entry.key);
            match entry.key.as_str() {
                "apiName" | "apiVersion" | "basePath" | "isDefaultVersion" | "environment" | "production"
                | "sandbox" => {
                    notes.carried(entry.place, &field, "the definition");
                }
                "apiType" if Tree(&entry.value).text().is_some_and(|kind| kind.eq_ignore_ascii_case("REST")) => {}
                "apiType" => notes.left(entry.place, &field, "only REST APIs are imported from resources"),
                _ => notes.left(entry.place, &field, "it has no counterpart"),
            }
        }
        self.routes(spec, &mut draft);
        draft
    }

    fn policy(&mut self, resource: Resource<'a>, (made, used): (&mut BTreeMap<String, Made>, &mut Vec<&'a str>)) {
        let spec = resource.spec();
        let target = spec.at(&["targetRef", "name"]).and_then(Tree::text);
        let kind = spec.at(&["targetRef", "kind"]).and_then(Tree::text).unwrap_or("API");
        let (Some(target), "API") = (target, kind) else {
            let reason = "only policies of whole APIs are imported: attach it to its operations in the definition";
            self.notes_of(resource).left(resource.tree.place(), "APIPolicy", reason);
            return;
        };
        for (level, section) in ["override", "default"].iter().filter_map(|level| Some((*level, spec.get(level)?))) {
            for entry in section.entries().iter().filter(|entry| entry.key != "backendJwtPolicy") {
                let field = format!("APIPolicy.{level}.{}", entry.key);
                if entry.key == "cORSPolicy" {
                    self.cors(resource, (entry, &field), api_of(made, target, resource));
                } else {
                    let reason = "only the Backend JWT and CORS are imported: write it into the definition";
                    self.notes_of(resource).left(entry.place, &field, reason);
                }
            }
            let Some(policy) = section.get("backendJwtPolicy") else { continue };
            let name = policy.text_of("name").unwrap_or_default();
            let field = format!("APIPolicy.{level}.backendJwtPolicy");
            let Some(jwt) = self.named("BackendJWT", name) else {
                self.notes_of(resource).left(policy.place(), &field, "there is no such `BackendJWT` among the files");
                continue;
            };
            used.push(jwt.name());
            let draft = self.backend_jwt(jwt);
            let api = api_of(made, target, resource);
            let notes = self.notes_of(resource);
            if level == "override" {
                notes.changed(policy.place(), &field, "apiPolicies", "an operation's own policy replaces it here");
            } else {
                notes.carried(policy.place(), &field, "apiPolicies");
            }
            if api.draft.backend_jwts.is_empty() {
                api.draft.backend_jwts.push(draft);
            } else if !api.draft.backend_jwts.contains(&draft) {
                notes.left(policy.place(), &field, "the API has a Backend JWT already");
            }
        }
    }

    /// `cORSPolicy`: on unless it says otherwise; what overrides comes first, and stays.
    fn cors(&mut self, resource: Resource<'a>, (entry, field): (&Entry, &str), api: &mut Made) {
        let notes = self.notes_of(resource);
        if api.draft.cors.is_some() {
            notes.left(entry.place, field, "the API has CORS already");
            return;
        }
        api.draft.cors = cors::import(entry, ("enabled", true), (field, notes));
    }

    /// A `BackendJWT`, with the defaults of its definition.
    fn backend_jwt(&mut self, resource: Resource<'a>) -> BackendJwtDraft {
        let spec = resource.spec();
        let text = |name: &str, default: &'static str| spec.text_of(name).unwrap_or(default);
        let algorithm = text("signingAlgorithm", "SHA256withRSA");
        let parameters = vec![
            ("encoding", scalar(text("encoding", "Base64"))),
            ("signingAlgorithm", scalar(algorithm)),
            ("header", scalar(text("header", "X-JWT-Assertion"))),
            ("tokenTTL", text("tokenTTL", "3600").to_owned()),
        ];
        let notes = self.notes_of(resource);
        for entry in spec.entries() {
            let field = format!("BackendJWT.{}", entry.key);
            match entry.key.as_str() {
                "signingAlgorithm" if !["SHA256withRSA", "NONE"].contains(&algorithm) => {
                    notes.changed(
                        entry.place,
                        &field,
                        "signingAlgorithm",
                        "the product signs with RS256 whatever stands here: now it means what it says",
                    );
                }
                "encoding" | "signingAlgorithm" | "header" | "tokenTTL" | "customClaims" => {
                    notes.carried(entry.place, &field, "apiPolicies");
                }
                _ => notes.left(entry.place, &field, "it has no counterpart"),
            }
        }
        let mut draft = BackendJwtDraft { parameters, custom_claims: Vec::new() };
        for claim in spec.get("customClaims").map(Tree::items).unwrap_or_default() {
            let claim = Tree(claim);
            match (claim.text_of("claim"), claim.text_of("value")) {
                (Some(_), Some(value)) if value.contains("${") => {
                    notes.left(claim.place(), "BackendJWT.customClaims[]", "`${` begins a placeholder here");
                }
                (Some(name), Some(value)) => {
                    let kind = claim.text_of("type").unwrap_or("string");
                    draft.custom_claims.push((name.to_owned(), value.to_owned(), scalar(kind)));
                }
                _ => notes.left(claim.place(), "BackendJWT.customClaims[]", "it needs `claim` and `value`"),
            }
        }
        draft
    }

    /// Notes the kinds of resource that are not looked at.
    fn others(&mut self) {
        const READ: [&str; 6] = ["API", "APIPolicy", "BackendJWT", "HTTPRoute", "Backend", "Scope"];
        for resource in self.list {
            let kind = resource.tree.text_of("kind").unwrap_or_default();
            if !READ.contains(&kind) {
                self.notes_of(*resource).left(resource.tree.place(), kind, "resources of this kind are not imported");
            }
        }
    }
}
