//! One at a time, for something of which there are very many: it takes next to no memory while nobody has a turn.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Mutex as Queue, OwnedMutexGuard};

/// Who has the turn, and who waits for it.
#[derive(Debug, Default)]
pub(crate) struct Turn(Mutex<Option<Arc<Queue<()>>>>);

/// A turn, until it is dropped.
#[derive(Debug)]
pub(crate) struct Taken<'a> {
    turn: &'a Turn,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Turn {
    /// Waits for a turn.
    pub(crate) async fn take(&self) -> Taken<'_> {
        let queue = Arc::clone(self.queue().get_or_insert_default());
        Taken { turn: self, guard: Some(queue.lock_owned().await) }
    }

    fn queue(&self) -> MutexGuard<'_, Option<Arc<Queue<()>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let mut queue = self.turn.queue();
        drop(self.guard.take());
        // Whoever waits has it too.
        if queue.as_ref().is_some_and(|queue| Arc::strong_count(queue) == 1) {
            *queue = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn turns_are_taken_one_after_the_other_and_leave_nothing_behind() {
        let turn = Arc::new(Turn::default());
        let first = turn.take().await;
        let waiting = tokio::spawn({
            let turn = Arc::clone(&turn);
            async move { drop(turn.take().await) }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(first);
        waiting.await.unwrap();
        assert!(turn.queue().is_none());
    }
}
