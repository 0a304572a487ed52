//! Medians, percentiles and prices.

use std::time::Duration;

use serde::Serialize;
use testkit::Usage;

/// On-demand list prices in us-east-1, in USD per million request units
/// (<https://aws.amazon.com/dynamodb/pricing/on-demand/>).
pub(crate) const USD_PER_MILLION_WRITES: f64 = 0.625;
/// See [`USD_PER_MILLION_WRITES`]. A unit is a strongly consistent read of 4 KB, or an eventual one of 8 KB.
pub(crate) const USD_PER_MILLION_READS: f64 = 0.125;

/// What one command, or one load, takes of the table service.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cost {
    pub(crate) requests: f64,
    pub(crate) write_units: f64,
    pub(crate) read_units: f64,
    pub(crate) bytes_sent: f64,
    pub(crate) usd_per_million: f64,
}

impl Cost {
    /// The usage of so many commands, for one.
    pub(crate) fn each(usage: Usage, commands: usize) -> Self {
        let each = |total: f64| total / commands as f64;
        let (write_units, read_units) = (each(usage.write_units), each(usage.read_units));
        Self {
            requests: each(f64::from(usage.requests)),
            write_units,
            read_units,
            bytes_sent: each(usage.bytes_sent as f64),
            usd_per_million: write_units * USD_PER_MILLION_WRITES
                + read_units * USD_PER_MILLION_READS,
        }
    }
}

/// How long things took.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Speed {
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

impl Speed {
    /// From the time of each, and of all together.
    pub(crate) fn of(each: &[Duration], all: Duration) -> Self {
        let mut millis: Vec<f64> = each.iter().map(|one| one.as_secs_f64() * 1e3).collect();
        millis.sort_by(f64::total_cmp);
        Self {
            per_second: each.len() as f64 / all.as_secs_f64(),
            p50_ms: percentile(&millis, 50),
            p99_ms: percentile(&millis, 99),
        }
    }

    /// The median of each number over the rounds.
    pub(crate) fn median(rounds: &[Self]) -> Self {
        let of = |field: fn(&Self) -> f64| median(rounds.iter().map(field));
        Self {
            per_second: of(|speed| speed.per_second),
            p50_ms: of(|speed| speed.p50_ms),
            p99_ms: of(|speed| speed.p99_ms),
        }
    }
}

/// The smallest number that so many in a hundred do not exceed; 0 if there is none.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or_default()
}

/// The number in the middle, or the mean of the two; 0 if there is none.
pub(crate) fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = numbers.collect();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = (sorted.len().saturating_sub(1) / 2, sorted.len() / 2);
    match (sorted.get(low), sorted.get(high)) {
        (Some(low), Some(high)) => f64::midpoint(*low, *high),
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), 2.5);
        assert_eq!(median([].into_iter()), 0.0);
    }

    #[test]
    fn the_99th_percentile_of_a_hundred_is_the_second_largest() {
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(percentile(&hundred, 99), 99.0);
        assert_eq!(percentile(&hundred, 50), 50.0);
        assert_eq!(percentile(&hundred[..1], 99), 1.0);
    }

    #[test]
    fn a_million_commands_of_one_write_and_half_a_read_cost_what_the_price_list_says() {
        let usage = Usage {
            requests: 20,
            write_units: 10.0,
            read_units: 5.0,
            ..Usage::default()
        };
        let cost = Cost::each(usage, 10);
        assert_eq!(cost.requests, 2.0);
        assert!((cost.usd_per_million - 0.6875).abs() < 1e-9);
    }
}
