//! What goes on beside the requests: successors of signing keys, and an eye on the system's clock.

use std::{sync::Arc, time::Duration};

use control::ConfigurationFiles;
use gateway::{ClockWatch, Gateway};
use tokio::{runtime::Runtime, time::interval};

use super::reload;
use crate::clock;

const ROTATION_CHECKED_EVERY: Duration = Duration::from_mins(1);
const CLOCK_CHECKED_EVERY: Duration = Duration::from_secs(1);

/// Starts all of it.
pub(super) fn start(background: &Runtime, files: &Arc<ConfigurationFiles>, gateway: &Arc<Gateway>) {
    background.spawn(rotate_keys(Arc::clone(files), Arc::clone(gateway)));
    background.spawn(watch_clock(Arc::clone(gateway)));
}

/// Makes the successors of signing keys in time, where the operator asks for it (`keys.rotateEvery`).
async fn rotate_keys(files: Arc<ConfigurationFiles>, gateway: Arc<Gateway>) {
    let mut interval = interval(ROTATION_CHECKED_EVERY);
    loop {
        interval.tick().await;
        let (files, gateway) = (Arc::clone(&files), Arc::clone(&gateway));
        // Making an RSA key takes its time.
        let _ = tokio::task::spawn_blocking(move || reload::rotated(gateway.rotate_keys(), &files, &gateway)).await;
    }
}

/// Looks whether the system's clock was set.
async fn watch_clock(gateway: Arc<Gateway>) {
    let mut interval = interval(CLOCK_CHECKED_EVERY);
    let mut watch = ClockWatch::new(clock::reading());
    loop {
        interval.tick().await;
        if let Some(step) = watch.look(clock::reading()) {
            gateway.runtime().clock_was_set(step);
        }
    }
}
