//! Files of other products become ours: API definitions out of apk-conf files, OpenAPI documents, custom resources of
//! WSO2 APK and `api.yaml`s; an operator's file out of WSO2 API Manager's and Choreo Connect's.
//!
//! Pure: text in, text out, with a note for everything that was carried over, changed or left behind, and its line. Writes
//! no file: the CLI does, and the admin API keeps one definition. What comes out is read back before it is handed over, so
//! that it loads. Fail closed: what cannot be said in an API definition is refused or made stricter, never opened.

mod api_manager;
mod apk_conf;
mod choreo;
mod cors;
mod draft;
mod json;
mod many;
mod notes;
mod openapi;
mod operator;
mod resources;
mod text;
mod toml;
mod tree;

use std::sync::Arc;

use gateway::{DiagnosticCode, Diagnostics, Source, Span, parse_api};

pub use self::{
    many::{Import, ImportPlace, ImportedFile, import},
    notes::{ImportNote, Outcome},
};
use self::{resources::Resource, tree::Tree};

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ImportKind {
    /// An API definition as WSO2 APK has them.
    ApkConf,
    /// An OpenAPI document, 2.0 to 3.2.
    OpenApi,
    /// `BackendJWT`, `APIPolicy` and other custom resources of WSO2 APK.
    ApkResources,
    /// An `api.yaml` of WSO2 API Manager, Choreo or Choreo Connect.
    Choreo,
    /// `deployment.toml` of WSO2 API Manager.
    ApiManager,
    /// `config.toml` of Choreo Connect.
    ChoreoConnect,
}

/// What an importer is told about an API besides its document; each goes before what the document says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiWishes {
    /// Its name.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// The path that it lives under, without its version.
    pub base_path: Option<String>,
    /// Where its calls go.
    pub endpoint: Option<String>,
}

impl ApiWishes {
    /// Returns what cannot be had: the field, and why.
    pub(crate) fn mistakes(&self) -> Vec<(&'static str, String)> {
        let wrong = |field, wish: &Option<String>, is_right: fn(&str) -> bool, reason: &str| {
            let wish = wish.as_deref().filter(|wish| !is_right(wish))?;
            Some((field, format!("`{wish}` {reason}")))
        };
        let checked = [
            wrong("name", &self.name, |text| !text.trim().is_empty(), "is no name"),
            wrong(
                "version",
                &self.version,
                |text| text::version(text).as_deref() == Some(text),
                "cannot be part of a path",
            ),
            wrong("basePath", &self.base_path, |text| text::base_path(text).is_some(), "is no base path"),
            wrong("endpoint", &self.endpoint, is_address, "is no address of a backend"),
        ];
        checked.into_iter().flatten().collect()
    }
}

/// One API definition, made of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedApi {
    /// What the file was.
    pub kind: ImportKind,
    /// The API's name.
    pub name: String,
    /// What to call the definition's file.
    pub file_name: String,
    /// The definition.
    pub text: String,
    /// What became of each part of the file.
    pub notes: Vec<ImportNote>,
}

/// Makes an API definition of one file; `kind` insists on what it is.
///
/// # Errors
///
/// Why the file cannot be imported: each reason with its line.
pub fn import_api(source: &Source, kind: Option<ImportKind>, wishes: &ApiWishes) -> Result<ImportedApi, Diagnostics> {
    let mut diagnostics = Diagnostics::new();
    let documents = tree::read(source, &mut diagnostics);
    let [root] = documents.as_slice() else {
        return Err(refused(source, diagnostics, "an API's file holds one document"));
    };
    let root = Tree(root);
    let Some(kind) = kind.or_else(|| detect(root)) else {
        return Err(refused(source, diagnostics, UNKNOWN_KIND));
    };
    match kind {
        ImportKind::ApkConf => apk_conf::import(source, root, wishes),
        ImportKind::OpenApi => openapi::import(source, root, (wishes, diagnostics)),
        ImportKind::ApkResources | ImportKind::Choreo | ImportKind::ApiManager | ImportKind::ChoreoConnect => {
            Err(refused(source, diagnostics, "a file of this kind is imported by `countersign import`"))
        }
    }
}

const UNKNOWN_KIND: &str = "nothing says what the file is: neither an API definition (apk-conf: `name`, `basePath`, `operations`), nor an OpenAPI document (`openapi`, `swagger`), nor a custom resource (`apiVersion`, `kind`), nor an `api.yaml`, a deployment.toml or a config.toml";

/// The tables by which a deployment.toml is known.
const PARTS: [&str; 4] = ["apim", "user_store", "keystore", "server"];

/// Says what a file is, by what stands in it.
pub fn import_kind(source: &Source) -> Option<ImportKind> {
    tree::read(source, &mut Diagnostics::new()).iter().find_map(|root| detect(Tree(root)))
}

/// Says what a document is, by what stands in it.
fn detect(root: Tree<'_>) -> Option<ImportKind> {
    if root.get("openapi").is_some() || root.get("swagger").is_some() {
        return Some(ImportKind::OpenApi);
    }
    if Resource::is_one(root) {
        return Some(ImportKind::ApkResources);
    }
    if choreo::is_one(root) {
        return Some(ImportKind::Choreo);
    }
    if root.at(&["enforcer", "jwtGenerator"]).is_some() || root.at(&["enforcer", "security"]).is_some() {
        return Some(ImportKind::ChoreoConnect);
    }
    if PARTS.iter().any(|part| root.get(part).is_some_and(Tree::is_mapping)) && root.get("name").is_none() {
        return Some(ImportKind::ApiManager);
    }
    let is_definition =
        root.get("name").is_some() && (root.get("basePath").is_some() || root.get("operations").is_some());
    is_definition.then_some(ImportKind::ApkConf)
}

fn is_address(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| ["http", "https"].contains(&url.scheme()) && url.has_host())
}

/// Adds the reason where there is none yet.
fn refused(source: &Source, mut diagnostics: Diagnostics, reason: &str) -> Diagnostics {
    if !diagnostics.has_errors() {
        diagnostics.error(DiagnosticCode::InvalidValue, &Span::start_of(Arc::from(source.path.as_path())), reason);
    }
    diagnostics
}

/// Returns what is wrong with a definition that was made here.
fn mistakes(text: &str) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    let source = Source { path: "imported.yaml".into(), text: text.to_owned() };
    let _ = parse_api(&source, &mut diagnostics);
    diagnostics
}

#[cfg(test)]
mod tests;
