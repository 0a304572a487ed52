//! Trying again after a race was lost, a bounded number of times.

use crate::{Backoff, Clock};

/// How many races in a row may be lost.
const LOST_MAX: u32 = 10;

/// Counts lost races and waits after each.
#[derive(Debug)]
pub struct Retry<'a, C> {
    clock: &'a C,
    seed: u64,
    lost: u32,
}

/// Other writers won every time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("contended: {LOST_MAX} attempts in a row were lost against other writers")]
pub struct Contended;

impl<'a, C: Clock> Retry<'a, C> {
    /// Nothing lost yet. `seed` tells apart those who race each other.
    pub fn new(clock: &'a C, seed: u64) -> Self {
        Self {
            clock,
            seed,
            lost: 0,
        }
    }

    /// A race was lost: waits, longer each time.
    ///
    /// # Errors
    /// [`Contended`], at once, when it was one too many.
    pub async fn lost(&mut self) -> Result<(), Contended> {
        self.lost += 1;
        if self.lost >= LOST_MAX {
            return Err(Contended);
        }
        let wait = Backoff::RACE.wait(self.lost, self.seed);
        self.clock.sleep(wait).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use envelope::Timestamp;

    use super::*;
    use crate::ManualClock;

    #[tokio::test]
    async fn it_waits_after_each_lost_race_and_ends() {
        let clock = ManualClock::at(Timestamp::from_millis(0));
        let mut retry = Retry::new(&clock, 7);
        for lost in 1..LOST_MAX {
            let before = clock.now();
            assert_eq!(retry.lost().await, Ok(()), "{lost}");
            assert!(clock.now() >= before);
        }
        assert_eq!(retry.lost().await, Err(Contended));
        assert!(clock.now() > Timestamp::from_millis(0));
    }
}
