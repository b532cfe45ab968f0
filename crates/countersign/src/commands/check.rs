//! `countersign check`: every mistake in the configuration files, each with its place, a code and a hint.

mod probe;
mod report;

use std::{
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use control::ConfigurationFiles;
use gateway::{Diagnostic, DiagnosticCode, Diagnostics, Severity, Source, Sources, parse_operator};
use serde_json::json;

use super::configuration::{background, diagnose, read_source, read_sources};
use crate::{
    Process,
    cli::{CheckArguments, EXIT_NO, Format},
    listeners::Listeners,
    output,
};

/// The operator's file where none is given: only what must be there. Its path is no file's, so that nothing is read from
/// its folder and every complaint about it can be told apart.
const NO_OPERATOR: &str = "/nonexistent/countersign.yaml";
const NO_OPERATOR_TEXT: &str =
    "gateway: { issuer: 'https://gateway.example', listeners: [{ address: '127.0.0.1:8080' }] }\n";

/// What was looked at, and what was found.
#[derive(Debug)]
struct Findings {
    files: Vec<Source>,
    found: Vec<Diagnostic>,
    /// What cannot be judged without the operator's file.
    unjudged: Vec<Diagnostic>,
}

/// Checks the files.
///
/// # Errors
///
/// When a named API definition cannot be read.
pub(crate) fn run(arguments: &CheckArguments, process: &Process) -> anyhow::Result<ExitCode> {
    let findings = look(arguments, process)?;
    match arguments.format {
        Format::Json => output::result_line(&format!("{:#}", findings.to_json()))?,
        Format::Text => findings.print(process)?,
    }
    let (errors, warnings) = findings.counts();
    let is_bad = errors > 0 || (arguments.strict_warnings && warnings > 0);
    Ok(if is_bad { ExitCode::from(EXIT_NO) } else { ExitCode::SUCCESS })
}

fn look(arguments: &CheckArguments, process: &Process) -> anyhow::Result<Findings> {
    match (&arguments.config, arguments.apis.as_slice()) {
        (None, []) => {
            let config = Path::new("countersign.yaml");
            if !config.exists() {
                output::message("note: name the operator's file with --config FILE, or API definitions to check alone");
            }
            look_at_folder(config, arguments, process)
        }
        (Some(config), []) => look_at_folder(config, arguments, process),
        (Some(config), apis) => look_at(read_source(config)?, apis, (arguments, process)),
        (None, apis) => {
            let operator = Source { path: NO_OPERATOR.into(), text: NO_OPERATOR_TEXT.to_owned() };
            look_at(operator, apis, (arguments, process)).map(Findings::without_operator)
        }
    }
}

/// Checks the operator's file and the definitions of its folder.
fn look_at_folder(config: &Path, arguments: &CheckArguments, process: &Process) -> anyhow::Result<Findings> {
    let background = background()?;
    let files = ConfigurationFiles::new(config, process.variables.clone(), background.handle().clone());
    match files.read() {
        Ok(sources) => Findings::of(sources, arguments, process),
        Err(diagnostics) => Ok(Findings::new(Vec::new(), &diagnostics)),
    }
}

/// Checks the operator's file with the named definitions.
fn look_at(
    operator: Source,
    apis: &[PathBuf],
    (arguments, process): (&CheckArguments, &Process),
) -> anyhow::Result<Findings> {
    let variables = process.variables.clone();
    let sources = Sources { operator, apis: read_sources(apis)?, applications: None, variables };
    Findings::of(sources, arguments, process)
}

/// Says what is wrong with definitions alone, as far as that can be judged without an operator's file.
///
/// # Errors
///
/// When threads cannot be started.
pub(super) fn without_operator(apis: Vec<Source>, process: &Process) -> anyhow::Result<Diagnostics> {
    let operator = Source { path: NO_OPERATOR.into(), text: NO_OPERATOR_TEXT.to_owned() };
    let sources = Sources { operator, apis, applications: None, variables: process.variables.clone() };
    let found = Findings::new(Vec::new(), &diagnose(&sources, process)?).without_operator().found;
    let mut diagnostics = Diagnostics::new();
    for diagnostic in found {
        diagnostics.push(diagnostic);
    }
    Ok(diagnostics)
}

impl Findings {
    fn new(files: Vec<Source>, diagnostics: &Diagnostics) -> Self {
        Self { files, found: diagnostics.iter().cloned().collect(), unjudged: Vec::new() }
    }

    fn of(sources: Sources, arguments: &CheckArguments, process: &Process) -> anyhow::Result<Self> {
        let mut diagnostics = diagnose(&sources, process)?;
        if let Some(operator) = parse_operator(&sources.operator, &mut Diagnostics::new()) {
            Listeners::read(&operator, &mut diagnostics);
        }
        diagnostics.sort();
        if arguments.probe {
            probe::probe(&sources, process)?.into_iter().for_each(|found| diagnostics.push(found));
        }
        let Sources { operator, apis, applications, .. } = sources;
        Ok(Self::new(std::iter::once(operator).chain(applications).chain(apis).collect(), &diagnostics))
    }

    /// Sets aside what only an operator's file can tell: its names and its keys.
    fn without_operator(self) -> Self {
        let is_operators = |diagnostic: &Diagnostic| {
            [DiagnosticCode::UnknownName, DiagnosticCode::MissingKey].contains(&diagnostic.code)
        };
        let files = self.files.into_iter().filter(|file| file.path != Path::new(NO_OPERATOR)).collect();
        let found = self.found.into_iter().filter(|diagnostic| *diagnostic.span.file != *Path::new(NO_OPERATOR));
        let (unjudged, found) = found.partition(is_operators);
        Self { files, found, unjudged }
    }

    fn counts(&self) -> (usize, usize) {
        let count = |severity| self.found.iter().filter(|diagnostic| diagnostic.severity == severity).count();
        (count(Severity::Error), count(Severity::Warning))
    }

    fn to_json(&self) -> serde_json::Value {
        let list = |diagnostics: &[Diagnostic]| {
            let mut all = Diagnostics::new();
            for diagnostic in diagnostics {
                all.push(diagnostic.clone());
            }
            all.to_json()
        };
        let (errors, warnings) = self.counts();
        json!({
            "errors": errors,
            "warnings": warnings,
            "files": self.files.iter().map(|file| file.path.to_string_lossy()).collect::<Vec<_>>(),
            "diagnostics": list(&self.found),
            "unjudged": list(&self.unjudged),
        })
    }

    fn print(&self, process: &Process) -> anyhow::Result<()> {
        if io::stdout().is_terminal() {
            let is_colourful = output::is_colourful(process, true);
            for diagnostic in &self.found {
                output::result(&report::render(diagnostic, &self.files, is_colourful))?;
            }
        } else {
            for diagnostic in &self.found {
                output::result_line(&diagnostic.to_string())?;
            }
        }
        output::result_line(&self.summary())?;
        for diagnostic in &self.unjudged {
            let (file, line) = (diagnostic.span.file.display(), diagnostic.span.line);
            output::message(&format!(
                "note: not judged without the operator's file (--config): {file}:{line}: {}",
                diagnostic.message
            ));
        }
        Ok(())
    }

    fn summary(&self) -> String {
        let count = |number: usize, what: &str| match number {
            1 => format!("1 {what}"),
            _ => format!("{number} {what}s"),
        };
        let files = count(self.files.len(), "file");
        match self.counts() {
            (0, 0) => format!("{files}: no mistakes"),
            (errors, 0) => format!("{files}: {}", count(errors, "error")),
            (0, warnings) => format!("{files}: {}", count(warnings, "warning")),
            (errors, warnings) => format!("{files}: {}, {}", count(errors, "error"), count(warnings, "warning")),
        }
    }
}
