//! Money: integer minor units with a currency, never a float.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// ISO 4217 alphabetic code, for example `EUR`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(transparent)]
pub struct Currency(#[schemars(regex(pattern = "^[A-Z]{3}$"))] String);

impl Currency {
    /// Takes a code; its shape is checked by the schema at the boundary.
    #[must_use]
    pub fn new(code: impl Into<String>) -> Self {
        Self(code.into())
    }
}

impl std::fmt::Display for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// An amount in minor units (cents) of one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Money {
    /// Minor units: 1999 is 19.99 in a currency with two decimals.
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub amount: i64,
    /// Its currency.
    pub currency: Currency,
}

impl Money {
    /// An amount of minor units.
    #[must_use]
    pub fn new(amount: i64, currency: &str) -> Self {
        Self {
            amount,
            currency: Currency::new(currency),
        }
    }

    /// The sum; `None` when currencies differ or the sum does not fit.
    #[must_use]
    pub fn checked_add(&self, other: &Self) -> Option<Self> {
        let same = self.currency == other.currency;
        let amount = self.amount.checked_add(other.amount)?;
        same.then(|| Self {
            amount,
            currency: self.currency.clone(),
        })
    }

    /// So many times the amount; `None` when it does not fit.
    #[must_use]
    pub fn checked_mul(&self, factor: u32) -> Option<Self> {
        let amount = self.amount.checked_mul(i64::from(factor))?;
        Some(Self {
            amount,
            currency: self.currency.clone(),
        })
    }
}

impl std::fmt::Display for Money {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} (minor units)", self.amount, self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_of_two_currencies_have_no_sum_and_nothing_overflows() {
        let euro = Money::new(1, "EUR");
        assert_eq!(
            euro.checked_add(&Money::new(2, "EUR")),
            Some(Money::new(3, "EUR"))
        );
        assert_eq!(euro.checked_add(&Money::new(2, "USD")), None);
        assert_eq!(Money::new(i64::MAX, "EUR").checked_mul(2), None);
        assert_eq!(Money::new(i64::MAX, "EUR").checked_add(&euro), None);
    }
}
