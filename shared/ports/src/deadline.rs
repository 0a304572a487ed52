//! Until when the work in hand is worth trying.
//!
//! A deadline belongs to an invocation, not to a handler: the host that knows it sets it around the
//! handler, and whoever repeats a request asks for it. As a parameter it would stand in every
//! signature between the two and be used in none of them.

use std::time::Duration;

use envelope::Timestamp;

use crate::{Backoff, Clock, Passing, Soon, Unavailable};

tokio::task_local! {
    static DEADLINE: Timestamp;
}

/// The moment at which an invocation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Timestamp);

impl Deadline {
    /// An invocation that ends at this moment.
    #[must_use]
    pub fn at(moment: Timestamp) -> Self {
        Self(moment)
    }

    /// Runs a future under this deadline. What it spawns does not inherit it.
    pub async fn around<F: Future>(self, future: F) -> F::Output {
        DEADLINE.scope(self.0, future).await
    }

    /// The deadline around the caller, if there is one.
    #[must_use]
    pub fn current() -> Option<Self> {
        DEADLINE.try_with(|moment| Self(*moment)).ok()
    }

    /// Whether the deadline around the caller, if there is one, leaves time for another attempt.
    #[must_use]
    pub fn leaves_time<C: Clock>(clock: &C) -> bool {
        Self::current().is_none_or(|deadline| deadline.left(clock) >= ATTEMPT_MIN + ANSWER)
    }

    fn left<C: Clock>(self, clock: &C) -> Duration {
        Duration::from_millis(self.0.millis_since(clock.now()))
    }

    /// Makes a request, and makes it again while it fails for a reason that may pass, with waits that
    /// grow and full jitter, as long as the deadline around the caller leaves time for another
    /// attempt. An attempt that lasts too long to be answered for is broken off. Without a deadline
    /// the request is made once: the caller has a policy of its own.
    ///
    /// `seed` tells apart those who wait at the same time.
    ///
    /// # Errors
    /// The error of the last attempt.
    pub async fn persist<T, E, F, C>(
        clock: &C,
        seed: u64,
        mut request: impl FnMut() -> F,
    ) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
        E: Passing,
        C: Clock,
    {
        let Some(deadline) = Self::current() else {
            return request().await;
        };
        let mut retry = 0;
        loop {
            let time = deadline.left(clock).saturating_sub(ANSWER).max(ATTEMPT_MIN);
            let attempt = tokio::time::timeout(time, request()).await;
            let error = match attempt.unwrap_or_else(|_| Err(Unavailable::from(OutOfTime).into())) {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let reason = error.unavailable();
            let passing = reason.is_some_and(|reason| reason.soon != Soon::Unlikely);
            let wait = Backoff::IN_PROCESS.wait(retry, seed);
            if !passing
                || retry == RETRIES_MAX
                || deadline.left(clock) < wait + ATTEMPT_MIN + ANSWER
            {
                return Err(error);
            }
            clock.sleep(wait).await;
            retry += 1;
        }
    }
}

/// A request that was broken off. Whether it took effect is unknown.
#[derive(Debug, thiserror::Error)]
#[error("the time for it is up")]
struct OutOfTime;

impl From<OutOfTime> for Unavailable {
    fn from(error: OutOfTime) -> Self {
        Self::new("deadline", error)
    }
}

/// What an attempt gets of the time at least.
const ATTEMPT_MIN: Duration = Duration::from_millis(500);

/// What is kept of the time, to answer for how it ended.
const ANSWER: Duration = Duration::from_millis(2_500);

/// Enough for a minute and a half of waits; a bound for clocks that stand still.
const RETRIES_MAX: u32 = 200;

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::ManualClock;

    async fn attempts(left_ms: Option<i64>, soon: Soon, failures: u32) -> (u32, bool) {
        let clock = ManualClock::at(Timestamp::from_millis(0));
        let made = Cell::new(0);
        let request = || async {
            made.set(made.get() + 1);
            if made.get() > failures {
                return Ok(());
            }
            Err(Unavailable::new("test", "no").again(soon))
        };
        let persist = Deadline::persist(&clock, 7, request);
        let result = match left_ms {
            Some(left) => {
                let deadline = Deadline::at(Timestamp::from_millis(left));
                deadline.around(persist).await
            }
            None => persist.await,
        };
        (made.get(), result.is_ok())
    }

    #[tokio::test]
    async fn a_request_is_made_again_until_it_succeeds() {
        for soon in [Soon::Throttled, Soon::Likely] {
            assert_eq!(attempts(Some(60_000), soon, 5).await, (6, true));
        }
    }

    #[tokio::test]
    async fn what_cannot_succeed_soon_is_tried_once() {
        assert_eq!(attempts(Some(60_000), Soon::Unlikely, 1).await, (1, false));
    }

    #[tokio::test]
    async fn without_a_deadline_a_request_is_made_once() {
        assert_eq!(attempts(None, Soon::Throttled, 1).await, (1, false));
    }

    #[tokio::test]
    async fn attempts_end_while_there_is_time_to_answer() {
        assert_eq!(attempts(Some(2_900), Soon::Throttled, 9).await, (1, false));
        let (made, succeeded) = attempts(Some(10_000), Soon::Throttled, u32::MAX).await;
        assert!(!succeeded && (5..60).contains(&made), "{made} attempts");
    }

    #[tokio::test]
    async fn an_attempt_without_end_is_broken_off_in_time_to_answer() {
        let clock = ManualClock::at(Timestamp::from_millis(0));
        let hanging = || std::future::pending::<Result<(), Unavailable>>();
        let deadline = Deadline::at(Timestamp::from_millis(3_000));
        let persist = deadline.around(Deadline::persist(&clock, 7, hanging));
        let result = tokio::time::timeout(Duration::from_secs(60), persist).await;
        assert!(result.expect("it ends").is_err());
    }
}
