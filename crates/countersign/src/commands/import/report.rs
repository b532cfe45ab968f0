//! What became of imported files, for people and for scripts: one table, the files, and what is left to do.

use control::{ImportNote, ImportPlace, Outcome as Fate};
use gateway::{Diagnostic, Severity};
use serde_json::{Value, json};

use super::{Outcome, Target};
use crate::{cli::KindChoice, output};

impl Outcome {
    /// One object: `files notes refused steps skipped check`.
    pub(super) fn to_json(&self) -> Value {
        let file = |target: &Target| {
            json!({
                "from": target.file.from.to_string_lossy(),
                "kind": KindChoice::text(target.file.kind),
                "to": target.path.to_string_lossy(),
                "written": self.is_written,
                "text": target.file.text,
            })
        };
        json!({
            "files": self.targets.iter().map(file).collect::<Vec<_>>(),
            "notes": self.import.notes.iter().map(ImportNote::to_json).collect::<Vec<_>>(),
            "refused": self.import.refused.to_json(),
            "steps": self.import.steps,
            "skipped": self.skipped.iter().map(|path| path.to_string_lossy()).collect::<Vec<_>>(),
            "check": self.check.to_json(),
        })
    }

    /// The table, the files, the refusals, and what is left to do.
    pub(super) fn to_text(&self) -> String {
        let rows: Vec<Vec<String>> = self.import.notes.iter().map(row).collect();
        let mut lines = vec![output::columns(&["PLACE", "FIELD", "OUTCOME", "BECOMES", "WHY"], &rows)];
        lines.extend(self.targets.iter().map(|target| self.target_line(target)));
        lines.extend(self.skipped.iter().map(|path| format!("skipped: {}: nothing says what it is", path.display())));
        lines.extend(self.import.refused.iter().map(|refusal| format!("not imported: {refusal}")));
        let errors = self.check.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
        let steps = self.import.steps.iter().cloned().chain(errors.map(Diagnostic::to_string));
        let steps: Vec<String> = steps.map(|step| format!("- {step}")).collect();
        if !steps.is_empty() {
            lines.push("\nto do:".to_owned());
        }
        lines.extend(steps);
        lines.push(format!("\n{}\n", self.summary()));
        lines.join("\n")
    }

    fn target_line(&self, target: &Target) -> String {
        let verb = match (self.is_written, target.is_there) {
            (_, true) => "there already",
            (true, false) => "wrote",
            (false, false) => "would write",
        };
        format!("{verb}: {} (from {})", target.path.display(), target.file.from.display())
    }

    fn summary(&self) -> String {
        let times = |fate: Fate| -> usize {
            self.import.notes.iter().filter(|note| note.outcome == fate).map(|note| note.times).sum()
        };
        let apis = self.targets.iter().filter(|target| target.file.place == ImportPlace::Api).count();
        let operator = if self.targets.len() > apis { ", an operator's file" } else { "" };
        let refused: std::collections::BTreeSet<_> = self.import.refused.iter().map(|found| &found.span.file).collect();
        let (carried, changed, left) = (times(Fate::Carried), times(Fate::Changed), times(Fate::Left));
        let files = if apis == 1 { "1 API definition".to_owned() } else { format!("{apis} API definitions") };
        format!(
            "{files}{operator}; {} not imported; parts: {carried} carried over, {changed} changed, {left} not carried over",
            refused.len()
        )
    }
}

fn row(note: &ImportNote) -> Vec<String> {
    let field = if note.times > 1 { format!("{} (×{})", note.field, note.times) } else { note.field.clone() };
    let place = format!("{}:{}", note.span.file.display(), note.span.line);
    vec![place, field, note.outcome.text().to_owned(), note.becomes.clone(), note.reason.clone()]
}
