//! The bank account: what it decides, and that any store runs it.

mod decisions;
mod properties;
mod stores;

use bank_account::{AccountOpened, Currency, Money, MoneyDeposited, MoneyWithdrawn};

fn euro(minor_units: i64) -> Money {
    Money::new(minor_units, Currency::new("EUR").expect("a code"))
}

fn dollars(minor_units: i64) -> Money {
    Money::new(minor_units, Currency::new("USD").expect("a code"))
}

fn opened(minor_units: i64) -> bank_account::AccountEvent {
    let owner = "Ada".to_owned();
    let deposit = euro(minor_units);
    AccountOpened { owner, deposit }.into()
}

fn deposited(minor_units: i64) -> bank_account::AccountEvent {
    let amount = euro(minor_units);
    MoneyDeposited { amount }.into()
}

fn withdrawn(minor_units: i64) -> bank_account::AccountEvent {
    let amount = euro(minor_units);
    MoneyWithdrawn { amount }.into()
}
