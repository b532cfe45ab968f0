//! Who may change the configuration: files, read and applied as a whole, and watched.
//!
//! One writer: what stands in the files is what runs, or the last version of it that compiled. Knows no listeners and no
//! requests.

mod files;
mod import;
mod watch;

pub use files::{ConfigurationFiles, Reload};
pub use import::{
    ApiWishes, Import, ImportKind, ImportNote, ImportPlace, ImportedApi, ImportedFile, Outcome, import, import_api,
    import_kind,
};
pub use watch::{Watch, WatchError};
