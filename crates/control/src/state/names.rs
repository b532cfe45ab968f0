//! Names of documents, and the paths that diagnostics and edits know them by.

use std::path::{Path, PathBuf};

use crate::files::is_api_file_name;

/// The document with the applications.
pub(crate) const APPLICATIONS: &str = "applications.yaml";

/// What stands before the names of API definitions.
pub(super) const APIS: &str = "apis";

/// What stands before names in diagnostics, in place of a folder.
const ROOT: &str = "database:";

/// Returns a document's path: `database:/apis/orders.yaml`.
pub(crate) fn path_of(name: &str) -> PathBuf {
    Path::new(ROOT).join(name)
}

/// Returns the name of the document at a path; `None`: it is a file's.
pub(crate) fn name_of(path: &Path) -> Option<&str> {
    path.strip_prefix(ROOT).ok()?.to_str()
}

/// Returns the path that all API definitions lie below.
pub(crate) fn api_folder() -> PathBuf {
    path_of(APIS)
}

/// True for what a document may be called; anything else in the table is not ours.
pub(super) fn is_document(name: &str) -> bool {
    let api = name.strip_prefix(APIS).and_then(|rest| rest.strip_prefix('/'));
    name == APPLICATIONS || api.is_some_and(|api| !api.contains(['/', '\\']) && is_api_file_name(Path::new(api)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_out_of_no_folder() {
        let check = |name: &str, expected| assert_eq!(is_document(name), expected, "{name}");
        check("apis/orders.yaml", true);
        check("apis/orders.apk-conf", true);
        check("applications.yaml", true);
        check("apis/../countersign.yaml", false);
        check("apis/.hidden.yaml", false);
        check("apis/a/b.yaml", false);
        check("countersign.yaml", false);
        check("/etc/x.yaml", false);
    }

    #[test]
    fn a_path_knows_its_document() {
        assert_eq!(name_of(&path_of("apis/orders.yaml")), Some("apis/orders.yaml"));
        assert_eq!(name_of(Path::new("apis/orders.yaml")), None);
    }
}
