//! Other products' files imported: what would become of them, and the API definitions made of them.

use std::{path::PathBuf, sync::Arc};

use axum::{
    Json,
    extract::{DefaultBodyLimit, State},
};
use gateway::{Diagnostics, Source};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::api_changes::free_path;
use crate::{
    admin::{
        body::{Body, Search},
        changes::{Outcome, Purpose, Wanted, change},
        desk::{CREATED, Desk, blocking, target},
        person::{Person, Role},
        problem::{Mistake, Problem},
    },
    definitions::Definition,
    edits::FileEdit,
    import::{ApiWishes, Import, ImportKind, ImportNote, ImportPlace, ImportedFile, Outcome as Fate, import},
};

/// Files of a whole gateway fit.
const LARGEST: usize = 32 << 20;

pub(super) fn routes() -> OpenApiRouter<Arc<Desk>> {
    OpenApiRouter::new().routes(routes!(import_files)).layer(DefaultBodyLimit::max(LARGEST))
}

/// Files to import, and how.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ImportQuestion {
    /// The files.
    files: Vec<NamedText>,
    /// What they are; without it, as each file says itself.
    kind: Option<FileKind>,
    /// OpenAPI, of one file: the API's name, before what the document says.
    name: Option<String>,
    /// OpenAPI, of one file: its version, before what the document says.
    version: Option<String>,
    /// OpenAPI, of one file: where it lives, before what the document says.
    base_path: Option<String>,
    /// OpenAPI, of one file: where its calls go, before what the document says.
    endpoint: Option<String>,
    /// What you say about the change, for the history.
    #[serde(default)]
    note: String,
}

/// A file.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NamedText {
    /// What notes and mistakes call it.
    name: String,
    /// Its text.
    text: String,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum FileKind {
    /// An API definition as WSO2 APK has them.
    ApkConf,
    /// An OpenAPI document, 2.0 to 3.2.
    #[serde(rename = "openapi")]
    OpenApi,
    /// Custom resources of WSO2 APK.
    ApkResources,
    /// An `api.yaml` of WSO2 API Manager, Choreo or Choreo Connect.
    Choreo,
    /// `deployment.toml` of WSO2 API Manager.
    ApiManager,
    /// `config.toml` of Choreo Connect.
    ChoreoConnect,
}

/// Whether files are written.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct ImportParameters {
    /// `false`: the API definitions are made; otherwise nothing changes.
    #[param(default = true)]
    dry_run: Option<bool>,
}

/// What became of the files, or would.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ImportAnswer {
    /// The configuration files that they become.
    files: Vec<ImportedFileView>,
    /// What became of each part of the files.
    notes: Vec<NoteView>,
    /// Why files cannot be imported.
    refused: Vec<Mistake>,
    /// What somebody has to do before all of it works.
    steps: Vec<String>,
    /// What is wrong with the API definitions, together with what is there.
    check: Vec<Mistake>,
    summary: Summary,
}

/// A configuration file made of another one.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ImportedFileView {
    /// The file that it was made of.
    from: String,
    kind: FileKind,
    /// `api`, or `operator`: an operator's file is never written here.
    place: &'static str,
    /// What it is called.
    name: String,
    text: String,
    /// True: the API is live.
    written: bool,
}

/// How many parts became what.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Summary {
    apis: usize,
    carried_over: usize,
    changed: usize,
    not_carried_over: usize,
    /// Files that cannot be imported.
    refused: usize,
}

/// What became of one part of a file, or of all its parts of one sort.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ImportNote)]
#[serde(rename_all = "camelCase")]
pub(in crate::admin) struct NoteView {
    /// `carried over`, `changed` or `not carried over`.
    outcome: &'static str,
    /// The field, as its file spells it.
    field: String,
    file: String,
    line: u32,
    column: u32,
    /// The field that it became.
    becomes: Option<String>,
    /// Why, where it is not simply carried over.
    reason: Option<String>,
    /// How many there are of the sort.
    times: usize,
}

impl NoteView {
    /// Shows notes.
    pub(in crate::admin) fn all(notes: &[ImportNote]) -> Vec<Self> {
        let there = |text: &String| (!text.is_empty()).then(|| text.clone());
        let view = |note: &ImportNote| Self {
            outcome: note.outcome.text(),
            field: note.field.clone(),
            file: note.span.file.to_string_lossy().into_owned(),
            line: note.span.line,
            column: note.span.column,
            becomes: there(&note.becomes),
            reason: there(&note.reason),
            times: note.times,
        };
        notes.iter().map(view).collect()
    }
}

