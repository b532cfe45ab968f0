//! One query under way for any number of callers.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use foldhash::quality::RandomState;
use tokio::sync::watch;

use super::{
    answer::Answer,
    entry::{Asked, is_within},
};
use crate::error::StoreError;

/// How long a query may be joined at least, whatever the time to live.
const SHORTEST_JOIN: Duration = Duration::from_secs(1);

/// What a query brings each of its callers.
pub(super) type Outcome = Result<Answer, StoreError>;

/// A query under way. Callers after an invalidation do not join it: it may have read what was before.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) asked: Asked,
    outcome: watch::Receiver<Option<Outcome>>,
}

/// The queries under way, one for each user at most.
#[derive(Debug, Default)]
pub(super) struct Flights(HashMap<Arc<str>, Arc<Flight>, RandomState>);

/// A caller's place in a flight.
#[derive(Debug)]
pub(super) struct Seat(watch::Receiver<Option<Outcome>>);

impl Flight {
    /// Makes a flight and the end that its outcome goes into.
    pub(super) fn new(asked: Asked) -> (Arc<Self>, watch::Sender<Option<Outcome>>) {
        let (sender, outcome) = watch::channel(None);
        (Arc::new(Self { asked, outcome }), sender)
    }

    /// Returns a place to wait at.
    pub(super) fn seat(&self) -> Seat {
        Seat(self.outcome.clone())
    }
}

impl Flights {
    /// Returns the flight that a call at `now` may join.
    pub(super) fn joinable(&self, user: &str, ttl: Duration, now: SystemTime) -> Option<&Arc<Flight>> {
        let flight = self.0.get(user)?;
        let is_young = is_within(flight.asked.at, ttl.max(SHORTEST_JOIN), now);
        (is_young && flight.asked.generation.is_current()).then_some(flight)
    }

    /// Adds a flight, in place of one that can no longer be joined.
    pub(super) fn add(&mut self, user: Arc<str>, flight: Arc<Flight>) {
        self.0.insert(user, flight);
    }

    /// Takes a flight out; false when another has taken its place.
    pub(super) fn remove(&mut self, user: &str, flight: &Arc<Flight>) -> bool {
        let is_there = self.0.get(user).is_some_and(|known| Arc::ptr_eq(known, flight));
        if is_there {
            self.0.remove(user);
        }
        is_there
    }
}

impl Seat {
    /// Waits for the outcome; `None`: the query was abandoned.
    pub(super) async fn outcome(mut self) -> Option<Outcome> {
        self.0.wait_for(Option::is_some).await.ok().and_then(|outcome| outcome.clone())
    }
}
