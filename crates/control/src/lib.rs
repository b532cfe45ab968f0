//! Who may change the configuration: files, read and applied as a whole, and watched; and the admin listener, on which
//! people and machines look at them and change them.
//!
//! What stands in the files is what runs, or the last version of it that compiled: whoever edits, edits them. Knows nothing
//! of the data listeners.

mod admin;
mod definitions;
pub mod disclosures;
mod edits;
mod files;
mod history;
mod import;
mod secrets;
mod signing_keys;
mod state;
mod tried_lookup;
mod watch;

pub use admin::{Admin, AdminParts, openapi};
pub use files::{ConfigurationFiles, Reload};
pub use import::{
    ApiWishes, Import, ImportKind, ImportNote, ImportPlace, ImportedApi, ImportedFile, Outcome, import, import_api,
    import_kind,
};
pub use state::{
    DocumentChange, PushedState, STATE_SCHEMA, StateCopy, StateError, StateStatus, StateTransferError, StateWatch,
};
pub use tried_lookup::TriedLookup;
pub use watch::{Watch, WatchError};
