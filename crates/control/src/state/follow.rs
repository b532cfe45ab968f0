//! Hears of changes that others make in the database, and applies them as those of files are applied.

use std::sync::Arc;

use gateway::Gateway;
use stores::Heard;
use tokio::task::JoinHandle;

use super::Reread;
use crate::files::{ConfigurationFiles, Reload};

/// Follows the database of the desired state. It ends when dropped.
#[derive(Debug)]
pub struct StateWatch(JoinHandle<()>);

type Report = Arc<dyn Fn(&Reload) + Send + Sync>;

impl StateWatch {
    /// Follows the database of a gateway, on its background threads; `report` is told of every reload that changed or
    /// refused something. `None`: the definitions are files.
    pub fn start(
        files: &Arc<ConfigurationFiles>,
        gateway: &Arc<Gateway>,
        report: impl Fn(&Reload) + Send + Sync + 'static,
    ) -> Option<Self> {
        files.database()?;
        let (files, gateway, report): (_, _, Report) = (Arc::clone(files), Arc::clone(gateway), Arc::new(report));
        let background = gateway.runtime().background.clone();
        Some(Self(background.spawn(follow(files, gateway, report))))
    }
}

impl Drop for StateWatch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn follow(files: Arc<ConfigurationFiles>, gateway: Arc<Gateway>, report: Report) {
    let Some(database) = files.database() else { return };
    let mut listener = database.listener();
    loop {
        let heard = tokio::select! {
            heard = listener.next() => heard,
            () = database.is_doubtful() => Heard::Said(Box::default()),
        };
        let how = match heard {
            // What was announced before is unknown.
            Heard::Connected => Reread::Everything,
            Heard::Said(_) => Reread::Changed,
            Heard::Lost(why) => {
                database.is_lost();
                complain(&why);
                continue;
            }
        };
        if !take_up(&files, &gateway, (how, &report)).await {
            listener.give_up();
            continue;
        }
        listener.is_well();
        if how == Reread::Everything {
            tracing::info!(revision = database.status().revision, "following the database of API definitions");
        }
    }
}

/// Reads what has changed, and applies it; false: it cannot be read.
async fn take_up(files: &Arc<ConfigurationFiles>, gateway: &Arc<Gateway>, (how, report): (Reread, &Report)) -> bool {
    let (files, gateway, report) = (Arc::clone(files), Arc::clone(gateway), Arc::clone(report));
    let reading = tokio::task::spawn_blocking(move || match files.reload_state(&gateway, how) {
        Ok(Reload::Unchanged) => true,
        Ok(outcome @ (Reload::Applied(_) | Reload::Refused(_))) => {
            report(&outcome);
            true
        }
        Err(error) => {
            complain(&error.to_string());
            false
        }
    });
    reading.await.unwrap_or(false)
}

fn complain(why: &str) {
    tracing::warn!("the database of API definitions does not answer; what runs goes on: {why}");
}
