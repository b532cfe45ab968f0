//! OpenAPI documents, 2.0 to 3.2, to API definitions: a walk that takes what it finds and says what it does not take.
//!
//! Looks at what a gateway needs: name, version, servers, operations, security. Not at messages and their schemas. Where
//! the document says less than a definition must, the secure reading is taken: an operation is open only where it says so.

mod paths;
mod security;
mod servers;
mod targets;

use gateway::{DiagnosticCode, Diagnostics, Source, yaml::Place};

use self::{paths::Paths, security::Schemes, servers::Address};
use super::{
    ApiWishes, ImportKind, ImportedApi,
    draft::{ApiDraft, Credential},
    mistakes,
    notes::Notes,
    text::{base_path, slug, version},
    tree::Tree,
};

/// Which form a document has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// 2.0
    Swagger,
    /// 3.0 to 3.2
    OpenApi,
}

/// Makes an API definition of a document. `found` holds what its reader has complained about.
pub(super) fn import(
    source: &Source,
    root: Tree<'_>,
    (wishes, found): (&ApiWishes, Diagnostics),
) -> Result<ImportedApi, Diagnostics> {
    let mut notes = Notes::of(&source.path);
    let (form, written_version) = form(root, &notes).map_err(|mut refusal| {
        refusal.extend(found.clone());
        refusal
    })?;
    let wrong = wishes.mistakes();
    if !wrong.is_empty() {
        let mut refusal = Diagnostics::new();
        let span = notes.span(root.place());
        for (_, reason) in wrong {
            refusal.error(DiagnosticCode::InvalidValue, &span, reason);
        }
        return Err(refusal);
    }
    for mistake in found.iter() {
        notes.left(place_of(mistake), mistake.code.text(), &mistake.message);
    }
    let mut draft = ApiDraft {
        comment: vec![format!("Imported from an {written_version} document by `countersign import`.")],
        ..ApiDraft::default()
    };
    name_and_version(root, (source, wishes), (&mut draft, &mut notes));
    addresses((root, form), wishes, (&mut draft, &mut notes));
    let schemes = Schemes::of(root, form, &mut notes);
    let mut paths = Paths::new(root, &schemes, &mut notes);
    paths.walk();
    let (operations, credentials) = paths.finish();
    draft.operations = operations;
    draft.authentication = credentials.into_iter().collect();
    if draft.authentication.len() > 1 {
        let reason = "any of them will do for any operation of the API";
        notes.changed(root.place(), "security: several credentials", "authentication", reason);
    }
    if draft.authentication.is_empty() {
        draft.authentication.push(Credential::Token { header: None });
    }
    rest(root, &mut notes);
    finish(&draft, root, notes)
}

fn finish(draft: &ApiDraft, root: Tree<'_>, notes: Notes) -> Result<ImportedApi, Diagnostics> {
    let text = draft.write();
    let mistakes = mistakes(&text);
    if mistakes.has_errors() {
        let mut refusal = Diagnostics::new();
        for mistake in mistakes.iter() {
            let message = format!("the definition that it gives cannot be used: {}", mistake.message);
            refusal.error(mistake.code, &notes.span(root.place()), message);
        }
        return Err(refusal);
    }
    let version = draft.version.as_ref().map(|version| format!("-{}", slug(version))).unwrap_or_default();
    Ok(ImportedApi {
        kind: ImportKind::OpenApi,
        name: draft.name.clone(),
        file_name: format!("{}{version}.yaml", slug(&draft.name)),
        text,
        notes: notes.into_list(),
    })
}

/// Says which form the document has, or refuses it by its version.
fn form(root: Tree<'_>, notes: &Notes) -> Result<(Form, String), Diagnostics> {
    let (field, tree) = match (root.get("openapi"), root.get("swagger")) {
        (Some(tree), _) => ("openapi", tree),
        (None, Some(tree)) => ("swagger", tree),
        (None, None) => {
            return Err(refuse(root.place(), notes, "it has neither `openapi` nor `swagger`: it names no version"));
        }
    };
    let written = tree.text().unwrap_or_default();
    let mut numbers = written.split('.');
    let form = match (field, numbers.next(), numbers.next()) {
        ("openapi", Some("3"), Some("0" | "1" | "2")) => Form::OpenApi,
        ("swagger", Some("2"), Some("0") | None) => Form::Swagger,
        _ => {
            let message = format!("it is `{field}: {written}`: only OpenAPI 2.0, 3.0, 3.1 and 3.2 are imported");
            return Err(refuse(tree.place(), notes, &message));
        }
    };
    Ok((form, format!("OpenAPI {written}")))
}

fn refuse(place: Place, notes: &Notes, message: &str) -> Diagnostics {
    let mut refusal = Diagnostics::new();
    refusal.error(DiagnosticCode::UnsupportedFeature, &notes.span(place), message);
    refusal
}

fn place_of(diagnostic: &gateway::Diagnostic) -> Place {
    let span = &diagnostic.span;
    Place { line: span.line, column: span.column, offset: span.offset, length: span.length }
}

