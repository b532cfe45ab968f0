//! Many files at once: each by what it is, custom resources together, and no two APIs in one place.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use gateway::{DiagnosticCode, Diagnostics, Source, Span, parse_api, spec, yaml::Node};

use super::{
    ApiWishes, ImportKind, ImportNote, ImportedApi, api_manager,
    api_manager::{Product, Walk},
    apk_conf, choreo, detect,
    draft::ApiDraft,
    mistakes,
    notes::Notes,
    openapi,
    operator::IssuerDraft,
    refused,
    resources::{self, Resource},
    text::slug,
    tree::{self, Tree},
};

/// What became of some files.
#[derive(Debug, Default)]
pub struct Import {
    /// The files to write.
    pub files: Vec<ImportedFile>,
    /// What became of each part of the files.
    pub notes: Vec<ImportNote>,
    /// Why files cannot be imported.
    pub refused: Diagnostics,
    /// What somebody has to do before all of it works.
    pub steps: Vec<String>,
}

/// One file to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedFile {
    /// What it was.
    pub kind: ImportKind,
    /// The file that it was made of.
    pub from: PathBuf,
    /// What it is now.
    pub place: ImportPlace,
    /// What to call it.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// Where a file belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ImportPlace {
    /// It is the operator's file.
    Operator,
    /// Into the folder of API definitions.
    Api,
}

/// Imports files; `kind` insists on what they are.
pub fn import(sources: &[Source], kind: Option<ImportKind>, wishes: &ApiWishes) -> Import {
    let mut many = Many {
        kind,
        wishes,
        import: Import::default(),
        taken: BTreeMap::new(),
        names: BTreeSet::new(),
        operator: None,
    };
    let documents: Vec<Vec<Node>> = sources.iter().map(|source| many.read(source)).collect();
    let mut notes: Vec<Notes> = sources.iter().map(|source| Notes::of(&source.path)).collect();
    let mut list = Vec::new();
    for (file, (source, documents)) in sources.iter().zip(&documents).enumerate() {
        match documents.as_slice() {
            [] => {}
            [root] if many.kind_of(Tree(root)) != Some(ImportKind::ApkResources) => {
                many.one(source, Tree(root), &mut notes, file);
            }
            documents => list.extend(documents.iter().map(|tree| Resource { tree: Tree(tree), file })),
        }
    }
    many.resources(sources, &list, &mut notes);
    many.import.notes.extend(notes.into_iter().flat_map(Notes::into_list));
    many.finish()
}

struct Many<'a> {
    kind: Option<ImportKind>,
    wishes: &'a ApiWishes,
    import: Import,
    /// Places and names that are taken, and by which file: environment and path, name and version.
    taken: BTreeMap<(String, String), PathBuf>,
    names: BTreeSet<String>,
    operator: Option<(Walk<'a>, PathBuf)>,
}

impl<'a> Many<'a> {
    fn read(&mut self, source: &Source) -> Vec<Node> {
        let mut diagnostics = Diagnostics::new();
        let documents = tree::read(source, &mut diagnostics);
        // What the reader can do without is for the importer to say.
        if documents.is_empty() {
            self.import.refused.extend(refused(source, diagnostics, "the file has no content"));
        }
        documents
    }

    fn kind_of(&self, root: Tree<'_>) -> Option<ImportKind> {
        self.kind.or_else(|| detect(root))
    }

    fn one(&mut self, source: &'a Source, root: Tree<'_>, notes: &mut [Notes], file: usize) {
        let mut diagnostics = Diagnostics::new();
        match self.kind_of(root) {
            Some(ImportKind::ApkConf) => self.definition(apk_conf::import(source, root, &ApiWishes::default()), source),
            Some(ImportKind::OpenApi) => {
                // Read again for what its reader says of it: the notes want that.
                let _ = tree::read(source, &mut diagnostics);
                self.definition(openapi::import(source, root, (self.wishes, diagnostics)), source);
            }
            Some(ImportKind::Choreo) => {
                let Some(notes) = notes.get_mut(file) else { return };
                let draft = choreo::import(root, notes);
                self.draft(&draft, (ImportKind::Choreo, source));
            }
            Some(ImportKind::ApiManager) => self.operator(source, root, Product::ApiManager),
            Some(ImportKind::ChoreoConnect) => self.operator(source, root, Product::ChoreoConnect),
            Some(ImportKind::ApkResources) | None => {
                self.import.refused.extend(refused(source, diagnostics, super::UNKNOWN_KIND));
            }
        }
    }

    fn operator(&mut self, source: &'a Source, root: Tree<'_>, product: Product) {
        if let Some((_, other)) = &self.operator {
            let message = format!("there is one operator's file, and `{}` becomes it", other.display());
            self.import.refused.extend(refused(source, Diagnostics::new(), &message));
            return;
        }
        self.operator = Some((api_manager::import(source, root, product), source.path.clone()));
    }

