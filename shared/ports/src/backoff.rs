//! How long to wait before trying again: exponential, with full jitter.

use std::time::Duration;

/// How waits grow. A wait is drawn evenly from zero to a limit; the limit starts at `base_ms`, is
/// multiplied by `factor` for each attempt, and ends at `cap_ms`.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    base_ms: u64,
    factor: u64,
    cap_ms: u64,
}

impl Backoff {
    /// Between attempts against other writers: about as long as they take to write.
    pub const RACE: Self = Self {
        base_ms: 5,
        factor: 2,
        cap_ms: 400,
    };

    /// Between attempts within one invocation against a service that is throttled or in trouble.
    pub const IN_PROCESS: Self = Self {
        base_ms: 20,
        factor: 2,
        cap_ms: 1_000,
    };

    /// Between deliveries of a message: 2, 8, 32, 128 s at most, and so on up to 15 minutes.
    pub const REDELIVERY: Self = Self {
        base_ms: 2_000,
        factor: 4,
        cap_ms: 900_000,
    };

    /// The wait before retry number `retry` (from 0). `seed` tells apart those who wait at the same
    /// time; the same seed waits the same, so that a simulation repeats exactly.
    #[must_use]
    pub fn wait(self, retry: u32, seed: u64) -> Duration {
        let grown = self
            .base_ms
            .saturating_mul(self.factor.saturating_pow(retry));
        let limit = grown.min(self.cap_ms);
        // SplitMix64: one step is enough to spread seeds that differ in one bit.
        let mut x = seed.wrapping_add(u64::from(retry).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Duration::from_millis((x ^ (x >> 31)) % (limit + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_the_cap_and_differ_between_waiters() {
        for backoff in [Backoff::RACE, Backoff::IN_PROCESS, Backoff::REDELIVERY] {
            let waits = |retry| (0..500).map(move |seed| backoff.wait(retry, seed));
            let longest = |retry| waits(retry).max().expect("some");
            assert!(longest(0) <= Duration::from_millis(backoff.base_ms));
            assert!(longest(3) > longest(0));
            assert!(longest(90) <= Duration::from_millis(backoff.cap_ms));
            assert_ne!(backoff.wait(5, 1), backoff.wait(5, 2));
        }
    }
}
