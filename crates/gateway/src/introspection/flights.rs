//! Questions under way, so that one is asked for any number of callers.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use foldhash::quality::RandomState;
use tokio::sync::watch;

use super::Opinion;

/// How many different tokens are asked about at a time; who comes then is turned away.
const MOST: usize = 4096;

/// The questions of one issuer that are under way.
#[derive(Debug, Default)]
pub(crate) struct Flights(Mutex<HashMap<Box<str>, watch::Receiver<Option<Opinion>>, RandomState>>);

/// What a caller is given.
pub(super) enum Seat {
    /// Nobody has asked yet: do so.
    Pilot(Departure, Waiting),
    /// Somebody has.
    Passenger(Waiting),
    /// There are too many questions.
    Full,
}

/// A question about to be asked. Dropped without landing, its callers learn that nothing is known.
pub(super) struct Departure {
    token: Box<str>,
    opinion: watch::Sender<Option<Opinion>>,
}

/// The wait for an answer.
pub(super) struct Waiting(watch::Receiver<Option<Opinion>>);

impl Flights {
    pub(super) fn seat(&self, token: &str) -> Seat {
        let mut flights = self.lock();
        // A question whose sender is gone has failed, and is asked anew.
        if let Some(waiting) = flights.get(token).filter(|waiting| waiting.has_changed().is_ok()) {
            return Seat::Passenger(Waiting(waiting.clone()));
        }
        if flights.len() >= MOST {
            return Seat::Full;
        }
        let (opinion, waiting) = watch::channel(None);
        flights.insert(token.into(), waiting.clone());
        Seat::Pilot(Departure { token: token.into(), opinion }, Waiting(waiting))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, watch::Receiver<Option<Opinion>>, RandomState>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Departure {
    /// Tells everybody who waits.
    pub(super) fn land(self, flights: &Flights, opinion: Opinion) {
        flights.lock().remove(&self.token);
        self.opinion.send_replace(Some(opinion));
    }
}

impl Waiting {
    pub(super) async fn opinion(mut self) -> Opinion {
        match self.0.wait_for(Option::is_some).await {
            Ok(opinion) => opinion.clone().unwrap_or(Opinion::Unknown),
            Err(_) => Opinion::Unknown,
        }
    }
}
