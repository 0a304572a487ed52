//! The seal: how a function knows that the relay read an event from the store.
//!
//! On AWS the domain bus's own policy lets nobody but the relay publish. The seal is the second
//! lock, and the only one where an emulator does not enforce that policy: an HMAC-SHA-256 over the
//! whole envelope, with a key that only the stack's functions hold. It costs no request. It does not tell the functions apart:
//! whoever holds the key could seal. A sealed event that is sent again is one more delivery of the
//! same event, which consumers expect anyway.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use crate::Envelope;

/// Puts seals on envelopes and checks them.
#[derive(Clone)]
pub struct Sealer(Hmac<Sha256>);

/// An event that did not come from the relay, or was changed on its way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the event's seal is missing or wrong: it was not published by this system's relay")]
pub struct Forged;

impl Sealer {
    /// A sealer with the stack's secret.
    #[must_use]
    pub fn new(key: &[u8]) -> Self {
        Self(Hmac::new_from_slice(key).expect("HMAC takes a key of any length"))
    }

    /// Puts the seal on.
    pub fn seal(&self, envelope: &mut Envelope) {
        envelope.metadata.seal = None;
        let mac = self.mac(envelope).finalize().into_bytes();
        envelope.metadata.seal = Some(mac.iter().map(|byte| format!("{byte:02x}")).collect());
    }

    /// Checks the seal, in constant time.
    ///
    /// # Errors
    /// [`Forged`] when it is missing or does not belong to exactly this envelope.
    pub fn verify(&self, envelope: &Envelope) -> Result<(), Forged> {
        let mut bare = envelope.clone();
        let seal = bare
            .metadata
            .seal
            .take()
            .and_then(|text| unhex(&text))
            .ok_or(Forged)?;
        self.mac(&bare).verify_slice(&seal).map_err(|_| Forged)
    }

    fn mac(&self, envelope: &Envelope) -> Hmac<Sha256> {
        let value = serde_json::to_value(envelope).expect("an envelope is JSON");
        let mut canonical = Vec::with_capacity(1024);
        write_canonical(&value, &mut canonical);
        let mut mac = self.0.clone();
        mac.update(&canonical);
        mac
    }
}

/// Up to here every whole number is a float of its own (2⁵³).
const INTEGERS_MAX: f64 = 9_007_199_254_740_992.0;

/// JSON with sorted keys and no blanks, so that a bus that re-serialises the event breaks no seal.
fn write_canonical(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Array(items) => {
            out.push(b'[');
            for item in items {
                write_canonical(item, out);
                out.push(b',');
            }
            out.push(b']');
        }
        Value::Object(map) => {
            let mut keys: Vec<_> = map.iter().collect();
            keys.sort_unstable_by_key(|(key, _)| *key);
            out.push(b'{');
            for (key, item) in keys {
                write_canonical(&Value::String(key.clone()), out);
                out.push(b':');
                write_canonical(item, out);
                out.push(b',');
            }
            out.push(b'}');
        }
        // A bus may write 100.0 as 100.
        Value::Number(number) if number.is_f64() => {
            let float = number.as_f64().unwrap_or_default();
            let text = if float.fract() == 0.0 && float.abs() < INTEGERS_MAX {
                format!("{float:.0}")
            } else {
                number.to_string()
            };
            out.extend_from_slice(text.as_bytes());
        }
        scalar => serde_json::to_writer(out, scalar).expect("a Vec takes every byte"),
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    let pair = |pair: &[u8]| {
        std::str::from_utf8(pair)
            .ok()
            .and_then(|pair| u8::from_str_radix(pair, 16).ok())
    };
    digits
        .len()
        .is_multiple_of(2)
        .then(|| digits.chunks(2).map(pair).collect())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cause, CommandId, StreamId, Timestamp, Version};

    fn sealed(sealer: &Sealer) -> Envelope {
        let cause = Cause::command(&CommandId::new("c-1").expect("valid"));
        let stream = StreamId::new("Order", "ord-1").expect("valid");
        let mut envelope = Envelope {
            event_id: cause.commit_id().event_id(&stream, 0),
            event_type: "OrderPlaced".into(),
            schema_version: 1,
            timestamp: Timestamp::from_millis(1),
            aggregate_type: "Order".into(),
            aggregate_id: "ord-1".into(),
            version: Version::new(1),
            data: serde_json::json!({"b": 1, "a": [{"y": 2, "x": "ä"}]}),
            metadata: cause.metadata(),
        };
        sealer.seal(&mut envelope);
        envelope
    }

    #[test]
    fn a_sealed_event_survives_a_bus_that_writes_the_json_anew() {
        let sealer = Sealer::new(b"key");
        let text = serde_json::to_string_pretty(&sealed(&sealer)).expect("JSON");
        let read: Envelope = serde_json::from_str(&text).expect("the same envelope");
        assert_eq!(sealer.verify(&read), Ok(()));
    }

    #[test]
    fn numbers_survive_a_bus_that_writes_them_in_another_way() {
        let sealer = Sealer::new(b"key");
        let mut event = sealed(&sealer);
        event.data =
            serde_json::from_str("[100.0, 51.50735091234567, -0.1276e1, 1e300]").expect("JSON");
        sealer.seal(&mut event);
        let text = serde_json::to_string(&event)
            .expect("JSON")
            .replace("100.0", "100");
        let text = text.replace("-1.276", "-12.76e-1");
        let read: Envelope = serde_json::from_str(&text).expect("the same envelope");
        assert_eq!(sealer.verify(&read), Ok(()));
    }

    #[test]
    fn any_change_and_any_other_key_breaks_the_seal() {
        let sealer = Sealer::new(b"key");
        let good = sealed(&sealer);
        assert_eq!(Sealer::new(b"other").verify(&good), Err(Forged));
        let tampered: [fn(&mut Envelope); 5] = [
            |e| e.data["b"] = 2.into(),
            |e| e.aggregate_id = "ord-2".into(),
            |e| e.metadata.hops = 7,
            |e| e.metadata.seal = None,
            |e| e.metadata.seal = Some("zz".into()),
        ];
        for change in tampered {
            let mut bad = good.clone();
            change(&mut bad);
            assert_eq!(sealer.verify(&bad), Err(Forged));
        }
    }
}
