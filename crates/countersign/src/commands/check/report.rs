//! A diagnostic for a person at a terminal: with the lines that it is about.

use gateway::{Diagnostic, Severity, Source};
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Report};

/// Draws a diagnostic with its place in the file.
pub(super) fn render(diagnostic: &Diagnostic, files: &[Source], is_colourful: bool) -> String {
    let theme = if is_colourful { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_links(false).with_context_lines(1);
    let mut text = String::new();
    match handler.render_report(&mut text, report(diagnostic, files).as_ref()) {
        Ok(()) => text,
        Err(_) => format!("{diagnostic}\n"),
    }
}

fn report(diagnostic: &Diagnostic, files: &[Source]) -> Report {
    let severity = match diagnostic.severity {
        Severity::Error => miette::Severity::Error,
        Severity::Warning => miette::Severity::Warning,
    };
    let described = MietteDiagnostic::new(&diagnostic.message)
        .with_code(format!("{}[{}]", diagnostic.severity.text(), diagnostic.code.text()))
        .with_severity(severity);
    let described = match &diagnostic.hint {
        Some(hint) => described.with_help(hint),
        None => described,
    };
    let span = &diagnostic.span;
    let file = files.iter().find(|file| file.path == *span.file);
    let place = (span.offset as usize, span.length as usize);
    let Some(file) = file.filter(|file| place.0 + place.1 <= file.text.len()) else {
        let message = format!("{}:{}: {}", span.file.display(), span.line, described.message);
        return Report::new(MietteDiagnostic { message, ..described });
    };
    let name = span.file.display().to_string();
    Report::new(described.with_label(LabeledSpan::new(None, place.0, place.1)))
        .with_source_code(NamedSource::new(name, file.text.clone()))
}
