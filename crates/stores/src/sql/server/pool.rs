//! Connections to one server. One on which anything went wrong is not used again.

use std::{io, time::Duration};

use deadpool::{
    Runtime,
    managed::{self, BuildError, Manager, Metrics, Object, PoolError, RecycleResult, TimeoutType, Timeouts},
};

use super::{ConnectionSettings, Server};

/// A pool of connections to one server.
pub(super) struct Pool<S: Server>(Result<managed::Pool<Opener<S>>, BuildError>);

/// A connection in use; given back when it is dropped.
pub(super) type Pooled<S> = Object<Opener<S>>;

/// Opens connections.
#[derive(Debug)]
pub(super) struct Opener<S>(S);

impl<S: Server> Manager for Opener<S> {
    type Type = S::Connection;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<S::Connection, sqlx::Error> {
        self.0.connect().await
    }

    /// Trusts it: a dead one fails its first query, which is then asked on another.
    async fn recycle(&self, _: &mut S::Connection, _: &Metrics) -> RecycleResult<sqlx::Error> {
        Ok(())
    }
}

impl<S: Server> Pool<S> {
    /// Makes a pool. Opens nothing.
    pub(super) fn new(server: S, settings: ConnectionSettings) -> Self {
        let size = usize::try_from(settings.pool).unwrap_or(usize::MAX).max(1);
        Self(managed::Pool::builder(Opener(server)).max_size(size).runtime(Runtime::Tokio1).build())
    }

    /// Returns a connection, new or used, within the time.
    pub(super) async fn get(&self, time: Duration) -> Result<Pooled<S>, sqlx::Error> {
        let pool = self.0.as_ref().map_err(|_| sqlx::Error::PoolClosed)?;
        let timeouts = Timeouts { wait: Some(time), create: Some(time), recycle: None };
        pool.timeout_get(&timeouts).await.map_err(|error| match error {
            PoolError::Backend(error) => error,
            PoolError::Timeout(TimeoutType::Wait) => late("every connection is in use"),
            PoolError::Timeout(TimeoutType::Create | TimeoutType::Recycle) => late("no connection in time"),
            PoolError::Closed | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => sqlx::Error::PoolClosed,
        })
    }

    /// Closes the connections that nobody uses: one of them was found dead.
    pub(super) fn forget_idle(&self) {
        if let Ok(pool) = &self.0 {
            pool.retain(|_, _| false);
        }
    }
}

/// True when somebody has used the connection before.
pub(super) fn was_used<S: Server>(connection: &Pooled<S>) -> bool {
    Object::metrics(connection).recycle_count > 0
}

/// Gives a connection back, or closes it when it is not known to be sound.
pub(super) fn give_back<S: Server>(connection: Pooled<S>, is_sound: bool) {
    if !is_sound {
        drop(Object::take(connection));
    }
}

fn late(why: &'static str) -> sqlx::Error {
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, why))
}
