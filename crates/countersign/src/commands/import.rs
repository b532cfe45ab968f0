//! `countersign import`: other products' files become configuration files here.
//!
//! Finds the files, has them converted (`control::import`), compiles the result together with what is there, and only then
//! writes; nothing that is there is overwritten unless that is asked for.

mod report;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail, ensure};
use control::{Import, ImportPlace, ImportedFile, import, import_kind};
use gateway::{Diagnostics, Source, Sources, parse_operator};

use super::{
    check,
    configuration::{background, diagnose, read_source},
};
use crate::{
    Process,
    cli::{EXIT_NO, Format, ImportFilesArguments},
    output,
};

/// How the names of files end that are looked at in folders.
const ENDINGS: [&str; 5] = ["yaml", "yml", "json", "toml", "apk-conf"];

/// What became of everything that was asked for.
#[derive(Debug)]
pub(crate) struct Outcome {
    import: Import,
    /// The files with the places that they belong to.
    targets: Vec<Target>,
    /// Files in folders that are of no kind that is imported.
    skipped: Vec<PathBuf>,
    /// What `check` says of the whole.
    check: Diagnostics,
    is_written: bool,
}

/// One file and the place that it belongs to.
#[derive(Debug)]
struct Target {
    file: ImportedFile,
    path: PathBuf,
    /// It is there already, word for word.
    is_there: bool,
}

/// Imports files.
///
/// # Errors
///
/// When a file cannot be read or written, or would be overwritten.
pub(crate) fn run(arguments: &ImportFilesArguments, process: &Process) -> anyhow::Result<ExitCode> {
    let (sources, skipped) = find(&arguments.files)?;
    ensure!(
        sources.len() == 1 || arguments.wishes.is_empty(),
        "--name, --api-version, --base-path and --endpoint are about one API, and {} files were found",
        sources.len()
    );
    let kind = arguments.kind.map(crate::cli::KindChoice::to_kind);
    let mut import = import(&sources, kind, &arguments.wishes.to_wishes());
    let files = std::mem::take(&mut import.files);
    let targets = place(files, &arguments.output)?;
    if !arguments.force && !arguments.dry_run {
        refuse_overwriting(&targets)?;
    }
    let check = judge(&targets, &arguments.output, process)?;
    if !arguments.dry_run {
        write(&targets)?;
    }
    let outcome = Outcome { import, targets, skipped, check, is_written: !arguments.dry_run };
    match arguments.format {
        Format::Json => output::result_line(&format!("{:#}", outcome.to_json()))?,
        Format::Text => output::result(&outcome.to_text())?,
    }
    Ok(if outcome.import.refused.has_errors() { ExitCode::from(EXIT_NO) } else { ExitCode::SUCCESS })
}

/// Reads what was named: files, the files of folders, and what patterns match. Files that are only met, not named, are
/// skipped where they are of no kind that is imported.
fn find(named: &[PathBuf]) -> anyhow::Result<(Vec<Source>, Vec<PathBuf>)> {
    let (mut sources, mut skipped, mut known) = (Vec::new(), Vec::new(), BTreeSet::new());
    for path in named {
        let (paths, is_named) = expand(path)?;
        for path in paths {
            if !known.insert(path.clone()) {
                continue;
            }
            let source = read_source(&path)?;
            if is_named || import_kind(&source).is_some() {
                sources.push(source);
            } else {
                skipped.push(path);
            }
        }
    }
    ensure!(!sources.is_empty(), "nothing that is named is a file to import");
    Ok((sources, skipped))
}

fn expand(path: &Path) -> anyhow::Result<(Vec<PathBuf>, bool)> {
    if path.is_dir() {
        return Ok((files_below(path)?, false));
    }
    let text = path.to_string_lossy();
    if path.exists() || !text.contains(['*', '?', '[']) {
        return Ok((vec![path.to_path_buf()], true));
    }
    let pattern = glob::glob(&text).with_context(|| format!("`{text}` is no pattern"))?;
    let mut found =
        pattern.collect::<Result<Vec<PathBuf>, _>>().with_context(|| format!("cannot look for `{text}`"))?;
    found.retain(|path| path.is_file());
    if found.is_empty() {
        bail!("nothing matches `{text}`");
    }
    Ok((found, false))
}

/// All files of a folder that may be some to import, in name order.
fn files_below(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot look into `{}`", folder.display()))?;
    let mut paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() && !path.is_symlink() {
            files.extend(files_below(&path)?);
        } else if path.extension().and_then(|ending| ending.to_str()).is_some_and(|ending| ENDINGS.contains(&ending)) {
            files.push(path);
        }
    }
    Ok(files)
}

/// Says where each file belongs.
fn place(files: Vec<ImportedFile>, output: &Path) -> anyhow::Result<Vec<Target>> {
    let operator = output.join("countersign.yaml");
    let imported = files.iter().find(|file| file.place == ImportPlace::Operator).map(|file| file.text.clone());
    let text = match imported {
        Some(text) => Some(text),
        None if operator.is_file() => Some(read_source(&operator)?.text),
        None => None,
    };
    let source = text.map(|text| Source { path: operator.clone(), text });
    let spec = source.and_then(|source| parse_operator(&source, &mut Diagnostics::new()));
    let folder = spec.map_or_else(|| output.join("apis"), |spec| spec.apis.directory.value);
    let target = |file: ImportedFile| {
        let path = match file.place {
            ImportPlace::Operator => operator.clone(),
            ImportPlace::Api => folder.join(&file.name),
        };
        let is_there = fs::read(&path).is_ok_and(|bytes| bytes == file.text.as_bytes());
        Target { file, path, is_there }
    };
    Ok(files.into_iter().map(target).collect())
}

fn refuse_overwriting(targets: &[Target]) -> anyhow::Result<()> {
    let there = targets.iter().filter(|target| !target.is_there && target.path.exists());
    let there: Vec<String> = there.map(|target| format!("`{}`", target.path.display())).collect();
    ensure!(
        there.is_empty(),
        "nothing was written: {} {} already and says something else; use another --output, or --force",
        there.join(", "),
        if there.len() == 1 { "is there" } else { "are there" }
    );
    Ok(())
}

/// Compiles the files together with those that are there.
fn judge(targets: &[Target], output: &Path, process: &Process) -> anyhow::Result<Diagnostics> {
    let source = |target: &Target| Source { path: target.path.clone(), text: target.file.text.clone() };
    let of = |place: ImportPlace| targets.iter().filter(move |target| target.file.place == place).map(source);
    let mut apis: Vec<Source> = of(ImportPlace::Api).collect();
    let config = output.join("countersign.yaml");
    let operator = match of(ImportPlace::Operator).next() {
        Some(source) => source,
        None if config.is_file() => read_source(&config)?,
        None => return check::without_operator(apis, process),
    };
    let mut applications = None;
    if config.is_file() {
        let background = background()?;
        let files = control::ConfigurationFiles::new(&config, process.variables.clone(), background.handle().clone());
        let others = files.read().ok();
        applications = others.as_ref().and_then(|sources| sources.applications.clone());
        let others = others.map(|sources| sources.apis).unwrap_or_default();
        apis.extend(others.into_iter().filter(|other| targets.iter().all(|target| target.path != other.path)));
    }
    diagnose(&Sources { operator, apis, applications, variables: process.variables.clone() }, process)
}

fn write(targets: &[Target]) -> anyhow::Result<()> {
    for target in targets.iter().filter(|target| !target.is_there) {
        let path = &target.path;
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(path, &target.file.text))
            .with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    Ok(())
}
