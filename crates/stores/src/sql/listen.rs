//! What a `PostgreSQL` database announces itself: `NOTIFY channel, 'payload'`; of a user store, changes of users.
//!
//! Whatever happened while nobody listened is unknown: who listens is told of every new connection.

use std::{fmt, sync::Arc, time::Duration};

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

/// Listens on one channel of a `PostgreSQL` server, and connects again as often as it must.
pub struct PostgresListener {
    options: PgConnectOptions,
    channel: Box<str>,
    /// A connection that listens, or none at the moment.
    listener: Option<PgListener>,
    /// How long to wait before the next try; `None`: not at all.
    pause: Option<Duration>,
}

/// What a listener has heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It listens from now on: what was said before is unknown.
    Connected,
    /// What somebody has announced.
    Said(Box<str>),
    /// Nothing is heard for now, and why.
    Lost(Box<str>),
}

impl PostgresListener {
    /// Makes a listener. Connects when it is first asked what it hears.
    pub fn new(options: PgConnectOptions, channel: impl Into<Box<str>>) -> Self {
        Self { options, channel: channel.into(), listener: None, pause: None }
    }

    /// Waits for something to happen; tries again by itself, after a pause that grows, when it hears nothing.
    pub async fn next(&mut self) -> Heard {
        let Some(listener) = &mut self.listener else { return self.connect().await };
        loop {
            match timeout(SILENCE, listener.try_recv()).await {
                Ok(Ok(Some(notification))) => return Heard::Said(notification.payload().into()),
                Ok(Ok(None)) => return self.lost("the server has closed the connection"),
                Ok(Err(error)) => return self.lost(&error.to_string()),
                Err(_) => {
                    if !matches!(timeout(PATIENCE, listener.execute("SELECT 1")).await, Ok(Ok(_))) {
                        return self.lost("no answer in time");
                    }
                }
            }
        }
    }

    /// Gives the connection up; the next one is made after the usual pause.
    pub fn give_up(&mut self) {
        self.listener = None;
        self.pause = Some(self.pause.map_or(FIRST_PAUSE, |pause| (pause * 2).min(LONGEST_PAUSE)));
    }

    /// Notes that what was heard could be used: a next failure is a new one.
    pub fn is_well(&mut self) {
        self.pause = None;
    }

    async fn connect(&mut self) -> Heard {
        if let Some(pause) = self.pause {
            sleep(pause).await;
        }
        match timeout(PATIENCE, connect(&self.options, &self.channel)).await {
            Ok(Ok(listener)) => {
                self.listener = Some(listener);
                Heard::Connected
            }
            Ok(Err(error)) => {
                self.give_up();
                Heard::Lost(error.to_string().into())
            }
            Err(_) => {
                self.give_up();
                Heard::Lost("no answer in time".into())
            }
        }
    }

    fn lost(&mut self, why: &str) -> Heard {
        self.listener = None;
        Heard::Lost(why.into())
    }
}

/// Returns the changes of users that are announced on a channel; it never ends.
pub(super) fn changes(store: Arc<str>, options: PgConnectOptions, channel: Box<str>) -> BoxStream<'static, Change> {
    let listener = PostgresListener::new(options, channel);
    unfold((store, listener), |(store, mut listener)| async move {
        let change = next_change(&store, &mut listener).await;
        Some((change, (store, listener)))
    })
    .boxed()
}

async fn next_change(store: &Arc<str>, listener: &mut PostgresListener) -> Change {
    loop {
        match listener.next().await {
            Heard::Connected => {
                tracing::info!(%store, channel = %listener.channel, "listening for changes of users");
                listener.is_well();
                return Change::All;
            }
            Heard::Said(payload) => return change(payload),
            Heard::Lost(why) => {
                tracing::warn!(%store, "changes of users are not heard of, and only found by their time to live: {why}");
            }
        }
    }
}

/// A payload is a user's name; none stands for everybody.
fn change(payload: Box<str>) -> Change {
    if payload.is_empty() { Change::All } else { Change::User(payload) }
}

/// Never shows a password.
impl fmt::Debug for PostgresListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresListener").field("channel", &self.channel).finish_non_exhaustive()
    }
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
