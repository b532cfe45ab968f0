//! Watches the folders of the configuration and reloads when a file's content has changed.
//!
//! Folders, not files: editors and Kubernetes replace files and links. Events only say that it is worth a look; the
//! content decides.

use std::{sync::Arc, time::Duration};

use gateway::Gateway;
use notify_debouncer_full::{
    DebounceEventResult, Debouncer, RecommendedCache, new_debouncer,
    notify::{RecommendedWatcher, RecursiveMode},
};

use crate::files::{ConfigurationFiles, Reload};

/// How long the files must be quiet before they are read.
const QUIET: Duration = Duration::from_millis(150);

/// A running watch. It ends when dropped: nothing is reloaded or reported after that.
#[derive(Debug)]
pub struct Watch {
    debouncer: Option<Debouncer<RecommendedWatcher, RecommendedCache>>,
}

/// The system does not let us watch.
#[derive(Debug, thiserror::Error)]
#[error("cannot watch the configuration's folders")]
pub struct WatchError(#[from] notify_debouncer_full::notify::Error);

impl Watch {
    /// Watches the configuration of a gateway; `report` is told of every reload that changed or refused something.
    ///
    /// # Errors
    ///
    /// [`WatchError`] when the system's watches are used up.
    pub fn start(
        files: Arc<ConfigurationFiles>,
        gateway: Arc<Gateway>,
        report: impl Fn(&Reload) + Send + 'static,
    ) -> Result<Self, WatchError> {
        let folders = files.folders();
        let look = move |events: DebounceEventResult| {
            if !is_worth_a_look(&events, &files) {
                return;
            }
            match files.reload_if_changed(&gateway) {
                Reload::Unchanged => {}
                outcome @ (Reload::Applied(_) | Reload::Refused(_)) => report(&outcome),
            }
        };
        let mut debouncer = new_debouncer(QUIET, None, look)?;
        for folder in folders {
            debouncer.watch(&folder, RecursiveMode::NonRecursive)?;
        }
        Ok(Self { debouncer: Some(debouncer) })
    }
}

/// True when an event is about a file that may be configuration: other files of the folder, an audit log perhaps, change
/// all the time. A watch that reports an error has lost events.
fn is_worth_a_look(events: &DebounceEventResult, files: &ConfigurationFiles) -> bool {
    let Ok(events) = events else { return true };
    let changes = events.iter().filter(|event| !event.kind.is_access());
    changes.flat_map(|event| &event.paths).any(|path| files.may_be_configuration(path))
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(debouncer) = self.debouncer.take() {
            debouncer.stop();
        }
    }
}
