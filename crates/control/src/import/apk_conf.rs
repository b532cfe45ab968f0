//! apk-conf files: API definitions already. Taken as they are, byte for byte, if they load.

use gateway::{DiagnosticCode, Diagnostics, Source, parse_api};

use super::{ApiWishes, ImportKind, ImportedApi, notes::Notes, text::slug, tree::Tree};

/// Checks a definition and takes it as it is.
pub(super) fn import(source: &Source, root: Tree<'_>, wishes: &ApiWishes) -> Result<ImportedApi, Diagnostics> {
    let mut diagnostics = Diagnostics::new();
    let api = parse_api(source, &mut diagnostics);
    let mut notes = Notes::of(&source.path);
    if *wishes != ApiWishes::default() {
        let message = "an API definition is taken as it is: edit its `name`, `version`, `basePath` or endpoint instead";
        diagnostics.error(DiagnosticCode::ConflictingFields, &notes.span(root.place()), message);
    }
    let Some(api) = api.filter(|_| !diagnostics.has_errors()) else { return Err(diagnostics) };
    notes.carried(root.place(), "the whole file", "as it is");
    let warnings = diagnostics.iter().map(|warning| super::ImportNote {
        span: warning.span.clone(),
        field: warning.code.text().to_owned(),
        outcome: super::Outcome::Changed,
        becomes: String::new(),
        reason: warning.message.clone(),
        times: 1,
    });
    let warnings: Vec<_> = warnings.collect();
    let name = api.name.value.clone();
    let file_name = source
        .path
        .file_name()
        .map_or_else(|| format!("{}.yaml", slug(&name)), |name| name.to_string_lossy().into_owned());
    let notes = notes.into_list().into_iter().chain(warnings).collect();
    Ok(ImportedApi { kind: ImportKind::ApkConf, name, file_name, text: source.text.clone(), notes })
}
