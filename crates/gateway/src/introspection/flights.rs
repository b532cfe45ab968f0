//! Questions under way, so that one is asked for any number of callers.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use foldhash::quality::RandomState;
use tokio::sync::watch;

use super::{Opinion, RETRY_AFTER};

/// How many different tokens are asked about at a time; who comes then is turned away.
const MOST: usize = 4096;

/// The questions of one issuer that are under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flights(Arc<Mutex<HashMap<Box<str>, Flight, RandomState>>>);

/// One question, for as long as somebody is aboard.
#[derive(Debug)]
struct Flight {
    /// How many sessions had ended before it: who comes after another end does not join.
    ends: u64,
    opinion: watch::Receiver<Option<Opinion>>,
    aboard: Weak<Aboard>,
}

/// Kept until the answer is in the cache: whoever comes before that joins, and does not ask again.
pub(crate) struct Aboard {
    flights: Flights,
    token: Box<str>,
}

/// What a caller is given.
pub(super) enum Seat {
    /// Nobody has asked yet: do so.
    Pilot(Departure, Waiting),
    /// Somebody has.
    Passenger(Waiting),
    /// The answer has just come.
    Known,
    /// There are too many questions.
    Full,
}

/// A question about to be asked. Dropped without landing, its callers learn that nothing is known.
pub(super) struct Departure {
    opinion: watch::Sender<Option<Opinion>>,
    /// It goes on when nobody waits any more.
    _aboard: Arc<Aboard>,
}

/// The wait for an answer.
pub(super) struct Waiting(watch::Receiver<Option<Opinion>>, Arc<Aboard>);

impl Flights {
    /// Gives a caller a seat, who knows of so many ended sessions. `is_known` says whether the answer has come into the cache since it was looked for there: a
    /// flight leaves only after that, so that one of the two is seen.
    pub(super) fn seat(&self, token: &str, ends: u64, is_known: impl FnOnce() -> bool) -> Seat {
        let mut flights = self.lock();
        // A question whose sender is gone without an answer has failed, and is asked anew.
        let is_sound = |flight: &&Flight| flight.opinion.borrow().is_some() || flight.opinion.has_changed().is_ok();
        let flight = flights.get(token).filter(|flight| flight.ends >= ends).filter(is_sound);
        // Not dropped under the lock: its end takes it.
        if let Some((flight, aboard)) = flight.and_then(|flight| Some((flight, flight.aboard.upgrade()?))) {
            return Seat::Passenger(Waiting(flight.opinion.clone(), aboard));
        }
        if is_known() {
            return Seat::Known;
        }
        if flights.len() >= MOST && !flights.contains_key(token) {
            return Seat::Full;
        }
        let (opinion, waiting) = watch::channel(None);
        let aboard = Arc::new(Aboard { flights: self.clone(), token: token.into() });
        flights.insert(token.into(), Flight { ends, opinion: waiting.clone(), aboard: Arc::downgrade(&aboard) });
        Seat::Pilot(Departure { opinion, _aboard: Arc::clone(&aboard) }, Waiting(waiting, aboard))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Flight, RandomState>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Aboard {
    /// Clears up after the last one, unless another flight has taken the place.
    fn drop(&mut self) {
        let mut flights = self.flights.lock();
        if flights.get(&self.token).is_some_and(|flight| flight.aboard.strong_count() == 0) {
            flights.remove(&self.token);
        }
    }
}

/// Never shows the token.
impl fmt::Debug for Aboard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aboard").finish_non_exhaustive()
    }
}

impl Departure {
    /// Tells everybody who waits.
    pub(super) fn land(self, opinion: Opinion) {
        self.opinion.send_replace(Some(opinion));
    }
}

impl Waiting {
    /// Returns the answer, and what to keep until it is in the cache.
    pub(super) async fn opinion(mut self) -> (Opinion, Arc<Aboard>) {
        let opinion = match self.0.wait_for(Option::is_some).await {
            Ok(opinion) => opinion.clone().unwrap_or(Opinion::Unknown { retry_after: RETRY_AFTER }),
            Err(_) => Opinion::Unknown { retry_after: RETRY_AFTER },
        };
        (opinion, self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_pilot(seat: &Seat) -> bool {
        matches!(seat, Seat::Pilot(..))
    }

    #[tokio::test]
    async fn who_comes_after_a_sessions_end_does_not_join_a_question_of_before() {
        let flights = Flights::default();
        let before = flights.seat("t", 0, || false);
        assert!(is_pilot(&before) && matches!(flights.seat("t", 0, || false), Seat::Passenger(_)));
        let after = flights.seat("t", 1, || false);
        assert!(is_pilot(&after) && matches!(flights.seat("t", 1, || false), Seat::Passenger(_)));
        let Seat::Pilot(departure, waiting) = before else { panic!() };
        departure.land(Opinion::Unusable);
        assert!(matches!(waiting.opinion().await.0, Opinion::Unusable));
        assert!(matches!(flights.seat("t", 1, || false), Seat::Passenger(_)), "the first has cleared the second away");
        drop(after);
        assert!(flights.lock().is_empty());
    }
}
