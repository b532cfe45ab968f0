//! Deadlines that cost a request next to nothing: timers are lent, never disarmed.
//!
//! Who is looked at every now and then by somebody else does not even borrow one at first: most answers come before the
//! first look. A timer that was armed for an earlier request fires early; the borrower then arms it again for the time that is really
//! left. With one limit per endpoint that is once per limit and timer, not once per request.

use std::{
    cell::{Cell, RefCell},
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
    /// How many [ticks](Self::tick) have passed.
    ticks: Cell<u32>,
}

/// The time between two ticks.
pub(crate) const TICK: Duration = Duration::from_millis(500);

impl Timers {
    /// Records that another [`TICK`] has passed.
    pub(crate) fn tick(&self) {
        self.ticks.set(self.ticks.get().wrapping_add(1));
    }
}

/// Who else polls what waits for a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attention {
    /// Nobody.
    None,
    /// Somebody, at least this often.
    Every(Duration),
}

/// A limit on the time between now and something, started when it is first waited for.
#[derive(Debug)]
pub(crate) struct Deadline {
    timers: Rc<Timers>,
    limit: Duration,
    wait: Wait,
    sleep: Option<Pin<Box<Sleep>>>,
}

/// How far waiting has got.
#[derive(Clone, Copy, Debug)]
enum Wait {
    /// Not begun.
    Not,
    /// Not begun, and a look will come before the limit has passed.
    NotYet,
    /// Begun at this tick, with no timer.
    Since(u32),
    /// It ends then.
    Until(Instant),
}

impl Deadline {
    /// Begins with the first wait. Late by a tick at most where somebody else pays attention.
    pub(crate) fn new(timers: &Rc<Timers>, limit: Duration, attention: Attention) -> Self {
        let wait = match attention {
            Attention::Every(interval) if interval + TICK < limit => Wait::NotYet,
            Attention::Every(_) | Attention::None => Wait::Not,
        };
        Self { timers: Rc::clone(timers), limit, wait, sleep: None }
    }

    /// Grants the whole limit anew, from the next wait.
    pub(crate) fn restart(&mut self) {
        self.wait = match self.wait {
            Wait::NotYet | Wait::Since(_) => Wait::NotYet,
            Wait::Not | Wait::Until(_) => Wait::Not,
        };
    }

    /// Ready once the limit has passed since the first wait.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let ticks = self.timers.ticks.get();
        let at = match self.wait {
            Wait::Until(at) => at,
            Wait::Not => Instant::now() + self.limit,
            Wait::NotYet => {
                self.wait = Wait::Since(ticks);
                return Poll::Pending;
            }
            Wait::Since(tick) if tick == ticks => return Poll::Pending,
            // The first of these ticks may have come right after the start.
            Wait::Since(tick) => {
                let passed = TICK * ticks.wrapping_sub(tick).saturating_sub(1);
                Instant::now() + self.limit.saturating_sub(passed)
            }
        };
        self.wait = Wait::Until(at);
        self.poll_until(at, cx)
    }

    fn poll_until(&mut self, at: Instant, cx: &mut Context<'_>) -> Poll<()> {
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
        let mut deadline = Deadline::new(timers, limit, Attention::None);
        poll_fn(|cx| deadline.poll(cx)).await;
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_lent_timer_keeps_each_borrowers_limit() {
        let timers = Rc::new(Timers::default());
        for seconds in [10, 3, 7, 7, 1] {
            let limit = Duration::from_secs(seconds);
            {
                let mut unused = Deadline::new(&timers, limit, Attention::None);
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
        let mut deadline = Deadline::new(&timers, Duration::from_secs(10), Attention::None);
        let start = Instant::now();
        assert!(poll_fn(|cx| Poll::Ready(deadline.poll(cx))).await.is_pending());
        tokio::time::advance(Duration::from_secs(6)).await;
        deadline.restart();
        poll_fn(|cx| deadline.poll(cx)).await;
        assert!(start.elapsed() >= Duration::from_secs(16));
    }

    /// Polls at every second, and returns when the deadline had passed.
    async fn wait_watched(timers: &Rc<Timers>, limit: Duration) -> Duration {
        let start = Instant::now();
        let mut deadline = Deadline::new(timers, limit, Attention::Every(Duration::from_secs(1)));
        assert!(poll_fn(|cx| Poll::Ready(deadline.poll(cx))).await.is_pending());
        loop {
            let waited = tokio::time::timeout(Duration::from_secs(1), poll_fn(|cx| deadline.poll(cx))).await;
            if waited.is_ok() {
                return start.elapsed();
            }
            for _ in 0..2 {
                timers.tick();
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_watched_needs_no_timer_before_the_first_look() {
        let timers = Rc::new(Timers::default());
        for (seconds, late) in [(10, TICK), (3, TICK), (1, Duration::ZERO)] {
            let limit = Duration::from_secs(seconds);
            let waited = wait_watched(&timers, limit).await;
            assert!(waited >= limit && waited <= limit + late + Duration::from_millis(5), "{limit:?}: {waited:?}");
        }
        let mut answered = Deadline::new(&timers, Duration::from_mins(1), Attention::Every(Duration::from_secs(5)));
        assert!(poll_fn(|cx| Poll::Ready(answered.poll(cx))).await.is_pending());
        assert!(answered.sleep.is_none());
    }
}
