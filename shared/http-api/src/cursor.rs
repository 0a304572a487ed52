//! Places that answers give out and requests bring back.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A place to go on from, as clients get it: opaque to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(String);

impl Cursor {
    /// Of whatever the place is known by.
    ///
    /// # Panics
    /// If that is not JSON.
    pub fn of(place: &impl Serialize) -> Self {
        let json = serde_json::to_vec(place).expect("a place is JSON");
        Self(BASE64_URL_SAFE_NO_PAD.encode(json))
    }

    /// The place in a text that a client brings back; `None` if it is none.
    #[must_use]
    pub fn read<T: DeserializeOwned>(text: &str) -> Option<T> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        serde_json::from_slice(&bytes).ok()
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
