//! Deadlines that cost a request next to nothing: timers are lent, never disarmed.
//!
//! A timer that was armed for an earlier request fires early; the borrower then arms it again for the time that is really
//! left. With one limit per endpoint that is once per limit and timer, not once per request.

use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep};

/// Timers beyond this many are given back to the allocator.
const MOST_SPARE_TIMERS: usize = 1024;

/// The timers of one worker.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    spare: RefCell<Vec<Pin<Box<Sleep>>>>,
}

/// A limit on the time between now and something, started when it is first waited for.
#[derive(Debug)]
pub(crate) struct Deadline {
    timers: Rc<Timers>,
    limit: Duration,
    at: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    pub(crate) fn new(timers: &Rc<Timers>, limit: Duration) -> Self {
        Self { timers: Rc::clone(timers), limit, at: None, sleep: None }
    }

    /// Grants the whole limit anew, from the next wait.
    pub(crate) fn restart(&mut self) {
        self.at = None;
    }

    /// Ready once the limit has passed since the first wait.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let at = *self.at.get_or_insert_with(|| Instant::now() + self.limit);
        let spare = &self.timers.spare;
        let sleep = self
            .sleep
            .get_or_insert_with(|| spare.borrow_mut().pop().unwrap_or_else(|| Box::pin(tokio::time::sleep_until(at))));
        if sleep.deadline() > at {
            sleep.as_mut().reset(at);
        }
        while sleep.as_mut().poll(cx).is_ready() {
            if sleep.deadline() >= at {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(at);
        }
        Poll::Pending
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        if let Some(sleep) = self.sleep.take() {
            let mut spare = self.timers.spare.borrow_mut();
            if spare.len() < MOST_SPARE_TIMERS {
                spare.push(sleep);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    async fn wait(timers: &Rc<Timers>, limit: Duration) -> Duration {
        let start = Instant::now();
        let mut deadline = Deadline::new(timers, limit);
        poll_fn(|cx| deadline.poll(cx)).await;
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_lent_timer_keeps_each_borrowers_limit() {
        let timers = Rc::new(Timers::default());
        for seconds in [10, 3, 7, 7, 1] {
            let limit = Duration::from_secs(seconds);
            {
                let mut unused = Deadline::new(&timers, limit);
                assert!(poll_fn(|cx| Poll::Ready(unused.poll(cx))).await.is_pending());
            }
            let waited = wait(&timers, limit).await;
            assert!(waited >= limit && waited < limit + Duration::from_millis(5), "{waited:?}");
        }
        assert_eq!(timers.spare.borrow().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_restart_grants_the_limit_anew() {
        let timers = Rc::new(Timers::default());
        let mut deadline = Deadline::new(&timers, Duration::from_secs(10));
        let start = Instant::now();
        assert!(poll_fn(|cx| Poll::Ready(deadline.poll(cx))).await.is_pending());
        tokio::time::advance(Duration::from_secs(6)).await;
        deadline.restart();
        poll_fn(|cx| deadline.poll(cx)).await;
        assert!(start.elapsed() >= Duration::from_secs(16));
    }
}
