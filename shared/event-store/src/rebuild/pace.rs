//! Keeps to a rate, and waits after failures.
//!
//! What a page costs is known only after it was read. So the next page waits until what was read
//! before is paid for, and pages are read one at a time: then the rate holds exactly, for all
//! segments together, whatever a page costs.

use std::num::NonZeroU32;
use std::time::Duration;

use ports::{Backoff, Clock, Soon, Unavailable};
use tokio::sync::Mutex;

use super::{Rate, RebuildError};
use crate::ScanPage;

/// How often the same thing is tried: through some seconds of throttling, and not for ever.
pub(super) const ATTEMPTS_MAX: u32 = 10;

/// When the next page may be read, in milliseconds of the clock.
pub(super) struct Pace {
    rate: Option<Rate>,
    due_ms: Mutex<f64>,
}

impl Pace {
    pub(super) fn new(rate: Option<Rate>) -> Self {
        let due_ms = Mutex::new(0.0);
        Self { rate, due_ms }
    }

    /// Reads a page when it is time.
    pub(super) async fn keep<C: Clock>(
        &self,
        clock: &C,
        read: impl Future<Output = Result<ScanPage, RebuildError>>,
    ) -> Result<ScanPage, RebuildError> {
        let Some(rate) = self.rate else {
            return read.await;
        };
        let mut due_ms = self.due_ms.lock().await;
        let early_ms = *due_ms - now_ms(clock);
        if early_ms > 0.0 {
            clock
                .sleep(Duration::from_millis(early_ms.ceil() as u64))
                .await;
        }
        let page = read.await?;
        // A late page earns nothing: time that was not used is gone. The clock's own step is not late.
        let late_ms = now_ms(clock) - *due_ms;
        let from_ms = if late_ms < 1.0 {
            *due_ms
        } else {
            now_ms(clock)
        };
        *due_ms = from_ms + cost_ms(rate, &page);
        Ok(page)
    }
}

fn now_ms<C: Clock>(clock: &C) -> f64 {
    clock.now().as_millis() as f64
}

/// How long the rate takes to pay for a page.
fn cost_ms(rate: Rate, page: &ScanPage) -> f64 {
    let (cost, per_second) = match rate {
        Rate::ReadUnits(units) => (page.read_units, units),
        Rate::Commits(commits) => (page.commits.len() as f64, commits),
    };
    cost * 1_000.0 / f64::from(NonZeroU32::get(per_second))
}

/// Counts failures in a row, and waits longer after each.
pub(super) struct Patience<'a, C> {
    clock: &'a C,
    seed: u64,
    failed: u32,
}

impl<'a, C: Clock> Patience<'a, C> {
    pub(super) fn new(clock: &'a C, segment: usize) -> Self {
        let seed = segment as u64;
        Self {
            clock,
            seed,
            failed: 0,
        }
    }

    /// How often it was tried by now, if that is often enough; waits otherwise.
    async fn spent(&mut self) -> Option<u32> {
        self.failed += 1;
        if self.failed >= ATTEMPTS_MAX {
            return Some(self.failed);
        }
        let wait = Backoff::IN_PROCESS.wait(self.failed, self.seed);
        self.clock.sleep(wait).await;
        None
    }

    pub(super) async fn unavailable(&mut self, source: Unavailable) -> Result<(), RebuildError> {
        let attempts = match source.soon {
            Soon::Unlikely => Some(self.failed + 1),
            Soon::Likely | Soon::Throttled => self.spent().await,
        };
        match attempts {
            Some(attempts) => Err(RebuildError::Unavailable { attempts, source }),
            None => Ok(()),
        }
    }

    pub(super) async fn conflict(&mut self, stream: &str) -> Result<(), RebuildError> {
        match self.spent().await {
            Some(attempts) => Err(RebuildError::Contended {
                stream: stream.to_owned(),
                attempts,
            }),
            None => Ok(()),
        }
    }
}
