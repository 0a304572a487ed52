//! Whatever is asked of an account, in whatever order.

use bank_account::{Account, AccountEvent, Command, State};
use envelope::Aggregate;
use proptest::prelude::*;

use crate::{dollars, euro};

/// Amounts of all kinds: such that fit, such that do not, none, and the limits of what is counted.
fn amount() -> impl Strategy<Value = i64> {
    prop_oneof![8 => 1..1000_i64, 1 => -5..=0_i64, 1 => Just(i64::MAX), 1 => Just(i64::MIN)]
}

fn command() -> impl Strategy<Value = Command> {
    let money = (amount(), prop::bool::weighted(0.9))
        .prop_map(|(units, euros)| if euros { euro(units) } else { dollars(units) });
    (0..10, money).prop_map(|(kind, money)| match kind {
        0 => Command::Close,
        1 | 2 => Command::Open {
            owner: "Ada".to_owned(),
            deposit: money,
        },
        3..=5 => Command::Deposit(money),
        _ => Command::Withdraw(money),
    })
}

/// What the events add up to, counted apart from the fold, and wide enough for any sum.
fn sum(events: &[AccountEvent]) -> i128 {
    let changes = events.iter().map(|event| match event {
        AccountEvent::AccountOpened(e) => i128::from(e.deposit.minor_units),
        AccountEvent::MoneyDeposited(e) => i128::from(e.amount.minor_units),
        AccountEvent::MoneyWithdrawn(e) => -i128::from(e.amount.minor_units),
        AccountEvent::AccountClosed(_) => 0,
    });
    changes.sum()
}

proptest! {
    #[test]
    fn the_balance_is_never_negative_and_always_the_sum_of_what_was_applied(
        commands in prop::collection::vec(command(), 0..60)
    ) {
        let mut state = State::default();
        let mut applied = Vec::new();
        for command in &commands {
            let events = Account::decide(&state, command).unwrap_or_default();
            state = events.iter().fold(state, Account::evolve);
            applied.extend(events);
            let sum = sum(&applied);
            prop_assert!(sum >= 0, "{sum} after {command:?}");
            match state.balance() {
                Some(balance) => prop_assert_eq!(i128::from(balance.minor_units), sum),
                None => prop_assert_eq!(sum, 0, "no account holds money after {:?}", command),
            }
        }
    }
}
