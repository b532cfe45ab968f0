//! Changes that a `PostgreSQL` database announces itself: `NOTIFY channel, 'user'`.
//!
//! Whatever happened while nobody listened is unknown, so that every new connection begins with [`Change::All`].

use std::{sync::Arc, time::Duration};

use futures_util::stream::{BoxStream, StreamExt, unfold};
use sqlx::{
    Executor,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};
use tokio::time::{sleep, timeout};

use crate::user_store::Change;

/// How long a connection may be silent before it is asked whether it still lives.
const SILENCE: Duration = Duration::from_secs(15);

/// How long anything may take on it.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long until the next try at most, and at first.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// A connection that listens, or none at the moment.
struct Listening {
    store: Arc<str>,
    options: PgConnectOptions,
    channel: Box<str>,
    listener: Option<PgListener>,
    pause: Duration,
}

/// Returns the changes that are announced on a channel; it never ends.
pub(super) fn changes(store: Arc<str>, options: PgConnectOptions, channel: Box<str>) -> BoxStream<'static, Change> {
    let listening = Listening { store, options, channel, listener: None, pause: FIRST_PAUSE };
    unfold(listening, |mut listening| async move { Some((listening.next().await, listening)) }).boxed()
}

impl Listening {
    async fn next(&mut self) -> Change {
        loop {
            let Some(listener) = &mut self.listener else {
                match timeout(PATIENCE, connect(&self.options, &self.channel)).await {
                    Ok(Ok(listener)) => {
                        tracing::info!(store = %self.store, channel = %self.channel, "listening for changes of users");
                        self.listener = Some(listener);
                        self.pause = FIRST_PAUSE;
                        return Change::All;
                    }
                    Ok(Err(error)) => self.wait(&error.to_string()).await,
                    Err(_) => self.wait("no answer in time").await,
                }
                continue;
            };
            match timeout(SILENCE, listener.try_recv()).await {
                Ok(Ok(Some(notification))) => return change(notification.payload()),
                Ok(Ok(None) | Err(_)) => self.listener = None,
                Err(_) => {
                    if !matches!(timeout(PATIENCE, listener.execute("SELECT 1")).await, Ok(Ok(_))) {
                        self.listener = None;
                    }
                }
            }
        }
    }

    async fn wait(&mut self, why: &str) {
        let store = &self.store;
        tracing::warn!(%store, "changes of users are not heard of, and only found by their time to live: {why}");
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}

/// A payload is a user's name; none stands for everybody.
fn change(payload: &str) -> Change {
    if payload.is_empty() { Change::All } else { Change::User(payload.into()) }
}

async fn connect(options: &PgConnectOptions, channel: &str) -> Result<PgListener, sqlx::Error> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(PATIENCE)
        .max_lifetime(None)
        .idle_timeout(None)
        .connect_lazy_with(options.clone());
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.eager_reconnect(false);
    listener.listen(channel).await?;
    Ok(listener)
}
