//! How many streams, WebSocket or events, may be open at a time, on all workers together.
//!
//! Each takes a seat and gives it back when it ends, however it ends. gRPC streams take none: most gRPC calls are no
//! streams, and HTTP/2 bounds how many a connection has.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// The seats of all workers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Room(Arc<AtomicU64>);

/// A seat that is taken.
#[derive(Debug)]
pub(crate) struct Seat(Arc<AtomicU64>);

impl Room {
    /// Takes a seat; `None` when so many are taken.
    pub(crate) fn take(&self, most: u64) -> Option<Seat> {
        let add_one = |taken: u64| (taken < most).then_some(taken + 1);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add_one).ok()?;
        Some(Seat(Arc::clone(&self.0)))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_is_for_one_until_it_is_given_back() {
        let room = Room::default();
        let worker = room.clone();
        let seats = (room.take(2), worker.take(2));
        assert!(seats.0.is_some() && seats.1.is_some() && room.take(2).is_none() && room.take(0).is_none());
        drop(seats.0);
        assert!(worker.take(2).is_some());
    }
}
