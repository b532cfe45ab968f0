//! Imports as their callers see them.

mod openapi;
mod products;

use super::*;

fn import(text: &str, wishes: &ApiWishes) -> Result<ImportedApi, Diagnostics> {
    let source = Source { path: "document.yaml".into(), text: text.to_owned() };
    import_api(&source, None, wishes)
}

/// The definition and what became of the document, for a snapshot.
fn shown(imported: Result<ImportedApi, Diagnostics>) -> String {
    match imported {
        Ok(imported) => format!("--- {}\n{}---\n{}", imported.file_name, imported.text, table(&imported.notes)),
        Err(refusal) => refusal.to_string(),
    }
}

fn table(notes: &[ImportNote]) -> String {
    let line = |note: &ImportNote| {
        let ImportNote { span, field, outcome, becomes, reason, times } = note;
        format!("{}: {field} ×{times}: {}: {becomes}: {reason}\n", span.line, outcome.text())
    };
    notes.iter().map(line).collect()
}
