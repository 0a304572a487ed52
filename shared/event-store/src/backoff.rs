//! How long to wait before trying again: exponential, with full jitter.

use std::time::Duration;

/// The first wait is drawn from up to this long.
const BASE_MS: u64 = 20;
/// No wait is longer than this.
const CAP_MS: u64 = 1_000;

/// A wait before retry number `attempt` (from 0), drawn evenly from 0 to an exponentially growing
/// limit. `seed` tells apart those who wait at the same time; the same seed waits the same, so that
/// a simulation repeats exactly.
#[must_use]
pub fn backoff(attempt: u32, seed: u64) -> Duration {
    let limit = BASE_MS.saturating_mul(1 << attempt.min(16)).min(CAP_MS);
    // SplitMix64: one step is enough to spread seeds that differ in one bit.
    let mut x = seed.wrapping_add(u64::from(attempt).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    Duration::from_millis((x ^ (x >> 31)) % (limit + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_the_cap_and_differ_between_waiters() {
        let longest = |attempt| {
            (0..500)
                .map(|seed| backoff(attempt, seed))
                .max()
                .expect("some")
        };
        assert!(longest(0) <= Duration::from_millis(BASE_MS));
        assert!(longest(3) > longest(0));
        assert!(longest(40) <= Duration::from_millis(CAP_MS));
        assert_ne!(backoff(5, 1), backoff(5, 2));
    }
}
