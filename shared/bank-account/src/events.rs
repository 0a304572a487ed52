//! What can happen to an account.
//!
//! An event says what changed, not what the balance is after it: a sum is derived, and only the
//! fold derives it.

use envelope::{EventData, Upcaster, event_set};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Money;

/// An account was opened with a first deposit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountOpened {
    /// Whose it is.
    pub owner: String,
    /// What was put in. Its currency is the account's for good.
    pub deposit: Money,
}

/// Money was put in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MoneyDeposited {
    /// How much.
    pub amount: Money,
}

/// Money was taken out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MoneyWithdrawn {
    /// How much.
    pub amount: Money,
}

/// The account was closed, empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountClosed {}

impl EventData for AccountOpened {
    const TYPE: &'static str = "AccountOpened";
    const SCHEMA_VERSION: u32 = 2;
    const UPCASTERS: &'static [Upcaster] = &[in_euros];
}

/// Version 1 is of the time when the bank knew one currency: `{"owner": "Ada", "cents": 1000}`.
fn in_euros(mut data: Value) -> Result<Value, &'static str> {
    let opened = data.as_object_mut().ok_or("it is no object")?;
    let cents = opened.remove("cents").ok_or("`cents` is missing")?;
    let deposit = json!({"minorUnits": cents, "currency": "EUR"});
    opened.insert("deposit".to_owned(), deposit);
    Ok(data)
}

impl EventData for MoneyDeposited {
    const TYPE: &'static str = "MoneyDeposited";
    const SCHEMA_VERSION: u32 = 1;
}

impl EventData for MoneyWithdrawn {
    const TYPE: &'static str = "MoneyWithdrawn";
    const SCHEMA_VERSION: u32 = 1;
}

impl EventData for AccountClosed {
    const TYPE: &'static str = "AccountClosed";
    const SCHEMA_VERSION: u32 = 1;
}

event_set! {
    /// What can happen to an account.
    pub enum AccountEvent { AccountOpened, MoneyDeposited, MoneyWithdrawn, AccountClosed }
}
