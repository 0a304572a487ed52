//! A moment, in milliseconds: what DynamoDB stores as one short number and the wire as RFC 3339.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A moment in UTC with millisecond precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// The last millisecond of the year 9999, the latest moment that RFC 3339 can write.
const MILLIS_MAX: i64 = 253_402_300_799_999;

impl Timestamp {
    /// From milliseconds since 1970-01-01T00:00:00Z; outside the years 1970 to 9999 the nearest moment inside.
    #[must_use]
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.clamp(0, MILLIS_MAX))
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// How long ago `earlier` was, in milliseconds; 0 if it is in the future.
    #[must_use]
    pub fn millis_since(self, earlier: Self) -> u64 {
        u64::try_from(self.0 - earlier.0).unwrap_or(0)
    }

    /// Reads RFC 3339 with any offset.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        let millis = i64::try_from(moment.unix_timestamp_nanos() / 1_000_000).ok()?;
        (0..=MILLIS_MAX).contains(&millis).then_some(Self(millis))
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .ok()
            .and_then(|moment| moment.format(&Rfc3339).ok())
            .expect("the range was checked when the timestamp was made");
        f.write_str(&text)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format_args!(
                "a timestamp is RFC 3339 from 1970 on, like 2026-11-21T10:00:00Z, not {text:?}"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_form_is_rfc_3339_in_utc() {
        let moment = Timestamp::parse("2026-11-21T11:00:00.250+01:00").expect("valid");
        assert_eq!(moment.to_string(), "2026-11-21T10:00:00.25Z");
        assert_eq!(Timestamp::parse(&moment.to_string()), Some(moment));
    }

    #[test]
    fn what_is_not_a_moment_is_refused() {
        for text in ["", "2026-11-21", "1969-12-31T23:59:59Z", "yesterday"] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
        assert!(
            Timestamp::from_millis(i64::MAX)
                .to_string()
                .starts_with("9999-12-31")
        );
    }
}
