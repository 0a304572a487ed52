//! The account: which requests it grants, and what its events add up to.
//!
//! Opening and closing are idempotent by nature: asked twice, they find that there is nothing left
//! to do. A deposit is not, because two equal deposits are two; what tells a repeat from a second
//! one is the id of the command, and that is the store's business.

use envelope::Aggregate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AccountClosed, AccountEvent, AccountOpened, Money, MoneyDeposited, MoneyWithdrawn};

/// Marker of the account aggregate.
#[derive(Debug, Clone, Copy)]
pub struct Account;

/// Where an account stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum State {
    /// Nobody opened it yet.
    #[default]
    Absent,
    /// It is in use.
    Open {
        /// Whose it is.
        owner: String,
        /// What it was opened with, which tells a repeat of the opening from another one.
        opened_with: Money,
        /// What is in it.
        balance: Money,
    },
    /// It was closed, and stays so.
    Closed,
}

/// Requests to an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Open it with a first deposit.
    Open {
        /// Whose it is.
        owner: String,
        /// What is put in.
        deposit: Money,
    },
    /// Put money in.
    Deposit(Money),
    /// Take money out.
    Withdraw(Money),
    /// Close it.
    Close,
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Nobody opened the account.
    #[error("the account is not open")]
    NotOpen,
    /// It was opened before, by somebody else or with something else.
    #[error("the account is open already, with other details")]
    AlreadyOpen,
    /// It was closed.
    #[error("the account is closed")]
    Closed,
    /// Nothing, or less, was to be moved.
    #[error("an amount must be positive")]
    AmountNotPositive,
    /// The account is in another currency; nothing is converted here.
    #[error("the account is in another currency")]
    OtherCurrency,
    /// More was asked for than is there.
    #[error("the balance is {balance}, and {wanted} were asked for")]
    InsufficientFunds {
        /// What is there.
        balance: Money,
        /// What was asked for.
        wanted: Money,
    },
    /// The balance would be more than can be counted.
    #[error("the balance would be too large to count")]
    TooMuch,
    /// Only an empty account is closed: money that nobody took out would be gone.
    #[error("the account still holds {balance}")]
    NotEmpty {
        /// What is there.
        balance: Money,
    },
}

impl Aggregate for Account {
    type State = State;
    type Event = AccountEvent;
    type Command = Command;
    type Rejection = Rejection;
    const TYPE: &'static str = "Account";
    const LAYOUT: u32 = 0x1b37_1731;

    fn decide(state: &State, command: &Command) -> Result<Vec<AccountEvent>, Rejection> {
        let (owner, opened_with, balance) = match (state, command) {
            (State::Absent, Command::Open { owner, deposit }) => return open(owner, *deposit),
            (State::Absent, _) => return Err(Rejection::NotOpen),
            (State::Closed, Command::Close) => return Ok(vec![]),
            (State::Closed, _) => return Err(Rejection::Closed),
            (
                State::Open {
                    owner,
                    opened_with,
                    balance,
                },
                _,
            ) => (owner, *opened_with, *balance),
        };
        match command {
            Command::Open {
                owner: other,
                deposit,
            } if other == owner && *deposit == opened_with => Ok(vec![]),
            Command::Open { .. } => Err(Rejection::AlreadyOpen),
            Command::Deposit(amount) => deposit(balance, *amount),
            Command::Withdraw(amount) => withdraw(balance, *amount),
            Command::Close if balance.minor_units == 0 => Ok(vec![AccountClosed {}.into()]),
            Command::Close => Err(Rejection::NotEmpty { balance }),
        }
    }

    fn evolve(state: State, event: &AccountEvent) -> State {
        match event {
            AccountEvent::AccountOpened(opened) => State::Open {
                owner: opened.owner.clone(),
                opened_with: opened.deposit,
                balance: opened.deposit,
            },
            AccountEvent::MoneyDeposited(e) => state.moved(e.amount.minor_units),
            AccountEvent::MoneyWithdrawn(e) => state.moved(e.amount.minor_units.saturating_neg()),
            AccountEvent::AccountClosed(_) => State::Closed,
        }
    }
}

impl State {
    /// What is in the account, unless it is not open.
    #[must_use]
    pub fn balance(&self) -> Option<Money> {
        match self {
            Self::Open { balance, .. } => Some(*balance),
            Self::Absent | Self::Closed => None,
        }
    }

    /// A fold takes what happened as it is: every rule was applied when it was decided.
    fn moved(mut self, minor_units: i64) -> Self {
        if let Self::Open { balance, .. } = &mut self {
            balance.minor_units = balance.minor_units.saturating_add(minor_units);
        }
        self
    }
}

fn open(owner: &str, deposit: Money) -> Result<Vec<AccountEvent>, Rejection> {
    positive(deposit)?;
    let owner = owner.to_owned();
    Ok(vec![AccountOpened { owner, deposit }.into()])
}

fn deposit(balance: Money, amount: Money) -> Result<Vec<AccountEvent>, Rejection> {
    in_currency_of(balance, amount)?;
    let sum = balance.minor_units.checked_add(amount.minor_units);
    sum.ok_or(Rejection::TooMuch)?;
    Ok(vec![MoneyDeposited { amount }.into()])
}

fn withdraw(balance: Money, amount: Money) -> Result<Vec<AccountEvent>, Rejection> {
    in_currency_of(balance, amount)?;
    if amount.minor_units > balance.minor_units {
        let wanted = amount;
        return Err(Rejection::InsufficientFunds { balance, wanted });
    }
    Ok(vec![MoneyWithdrawn { amount }.into()])
}

fn in_currency_of(balance: Money, amount: Money) -> Result<(), Rejection> {
    positive(amount)?;
    let same = amount.currency == balance.currency;
    same.then_some(()).ok_or(Rejection::OtherCurrency)
}

fn positive(amount: Money) -> Result<(), Rejection> {
    let is = amount.minor_units > 0;
    is.then_some(()).ok_or(Rejection::AmountNotPositive)
}
