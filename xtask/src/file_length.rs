//! No source file grows past what a newcomer reads in one sitting.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// Most files have under 400 lines; none has more than this.
const MOST: usize = 600;

/// Where our sources lie.
const ROOTS: [&str; 5] = ["crates", "xtask", "tests", "ci", "bench"];

/// Returns every source file that is too long, in words.
///
/// # Errors
///
/// A folder or file that cannot be read.
pub(crate) fn broken(top: &Path) -> Result<Vec<String>> {
    let mut waiting: Vec<PathBuf> = ROOTS.iter().map(|root| top.join(root)).filter(|root| root.is_dir()).collect();
    let mut broken = Vec::new();
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
            let entry = entry?;
            let path = entry.path();
            if entry.file_type()?.is_dir() {
                if !is_foreign(&path) {
                    waiting.push(path);
                }
            } else if is_source(&path) {
                broken.extend(fault(&path, fs::read_to_string(&path)?.lines().count()));
            }
        }
    }
    Ok(broken)
}

/// True for folders whose files others wrote.
fn is_foreign(path: &Path) -> bool {
    path.file_name().is_some_and(|name| ["node_modules", "target", "__pycache__", ".venv"].iter().any(|it| name == *it))
}

/// True for the languages that we write.
fn is_source(path: &Path) -> bool {
    path.extension().is_some_and(|extension| ["rs", "py", "mjs", "ts", "tsx"].iter().any(|it| extension == *it))
}

/// Says that a file is too long, if it is.
fn fault(path: &Path, lines: usize) -> Option<String> {
    (lines > MOST).then(|| format!("{} has {lines} lines, more than {MOST}: split it", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_601_lines_is_too_long() {
        assert_eq!(fault(Path::new("a.rs"), 600), None);
        assert_eq!(fault(Path::new("a.rs"), 601), Some("a.rs has 601 lines, more than 600: split it".to_owned()));
    }
}