/// Imports files of other products: API definitions are made of them. Without `dryRun=false` it only says what would be.
///
/// All definitions are checked together with what is there before the first one is made.
#[utoipa::path(
    post,
    path = "/import",
    operation_id = "importFiles",
    params(ImportParameters),
    request_body = ImportQuestion,
    responses(
        (status = OK, body = ImportAnswer),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
async fn import_files(
    State(desk): State<Arc<Desk>>,
    person: Person,
    Search(parameters): Search<ImportParameters>,
    Body(asked): Body<ImportQuestion>,
) -> Result<Json<ImportAnswer>, Problem> {
    person.require(Role::Author)?;
    let purpose = if parameters.dry_run.unwrap_or(true) { Purpose::Try } else { Purpose::Do };
    blocking(move || {
        let mut import = imported(&asked)?;
        let files = std::mem::take(&mut import.files);
        let wanted = wanted(&desk, &files, &asked.note)?;
        let check = judge(&desk, &wanted)?;
        if purpose == Purpose::Do {
            if check.has_errors() {
                return Err(Problem::broken(Mistake::all(&check)));
            }
            for wanted in &wanted {
                // Each compiles: they do so together.
                let (Outcome::Done | Outcome::Tried(_)) = change(&desk, &person, wanted, purpose)?;
            }
        }
        Ok(Json(ImportAnswer::of(&import, &files, (&wanted, &check), purpose)))
    })
    .await
}

fn imported(asked: &ImportQuestion) -> Result<Import, Problem> {
    let wishes = ApiWishes {
        name: asked.name.clone(),
        version: asked.version.clone(),
        base_path: asked.base_path.clone(),
        endpoint: asked.endpoint.clone(),
    };
    if asked.files.is_empty() {
        return Err(Problem::unprocessable("there are no files"));
    }
    if asked.files.len() > 1 && wishes != ApiWishes::default() {
        return Err(Problem::unprocessable("`name`, `version`, `basePath` and `endpoint` are about one file"));
    }
    let source = |file: &NamedText| Source { path: PathBuf::from(&file.name), text: file.text.clone() };
    let sources: Vec<Source> = asked.files.iter().map(source).collect();
    Ok(import(&sources, asked.kind.map(FileKind::to_kind), &wishes))
}

/// Returns the changes that make the API definitions.
fn wanted(desk: &Desk, files: &[ImportedFile], note: &str) -> Result<Vec<Wanted>, Problem> {
    let mut sources = desk.sources()?;
    let folder = desk.parts().files.api_folder(&desk.published().operator);
    let mut all = Vec::new();
    for file in files.iter().filter(|file| file.place == ImportPlace::Api) {
        let path = free_path(&folder, &file.name, &sources, false)?;
        let definition = Definition::of(Source { path: path.clone(), text: file.text.clone() });
        let edit = FileEdit { path, before: None, after: Some(file.text.clone()) };
        sources = edit.applied_to(sources);
        let (target, note) = (target(&definition.id), note.to_owned());
        all.push(Wanted { action: CREATED, target, note, edit, pointer: |_, _| None });
    }
    Ok(all)
}

/// Compiles all definitions together with what is there.
fn judge(desk: &Desk, wanted: &[Wanted]) -> Result<Diagnostics, Problem> {
    let Some(first) = wanted.first() else { return Ok(Diagnostics::new()) };
    let sources = wanted.iter().fold(desk.sources()?, |sources, wanted| wanted.edit.applied_to(sources));
    let drafted = desk.gateway().draft(&sources, &first.edit.path);
    Ok(drafted.map_or_else(|diagnostics| diagnostics, |(_, diagnostics)| diagnostics))
}

impl ImportAnswer {
    fn of(
        import: &Import,
        files: &[ImportedFile],
        (wanted, check): (&[Wanted], &Diagnostics),
        purpose: Purpose,
    ) -> Self {
        let times =
            |fate: Fate| import.notes.iter().filter(|note| note.outcome == fate).map(|note| note.times).sum::<usize>();
        let refused: std::collections::BTreeSet<_> = import.refused.iter().map(|found| &found.span.file).collect();
        let mut paths = wanted.iter().map(|wanted| &wanted.edit.path);
        let view = |file: &ImportedFile| {
            let path = if file.place == ImportPlace::Api { paths.next() } else { None };
            let name = path.and_then(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned());
            ImportedFileView {
                from: file.from.to_string_lossy().into_owned(),
                kind: FileKind::of(file.kind),
                place: if path.is_some() { "api" } else { "operator" },
                written: path.is_some() && purpose == Purpose::Do,
                name: name.unwrap_or_else(|| file.name.clone()),
                text: file.text.clone(),
            }
        };
        Self {
            files: files.iter().map(view).collect(),
            notes: NoteView::all(&import.notes),
            refused: Mistake::all(&import.refused),
            steps: import.steps.clone(),
            check: Mistake::all(check),
            summary: Summary {
                apis: wanted.len(),
                carried_over: times(Fate::Carried),
                changed: times(Fate::Changed),
                not_carried_over: times(Fate::Left),
                refused: refused.len(),
            },
        }
    }
}

impl FileKind {
    const fn to_kind(self) -> ImportKind {
        match self {
            Self::ApkConf => ImportKind::ApkConf,
            Self::OpenApi => ImportKind::OpenApi,
            Self::ApkResources => ImportKind::ApkResources,
            Self::Choreo => ImportKind::Choreo,
            Self::ApiManager => ImportKind::ApiManager,
            Self::ChoreoConnect => ImportKind::ChoreoConnect,
        }
    }

    const fn of(kind: ImportKind) -> Self {
        match kind {
            ImportKind::ApkConf => Self::ApkConf,
            ImportKind::OpenApi => Self::OpenApi,
            ImportKind::ApkResources => Self::ApkResources,
            ImportKind::Choreo => Self::Choreo,
            ImportKind::ApiManager => Self::ApiManager,
            ImportKind::ChoreoConnect => Self::ChoreoConnect,
        }
    }
}
