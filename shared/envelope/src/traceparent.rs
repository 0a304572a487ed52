//! W3C trace context, and its translation to the header of AWS X-Ray.
//!
//! The span of a commit is derived from the commit's id, not drawn at random: a reaction that runs
//! twice then continues the same span, and the crate needs no source of randomness.
//! Formats: <https://www.w3.org/TR/trace-context/> and
//! <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>.

use serde::{Deserialize, Serialize};

/// A `traceparent` of version 00: trace id, parent (span) id and flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Traceparent {
    trace_id: u128,
    span_id: u64,
    flags: u8,
}

/// A text that is not a `traceparent`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a W3C traceparent: {0:?}")]
pub struct InvalidTraceparent(String);

impl Traceparent {
    /// A new, sampled trace whose ids come from 192 bits that the caller derived or drew.
    #[must_use]
    pub fn start(trace_id: u128, span_id: u64) -> Self {
        Self {
            trace_id: trace_id.max(1),
            span_id: span_id.max(1),
            flags: 1,
        }
    }

    /// The same trace, one span further down.
    #[must_use]
    pub fn child(self, span_id: u64) -> Self {
        Self {
            span_id: span_id.max(1),
            ..self
        }
    }

    /// Trace id, span id and flags, as stored.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 25] {
        let mut bytes = [0; 25];
        bytes[..16].copy_from_slice(&self.trace_id.to_be_bytes());
        bytes[16..24].copy_from_slice(&self.span_id.to_be_bytes());
        bytes[24] = self.flags;
        bytes
    }

    /// Reads the form of [`to_bytes`](Traceparent::to_bytes).
    ///
    /// # Errors
    /// [`InvalidTraceparent`] when there are not 25 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidTraceparent> {
        let fail = || InvalidTraceparent(format!("{} bytes", bytes.len()));
        let bytes: &[u8; 25] = bytes.try_into().map_err(|_| fail())?;
        let (trace_id, rest) = bytes.split_first_chunk().ok_or_else(fail)?;
        let (span_id, _) = rest.split_first_chunk().ok_or_else(fail)?;
        Ok(Self {
            trace_id: u128::from_be_bytes(*trace_id),
            span_id: u64::from_be_bytes(*span_id),
            flags: bytes[24],
        })
    }

    /// The value for the `TraceHeader` of a PutEvents entry.
    #[must_use]
    pub fn to_xray_header(self) -> String {
        let id = format!("{:032x}", self.trace_id);
        let sampled = self.flags & 1;
        format!(
            "Root=1-{}-{};Parent={:016x};Sampled={sampled}",
            &id[..8],
            &id[8..],
            self.span_id
        )
    }
}

impl std::fmt::Display for Traceparent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "00-{:032x}-{:016x}-{:02x}",
            self.trace_id, self.span_id, self.flags
        )
    }
}

impl From<Traceparent> for String {
    fn from(parent: Traceparent) -> Self {
        parent.to_string()
    }
}

impl TryFrom<String> for Traceparent {
    type Error = InvalidTraceparent;

    fn try_from(text: String) -> Result<Self, InvalidTraceparent> {
        parse(&text).ok_or(InvalidTraceparent(text))
    }
}

fn parse(text: &str) -> Option<Traceparent> {
    let mut parts = text.split('-');
    let version = hex(parts.next()?, 2)?;
    let trace_id = hex(parts.next()?, 32)?;
    let span_id = hex(parts.next()?, 16)?;
    let flags = hex(parts.next()?, 2)?;
    // Later versions may append parts; version 00 has none, and ff is forbidden.
    let well_formed = version != 0xff && (version != 0 || parts.next().is_none());
    (well_formed && trace_id != 0 && span_id != 0).then_some(Traceparent {
        trace_id,
        span_id: u64::try_from(span_id).ok()?,
        flags: u8::try_from(flags).ok()?,
    })
}

fn hex(text: &str, digits: usize) -> Option<u128> {
    let lower =
        text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    lower.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn the_example_of_the_standard_reads_back_and_becomes_an_xray_header() {
        let parent = Traceparent::try_from(EXAMPLE.to_owned()).expect("valid");
        assert_eq!(parent.to_string(), EXAMPLE);
        assert_eq!(Traceparent::from_bytes(&parent.to_bytes()), Ok(parent));
        assert_eq!(
            parent.to_xray_header(),
            "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1"
        );
    }

    #[test]
    fn malformed_and_all_zero_ids_are_refused() {
        let long = format!("{EXAMPLE}-00");
        for text in [
            "",
            "00-0-0-0",
            &EXAMPLE.to_uppercase(),
            &EXAMPLE.replace("00f067aa0ba902b7", "0000000000000000"),
            &long,
        ] {
            assert!(Traceparent::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
