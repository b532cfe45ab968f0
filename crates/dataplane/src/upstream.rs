//! Connections to backends: one set of pools for each worker, so that no request waits for another core.
//!
//! HTTP/1.1 connections are lent to one exchange at a time and come back only when that exchange has ended on both sides;
//! HTTP/2 is one shared connection per pool. Does not choose endpoints and changes no field but framing.

mod connect;
mod http1;
mod relay;
mod resilient;
mod send;
mod shape;
mod switch;

use std::{
    cell::RefCell,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use gateway::{Endpoint, PoolId};
use hyper::client::conn::http2;
use thiserror::Error;
use tokio::sync::Semaphore;

pub(crate) use connect::TlsClients;
use http1::Http1;
pub(crate) use resilient::{Sent, send_resiliently};
pub(crate) use send::{Answer, send};
pub(crate) use switch::switch;

use crate::{
    body::{RequestBody, Upload},
    streams::Cause,
    timers::{Attention, TICK},
    worker::Worker,
};

/// How often idle connections are looked at; see [`Upstreams::age`].
pub(crate) const AGE: Duration = TICK;

/// Why a backend gave no answer.
#[derive(Debug, Error)]
pub(crate) enum UpstreamError {
    /// No address for the host's name.
    #[error("the backend's name does not resolve")]
    Resolve(#[source] std::io::Error),
    /// Nobody listens, or the network says no.
    #[error("the backend cannot be reached")]
    Connect(#[source] std::io::Error),
    /// Connecting took too long.
    #[error("the backend did not accept a connection in time")]
    ConnectTimeout,
    /// The backend's certificate or the handshake is not acceptable, or our trust is not usable.
    #[error("there is no TLS with the backend")]
    Tls(#[source] std::io::Error),
    /// The backend closed, or does not speak the protocol.
    #[error("the backend broke the protocol or the connection")]
    Protocol(#[source] hyper::Error),
    /// No answer within the limit.
    #[error("the backend did not answer in time")]
    ResponseTimeout,
    /// The rest of the client's body did not come.
    #[error("the request body did not arrive in time")]
    ClientStalled,
    /// As much is going on with the endpoint as its circuit breaker allows.
    #[error("the endpoint is busy")]
    Busy,
    /// An answer that cannot be passed on.
    #[error("the backend's answer cannot be passed on")]
    BadAnswer,
    /// The request may not go on.
    #[error("the request may not go on: {}", .0.message())]
    Ended(Cause),
}

impl UpstreamError {
    /// Returns the metric label.
    pub(crate) const fn label(&self) -> &'static str {
        match self {
            Self::Resolve(_) => "resolve",
            Self::Connect(_) => "connect",
            Self::ConnectTimeout => "connect_timeout",
            Self::Tls(_) => "tls",
            Self::Protocol(_) => "protocol",
            Self::ResponseTimeout => "response_timeout",
            Self::ClientStalled => "client_stalled",
            Self::Busy => "busy",
            Self::BadAnswer => "bad_answer",
            Self::Ended(cause) => cause.text(),
        }
    }
}

/// Who waits for an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting<'a> {
    /// What is still being sent.
    pub(crate) upload: Option<&'a Upload>,
    /// Who else polls the exchange.
    pub(crate) attention: Attention,
}

impl Waiting<'_> {
    /// Waits alone, with nothing to send but the request.
    pub(crate) const ALONE: Self = Self { upload: None, attention: Attention::None };
}

/// All upstream connections of one worker.
#[derive(Debug)]
pub(crate) struct Upstreams {
    pools: RefCell<Vec<Pool>>,
    tls: Arc<TlsClients>,
    most_idle: usize,
    /// In ages.
    longest_rest: u32,
}

/// The connections of one pool.
#[derive(Debug)]
struct Pool {
    idle: Vec<Idle>,
    shared: Option<http2::SendRequest<RequestBody>>,
    /// What TLS backends of this pool chose last; `None` before the first connection.
    speaks: Option<Speaks>,
    /// One permit: concurrent requests do not each open an HTTP/2 connection.
    gate: Rc<Semaphore>,
}

#[derive(Debug)]
struct Idle {
    connection: Http1,
    age: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speaks {
    Http1,
    Http2,
}

/// A connection out of the pool.
#[derive(Debug)]
struct Pooled {
    connection: Http1,
    rest: Rest,
}

/// How long a pooled connection has been idle: its backend may be closing a rested one at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    Busy,
    Rested,
}

/// An HTTP/1.1 connection lent to one exchange. Dropping it closes the connection.
#[derive(Debug)]
pub(crate) struct Lease {
    pool: PoolId,
    connection: Http1,
}

impl Lease {
    /// Returns the connection to its pool, if both directions are at rest.
    pub(crate) fn give_back(mut self, worker: &Worker) {
        if self.connection.is_at_rest() {
            worker.upstreams.put(self.pool, self.connection);
        }
    }

    /// Polls a part of the answer, which comes over this connection.
    pub(crate) fn poll<T>(&mut self, cx: &mut Context<'_>, poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        self.connection.poll_first(cx, poll)
    }
}

impl Upstreams {
    /// Makes empty pools that keep at most `most_idle` idle connections each, for `longest_rest`.
    pub(crate) fn new(tls: Arc<TlsClients>, most_idle: usize, longest_rest: Duration) -> Self {
        let ages = longest_rest.as_millis() / AGE.as_millis();
        let longest_rest = u32::try_from(ages).unwrap_or(u32::MAX).max(1);
        Self { pools: RefCell::default(), tls, most_idle, longest_rest }
    }

    /// Makes every idle connection older, and closes those that have been idle too long. Called every [`AGE`].
    pub(crate) fn age(&self) {
        for pool in self.pools.borrow_mut().iter_mut() {
            for idle in &mut pool.idle {
                idle.age += 1;
            }
            pool.idle.retain_mut(|idle| idle.age < self.longest_rest && !idle.connection.is_closed());
        }
    }

    /// Closes all idle connections.
    pub(crate) fn close(&self) {
        self.pools.borrow_mut().clear();
    }

    fn with<T>(&self, pool: PoolId, act: impl FnOnce(&mut Pool) -> T) -> Option<T> {
        let mut pools = self.pools.borrow_mut();
        let index = pool.0 as usize;
        if index >= pools.len() {
            pools.resize_with(index + 1, Pool::new);
        }
        pools.get_mut(index).map(act)
    }

    /// Takes the HTTP/1.1 connection to an endpoint that was used last, if one is still open.
    fn take_for(&self, endpoint: &Endpoint) -> Option<Pooled> {
        self.with(endpoint.pool, |pool| {
            let Idle { connection, age } = pool.idle.pop()?;
            Some(Pooled { connection, rest: if age == 0 { Rest::Busy } else { Rest::Rested } })
        })?
    }

    /// True when there is a connection to an endpoint that nobody uses, or that all share.
    fn has_for(&self, endpoint: &Endpoint) -> bool {
        let has_idle = self.with(endpoint.pool, |pool| {
            while pool.idle.last_mut().is_some_and(|idle| idle.connection.is_closed()) {
                pool.idle.pop();
            }
            !pool.idle.is_empty()
        });
        has_idle == Some(true) || self.shared(endpoint.pool).is_some()
    }

    fn put(&self, pool: PoolId, connection: Http1) {
        self.with(pool, |pool| {
            if pool.idle.len() < self.most_idle {
                pool.idle.push(Idle { connection, age: 0 });
            }
        });
    }

    fn shared(&self, pool: PoolId) -> Option<http2::SendRequest<RequestBody>> {
        self.with(pool, |pool| {
            pool.shared.take_if(|sender| sender.is_closed());
            pool.shared.clone()
        })?
    }

    fn share(&self, pool: PoolId, sender: &http2::SendRequest<RequestBody>) {
        self.with(pool, |pool| pool.shared = Some(sender.clone()));
    }

    /// Returns what the endpoint is known to speak.
    fn speaks(&self, endpoint: &Endpoint) -> Option<Speaks> {
        match endpoint.upstream {
            gateway::Upstream::Http1 => Some(Speaks::Http1),
            gateway::Upstream::Http2 => Some(Speaks::Http2),
            gateway::Upstream::Tls => self.with(endpoint.pool, |pool| pool.speaks)?,
        }
    }

    fn learn(&self, pool: PoolId, speaks: Speaks) {
        self.with(pool, |pool| pool.speaks = Some(speaks));
    }

    fn gate(&self, pool: PoolId) -> Rc<Semaphore> {
        self.with(pool, |pool| Rc::clone(&pool.gate)).unwrap_or_else(|| Rc::new(Semaphore::new(1)))
    }
}

impl Pool {
    fn new() -> Self {
        Self { idle: Vec::new(), shared: None, speaks: None, gate: Rc::new(Semaphore::new(1)) }
    }
}
