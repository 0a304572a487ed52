//! Decisions, as given / when / then.

use bank_account::{
    Account, AccountClosed, AccountEvent, Command, Currency, InvalidCurrency, Rejection, State,
};
use envelope::{Event, UnreadableEvent};
use testkit::{given, layout};

use crate::{deposited, dollars, euro, opened, withdrawn};

fn open(minor_units: i64) -> Command {
    Command::Open {
        owner: "Ada".to_owned(),
        deposit: euro(minor_units),
    }
}

#[test]
fn money_goes_in_and_out_and_the_balance_is_what_is_left() {
    let account = given::<Account>([])
        .when(open(1000))
        .then([opened(1000)])
        .when(Command::Withdraw(euro(200)))
        .then([withdrawn(200)])
        .when(Command::Deposit(euro(100)))
        .then([deposited(100)])
        .when(Command::Withdraw(euro(400)))
        .then([withdrawn(400)]);
    assert_eq!(account.state().balance(), Some(euro(500)));
}

#[test]
fn nothing_moves_before_the_account_is_open() {
    for command in [
        Command::Deposit(euro(1)),
        Command::Withdraw(euro(1)),
        Command::Close,
    ] {
        given::<Account>([])
            .when(command)
            .then_rejected(Rejection::NotOpen);
    }
}

#[test]
fn opening_again_changes_nothing_and_with_other_details_is_refused() {
    let used = given::<Account>([opened(1000), withdrawn(200)]);
    used.clone().when(open(1000)).then_nothing();
    used.clone()
        .when(open(999))
        .then_rejected(Rejection::AlreadyOpen);
    let of_another = Command::Open {
        owner: "Eve".to_owned(),
        deposit: euro(1000),
    };
    used.when(of_another).then_rejected(Rejection::AlreadyOpen);
}

#[test]
fn no_more_is_taken_out_than_is_there() {
    given::<Account>([opened(1000)])
        .when(Command::Withdraw(euro(1001)))
        .then_rejected(Rejection::InsufficientFunds {
            balance: euro(1000),
            wanted: euro(1001),
        })
        .when(Command::Withdraw(euro(1000)))
        .then([withdrawn(1000)]);
}

#[test]
fn an_amount_is_positive_and_in_the_currency_of_the_account() {
    for nothing in [0, -1, i64::MIN] {
        given::<Account>([])
            .when(open(nothing))
            .then_rejected(Rejection::AmountNotPositive);
        given::<Account>([opened(1000)])
            .when(Command::Deposit(euro(nothing)))
            .then_rejected(Rejection::AmountNotPositive)
            .when(Command::Withdraw(euro(nothing)))
            .then_rejected(Rejection::AmountNotPositive);
    }
    given::<Account>([opened(1000)])
        .when(Command::Deposit(dollars(1)))
        .then_rejected(Rejection::OtherCurrency)
        .when(Command::Withdraw(dollars(1)))
        .then_rejected(Rejection::OtherCurrency);
}

#[test]
fn a_balance_that_cannot_be_counted_is_refused() {
    given::<Account>([opened(i64::MAX)])
        .when(Command::Deposit(euro(1)))
        .then_rejected(Rejection::TooMuch);
}

#[test]
fn only_an_empty_account_is_closed_and_it_stays_closed() {
    let closed = given::<Account>([opened(1000)])
        .when(Command::Close)
        .then_rejected(Rejection::NotEmpty {
            balance: euro(1000),
        })
        .when(Command::Withdraw(euro(1000)))
        .then([withdrawn(1000)])
        .when(Command::Close)
        .then([AccountClosed {}.into()]);
    assert_eq!(closed.state(), State::Closed);
    let closed = closed.when(Command::Close).then_nothing();
    for command in [
        open(1000),
        Command::Deposit(euro(1)),
        Command::Withdraw(euro(1)),
    ] {
        closed
            .clone()
            .when(command)
            .then_rejected(Rejection::Closed);
    }
}

#[test]
fn an_account_that_was_opened_before_there_were_currencies_is_in_euros() {
    let old = serde_json::json!({"owner": "Ada", "cents": 1000});
    let account = given::<Account>([]).stored("AccountOpened", 1, &old);
    assert_eq!(account.state(), given::<Account>([opened(1000)]).state());
    account
        .when(Command::Withdraw(dollars(200)))
        .then_rejected(Rejection::OtherCurrency)
        .when(Command::Withdraw(euro(200)))
        .then([withdrawn(200)]);
}

#[test]
fn an_old_event_of_another_shape_is_not_read_as_something_else() {
    let shapes = [
        serde_json::json!(1000),
        serde_json::json!({"owner": "Ada"}),
        serde_json::json!({"owner": "Ada", "cents": "1000"}),
    ];
    for shape in shapes {
        let read = AccountEvent::decode("AccountOpened", 1, &shape);
        assert!(
            matches!(read, Err(UnreadableEvent::Shape { .. })),
            "{read:?}"
        );
    }
}

#[test]
fn a_currency_has_three_capital_letters_wherever_it_comes_from() {
    for wrong in ["", "eur", "EU", "EURO", "E R", "€"] {
        assert_eq!(Currency::new(wrong), Err(InvalidCurrency), "{wrong}");
        let json = serde_json::json!(wrong);
        assert!(serde_json::from_value::<Currency>(json).is_err(), "{wrong}");
    }
}

#[test]
fn the_layout_digest_of_the_state_is_up_to_date() {
    layout::assert_up_to_date::<Account>();
}
