//! Money: integer minor units of one currency, never a float.
//!
//! A currency is checked when it is read, too: an amount in "euros" that passed as a currency of
//! its own could be added to nothing, for ever.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An alphabetic code of ISO 4217, for example `EUR`.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// A text that is no currency code: it does not have exactly three letters from A to Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a currency code has three letters from A to Z")]
pub struct InvalidCurrency;

impl Currency {
    /// Takes a code.
    ///
    /// # Errors
    /// [`InvalidCurrency`] when it does not have the shape of one. Whether a country has the
    /// currency is not asked.
    pub fn new(code: &str) -> Result<Self, InvalidCurrency> {
        let letters: [u8; 3] = code.as_bytes().try_into().map_err(|_| InvalidCurrency)?;
        let is_code = letters.iter().all(u8::is_ascii_uppercase);
        is_code.then_some(Self(letters)).ok_or(InvalidCurrency)
    }
}

impl TryFrom<String> for Currency {
    type Error = InvalidCurrency;

    fn try_from(code: String) -> Result<Self, InvalidCurrency> {
        Self::new(&code)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.to_string()
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|letter| write!(f, "{}", char::from(*letter)))
    }
}

/// An amount of one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Money {
    /// Cents, or whatever the currency's smallest unit is: 1999 is 19.99 euros.
    pub minor_units: i64,
    /// Its currency.
    pub currency: Currency,
}

impl Money {
    /// An amount of minor units.
    #[must_use]
    pub const fn new(minor_units: i64, currency: Currency) -> Self {
        Self {
            minor_units,
            currency,
        }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} in minor units", self.minor_units, self.currency)
    }
}