fn name_and_version(
    root: Tree<'_>,
    (source, wishes): (&Source, &ApiWishes),
    (draft, notes): (&mut ApiDraft, &mut Notes),
) {
    let title = root.at(&["info", "title"]).filter(|title| title.text().is_some_and(|text| !text.trim().is_empty()));
    let place = title.map_or(root.place(), Tree::place);
    draft.name = match (&wishes.name, title.and_then(Tree::text)) {
        (Some(wish), _) => {
            notes.changed(place, "info.title", "name", "as asked");
            wish.clone()
        }
        (None, Some(text)) => {
            notes.carried(place, "info.title", "name");
            text.trim().to_owned()
        }
        (None, None) => {
            notes.changed(place, "info.title", "name", "the document has no title: it is called as its file is");
            source.path.file_stem().map_or_else(|| "api".to_owned(), |stem| stem.to_string_lossy().into_owned())
        }
    };
    let written = root.at(&["info", "version"]);
    let place = written.map_or(root.place(), Tree::place);
    let text = wishes.version.as_deref().or_else(|| written.and_then(Tree::text)).unwrap_or_default();
    draft.version = version(text);
    match (&draft.version, text) {
        (Some(version), _) if wishes.version.is_some() && version == text => {
            notes.changed(place, "info.version", "version", "as asked");
        }
        (Some(version), _) if version == text => notes.carried(place, "info.version", "version"),
        (Some(_), _) => notes.changed(
            place,
            "info.version",
            "version",
            "a version is part of the path: other characters became `-`",
        ),
        (None, _) => {
            notes.left(place, "info.version", "there is none that can be part of a path: the API has no version");
        }
    }
}

/// Base path and endpoint.
fn addresses((root, form): (Tree<'_>, Form), wishes: &ApiWishes, (draft, notes): (&mut ApiDraft, &mut Notes)) {
    let address = match form {
        Form::OpenApi => servers::first(root.get("servers"), "servers", notes),
        Form::Swagger => Some(servers::swagger(root, notes)),
    };
    let Address { place, endpoint, path } = address.unwrap_or_else(|| Address::nowhere(root.place()));
    let field = if form == Form::Swagger { "basePath" } else { "servers[].url" };
    draft.base_path = match wishes.base_path.as_deref().and_then(base_path) {
        Some(wish) => {
            notes.changed(place, field, "basePath", "as asked");
            wish
        }
        None => own_base_path(&path, (draft, field), (notes, place)),
    };
    draft.production = wishes.endpoint.clone().or_else(|| endpoint.clone());
    match (&wishes.endpoint, &endpoint) {
        (Some(_), _) => notes.changed(place, field, "endpointConfigurations", "as asked"),
        (None, Some(_)) => notes.carried(place, field, "endpointConfigurations"),
        (None, None) => notes.left(
            place,
            field,
            "no server has an address: calls are answered 503 until `endpointConfigurations` says where they go",
        ),
    }
}

/// The server's path, less a version at its end, which the gateway adds itself.
fn own_base_path(path: &str, (draft, field): (&ApiDraft, &str), (notes, place): (&mut Notes, Place)) -> String {
    let named = || format!("/{}", slug(&draft.name));
    let Some(written) = base_path(path).filter(|path| !path.is_empty()) else {
        notes.changed(place, field, "basePath", "no server has a path that an API can live under: its name is one");
        return named();
    };
    let without = draft.version.as_ref().and_then(|version| written.strip_suffix(&format!("/{version}")));
    match without {
        Some("") => {
            notes.changed(
                place,
                field,
                "basePath",
                "its path is the version, which is added to every base path: the API's name stands before it",
            );
            named()
        }
        Some(without) => {
            notes.carried(place, field, "basePath");
            without.to_owned()
        }
        None => {
            notes.carried(place, field, "basePath");
            written
        }
    }
}

/// Notes what a gateway does not look at.
fn rest(root: Tree<'_>, notes: &mut Notes) {
    const MESSAGES: &str = "it describes messages, which the gateway does not look into";
    for entry in root.entries() {
        match entry.key.as_str() {
            "tags" | "externalDocs" | "definitions" | "parameters" | "responses" | "consumes" | "produces" => {
                notes.left(entry.place, &entry.key, MESSAGES);
            }
            "components" => {
                let parts = Tree(&entry.value)
                    .entries()
                    .iter()
                    .filter(|part| !["securitySchemes", "pathItems"].contains(&part.key.as_str()));
                for part in parts {
                    notes.left(part.place, &format!("components.{}", part.key), MESSAGES);
                }
            }
            "webhooks" => notes.left(entry.place, "webhooks", "they are calls that the backend makes"),
            "openapi"
            | "swagger"
            | "info"
            | "servers"
            | "host"
            | "basePath"
            | "schemes"
            | "paths"
            | "security"
            | "securityDefinitions"
            | "$self"
            | "jsonSchemaDialect" => {}
            key if key.starts_with("x-") => notes.left(entry.place, "x-…", EXTENSIONS),
            key => notes.left(entry.place, key, "OpenAPI knows no such field"),
        }
    }
    let extensions = root.get("info").map(Tree::entries).unwrap_or_default();
    for entry in extensions.iter().filter(|entry| entry.key.starts_with("x-")) {
        notes.left(entry.place, "x-…", EXTENSIONS);
    }
}

/// Why extensions are left behind.
const EXTENSIONS: &str = "extensions mean nothing here";
