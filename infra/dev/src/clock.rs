//! Times as the store and the logs have them: milliseconds since 1970.

use time::OffsetDateTime;
use time::macros::format_description;

/// The time.
pub(crate) fn now_millis() -> i64 {
    (OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000) as i64
}

/// The time of day, in UTC as in the events.
pub(crate) fn time_of_day(millis: i64) -> String {
    let format = format_description!("[hour]:[minute]:[second].[subsecond digits:3]");
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000)
        .ok()
        .and_then(|time| time.format(format).ok())
        .unwrap_or_else(|| millis.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_of_the_day() {
        assert_eq!(time_of_day(1_767_225_600_123), "00:00:00.123");
    }
}