    fn resources(&mut self, sources: &[Source], list: &[Resource<'_>], notes: &mut [Notes]) {
        let all = resources::import(list, notes);
        if all.is_empty() {
            let files: BTreeSet<usize> = list.iter().map(|resource| resource.file).collect();
            for source in files.into_iter().filter_map(|file| sources.get(file)) {
                let reason = "none of its resources becomes an API definition: the table says why";
                self.import.refused.extend(refused(source, Diagnostics::new(), reason));
            }
        }
        for made in all {
            if let Some(source) = sources.get(made.file) {
                self.draft(&made.draft, (ImportKind::ApkResources, source));
            }
        }
    }

    fn draft(&mut self, draft: &ApiDraft, (kind, source): (ImportKind, &Source)) {
        let text = draft.write();
        let mistakes = mistakes(&text);
        if mistakes.has_errors() {
            let file = Arc::from(source.path.as_path());
            for mistake in mistakes.iter() {
                let message =
                    format!("the definition of `{}` that it gives cannot be used: {}", draft.name, mistake.message);
                self.import.refused.error(mistake.code, &Span::start_of(Arc::clone(&file)), message);
            }
            return;
        }
        let version = draft.version.as_ref().map(|version| format!("-{}", slug(version))).unwrap_or_default();
        let file_name = format!("{}{version}.yaml", slug(&draft.name));
        let imported = ImportedApi { kind, name: draft.name.clone(), file_name, text, notes: Vec::new() };
        self.definition(Ok(imported), source);
    }

    fn definition(&mut self, imported: Result<ImportedApi, Diagnostics>, source: &Source) {
        let imported = match imported {
            Ok(imported) => imported,
            Err(diagnostics) => return self.import.refused.extend(diagnostics),
        };
        if let Some((what, other)) = self.place_taken(&imported, source) {
            let message = format!("`{}` {what} of `{}`", imported.name, other.display());
            let span = Span::start_of(Arc::from(source.path.as_path()));
            self.import.refused.error(DiagnosticCode::RouteConflict, &span, message);
            return;
        }
        let name = self.free_name(&imported.file_name);
        self.import.notes.extend(imported.notes);
        let (kind, from) = (imported.kind, source.path.clone());
        self.import.files.push(ImportedFile { kind, from, place: ImportPlace::Api, name, text: imported.text });
    }

    /// Returns the file whose API has what this one would have: the place, or the name and version.
    fn place_taken(&mut self, imported: &ImportedApi, source: &Source) -> Option<(&'static str, PathBuf)> {
        let api = parse(&imported.text)?;
        let environment = api.environment.as_ref().map(|name| name.value.clone()).unwrap_or_default();
        let version = api.version.as_ref().map(|version| version.value.0.clone()).unwrap_or_default();
        let place = format!("{}/{version}", api.base_path.value.trim_end_matches('/'));
        let taken = [
            ("would live where an API lives", (environment, place)),
            ("has the name and version of an API", (api.name.value.clone(), version)),
        ];
        let other = taken.iter().find_map(|(what, key)| Some((*what, self.taken.get(key)?.clone())));
        if other.is_none() {
            self.taken.extend(taken.into_iter().map(|(_, key)| (key, source.path.clone())));
        }
        other
    }

    fn free_name(&mut self, wanted: &str) -> String {
        let (stem, ending) = wanted.rsplit_once('.').unwrap_or((wanted, "yaml"));
        let names =
            (1_u32..).map(|number| if number == 1 { wanted.to_owned() } else { format!("{stem}-{number}.{ending}") });
        let mut free = names.filter(|name| !self.names.contains(name));
        let name = free.next().unwrap_or_else(|| wanted.to_owned());
        self.names.insert(name.clone());
        name
    }

    /// Writes the operator's file last: the definitions name things that must stand in it.
    fn finish(mut self) -> Import {
        let Some((mut walk, from)) = self.operator.take() else { return self.import };
        for file in &self.import.files {
            if let Some(api) = parse(&file.text) {
                complete(&mut walk, &api, &file.name);
            }
        }
        let kind = walk.kind();
        let text = walk.draft.write();
        self.import.steps.extend(walk.steps);
        self.import.notes.extend(walk.notes.into_list());
        let place = ImportPlace::Operator;
        self.import.files.insert(0, ImportedFile { kind, from, place, name: "countersign.yaml".to_owned(), text });
        self.import
    }
}

fn parse(text: &str) -> Option<spec::Api> {
    parse_api(&Source { path: Path::new("imported.yaml").into(), text: text.to_owned() }, &mut Diagnostics::new())
}

/// Adds to the operator's file what a definition chooses among.
fn complete(walk: &mut Walk<'_>, api: &spec::Api, file: &str) {
    if let Some(name) = api.environment.as_ref().filter(|name| !walk.draft.environments.contains(&name.value)) {
        walk.draft.environments.push(name.value.clone());
        walk.steps.push(format!("name the hosts of environment `{}`, which {file} is in", name.value));
    }
    for manager in api.key_managers.iter().flat_map(|managers| &managers.value) {
        let (Some(issuer), Some(endpoint)) = (&manager.issuer, &manager.jwks_endpoint) else { continue };
        if walk.draft.issuers.iter().all(|known| known.issuer != issuer.value) {
            let mut name = slug(&manager.name.value);
            while walk.draft.issuers.iter().any(|known| known.name == name) {
                name.push_str("-2");
            }
            let jwks = endpoint.value.text.clone();
            walk.draft.issuers.push(IssuerDraft { name, issuer: issuer.value.clone(), jwks, ..IssuerDraft::default() });
        }
    }
    for entry in api.authentication.iter().flat_map(|list| &list.value) {
        let spec::Authentication::MutualTls(mutual) = entry else { continue };
        for choice in &mutual.certificates {
            let name = &choice.name.value;
            let line = format!("clientCertificates: [{{ name: {name}, ca: {name}.pem, identity: commonName }}]");
            if !walk.draft.certificates.contains(&line) {
                walk.draft.certificates.push(line);
                walk.steps.push(format!(
                    "write the client certificates `{name}`, which {file} trusts, under `clientCertificates`"
                ));
            }
        }
    }
}
