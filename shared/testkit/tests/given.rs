//! What a failed test of a decision says, and what no test of a decision lets pass.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bank_account::{
    Account, AccountClosed, AccountEvent, AccountOpened, Command, Currency, Money, MoneyWithdrawn,
    Rejection,
};
use envelope::{Aggregate, EventData, event_set};
use serde::{Deserialize, Serialize};
use testkit::given;

fn euro(minor_units: i64) -> Money {
    Money::new(minor_units, Currency::new("EUR").expect("a code"))
}

fn opened() -> AccountEvent {
    let owner = "Ada".to_owned();
    let deposit = euro(1000);
    AccountOpened { owner, deposit }.into()
}

fn withdrawn(minor_units: i64) -> AccountEvent {
    let amount = euro(minor_units);
    MoneyWithdrawn { amount }.into()
}

/// What the panic says.
fn message<T>(test: impl FnOnce() -> T) -> String {
    let panic = catch_unwind(AssertUnwindSafe(test)).err();
    let panic = panic.expect("the test fails");
    panic.downcast_ref::<String>().expect("a text").clone()
}

#[test]
fn a_failure_shows_the_history_the_command_both_answers_and_the_fields_that_differ() {
    let said = message(|| {
        given::<Account>([opened()])
            .when(Command::Withdraw(euro(200)))
            .then([withdrawn(300)])
    });
    let expected = r#"Account decided otherwise
given
  1. AccountOpened v2 {"deposit":{"currency":"EUR","minorUnits":1000},"owner":"Ada"}
when
  Withdraw(Money { minor_units: 200, currency: EUR })
expected
  1. MoneyWithdrawn v1 {"amount":{"currency":"EUR","minorUnits":300}}
got
  1. MoneyWithdrawn v1 {"amount":{"currency":"EUR","minorUnits":200}}
difference
  1. amount.minorUnits: expected 300, got 200"#;
    assert_eq!(said, expected);
}

#[test]
fn a_refusal_that_nobody_expected_is_told_with_its_reason() {
    let said = message(|| {
        given::<Account>([])
            .when(Command::Withdraw(euro(200)))
            .then_nothing()
    });
    let ending = "expected\n  nothing\ngot\n  refused: NotOpen (the account is not open)";
    assert!(said.ends_with(ending), "{said}");
}

#[test]
fn events_in_place_of_a_refusal_and_another_refusal_fail() {
    let granted = message(|| {
        given::<Account>([opened()])
            .when(Command::Withdraw(euro(200)))
            .then_rejected(Rejection::NotOpen)
    });
    assert!(granted.contains("got\n  1. MoneyWithdrawn"), "{granted}");
    let other = message(|| {
        given::<Account>([])
            .when(Command::Close)
            .then_rejected(Rejection::Closed)
    });
    assert!(other.contains("got\n  refused: NotOpen"), "{other}");
}

#[test]
fn one_event_too_few_or_too_many_fails() {
    let withdraw = || given::<Account>([opened()]).when(Command::Withdraw(euro(1000)));
    let none: [AccountEvent; 0] = [];
    message(|| withdraw().then(none));
    message(|| withdraw().then([withdrawn(1000), AccountClosed {}.into()]));
    withdraw().then([withdrawn(1000)]);
}

/// An aggregate that stores what it cannot read back, in the way that it is told.
struct Leaky;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Renamed {
    #[serde(rename(serialize = "after", deserialize = "before"))]
    text: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Forgotten {
    #[serde(skip_deserializing)]
    text: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Noted {}

impl EventData for Renamed {
    const TYPE: &'static str = "Renamed";
    const SCHEMA_VERSION: u32 = 1;
}

impl EventData for Forgotten {
    const TYPE: &'static str = "Forgotten";
    const SCHEMA_VERSION: u32 = 1;
}

impl EventData for Noted {
    const TYPE: &'static str = "Noted";
    const SCHEMA_VERSION: u32 = 1;
}

event_set! {
    enum LeakyEvent { Renamed, Forgotten, Noted }
}

#[derive(Debug, Default, Clone, Serialize, Deserialize)]
struct LeakyState {
    #[serde(skip)]
    noted: bool,
}

#[derive(Debug, thiserror::Error)]
#[error("noted before")]
struct NotedBefore;

impl Aggregate for Leaky {
    type State = LeakyState;
    type Event = LeakyEvent;
    type Command = LeakyEvent;
    type Rejection = NotedBefore;
    const TYPE: &'static str = "Leaky";
    const LAYOUT: u32 = 1;

    fn decide(state: &LeakyState, command: &LeakyEvent) -> Result<Vec<LeakyEvent>, NotedBefore> {
        let free = !state.noted;
        free.then(|| vec![command.clone()]).ok_or(NotedBefore)
    }

    fn evolve(mut state: LeakyState, event: &LeakyEvent) -> LeakyState {
        state.noted |= matches!(event, LeakyEvent::Noted(_));
        state
    }
}

#[test]
fn an_event_that_does_not_read_back_fails_wherever_it_stands() {
    let text = "x".to_owned();
    let renamed = LeakyEvent::from(Renamed { text: text.clone() });
    let forgotten = LeakyEvent::from(Forgotten { text });
    let cases = [
        (renamed, "does not read back"),
        (forgotten, "changes when it is stored and read"),
    ];
    for (event, why) in cases {
        let decided = message(|| given::<Leaky>([]).when(event.clone()).then([event.clone()]));
        assert!(decided.contains(why), "{decided}");
        let happened = message(|| given::<Leaky>([event.clone()]));
        assert!(happened.contains(why), "{happened}");
    }
}

#[test]
fn a_decision_rests_on_the_state_as_a_store_gives_it_back() {
    let noted = || LeakyEvent::from(Noted {});
    let said = message(|| {
        given::<Leaky>([noted()])
            .when(noted())
            .then_rejected(NotedBefore)
    });
    assert!(said.contains("got\n  1. Noted"), "{said}");
}
