//! The same account on every store: nothing in a store knows what it stores.

use adapter_dynamodb::EventStore;
use bank_account::{Account, Command, Rejection};
use envelope::{Cause, CommandId, Version};
use event_store::{Append, Decider, ExecuteError, Load, Memory, Outcome};
use ports::{Consistency, SystemClock};
use testkit::{Dynamo, Meter, Usage, dynamo};

use crate::euro;

fn cause(id: &str) -> Cause {
    Cause::command(&CommandId::new(id).expect("an id"))
}

/// Opened 1000, withdrawn 200, deposited 100, withdrawn 400, and every command delivered twice.
async fn five_hundred_are_left<S: Load + Append>(store: S) {
    let accounts = Decider::<Account, _, _>::new(store.clone(), SystemClock);
    let commands = [
        Command::Open {
            owner: "Ada".to_owned(),
            deposit: euro(1000),
        },
        Command::Withdraw(euro(200)),
        Command::Deposit(euro(100)),
        Command::Withdraw(euro(400)),
    ];
    for (number, command) in commands.iter().enumerate() {
        let cause = cause(&format!("command-{number}"));
        for expected in [Outcome::Applied, Outcome::Duplicate] {
            let executed = accounts.execute("ada", &cause, command).await;
            let executed = executed.expect("granted");
            assert_eq!(executed.outcome, expected, "{command:?}");
        }
    }
    let refused = accounts
        .execute("ada", &cause("too-much"), &Command::Withdraw(euro(501)))
        .await;
    let Err(ExecuteError::Rejected(rejection)) = refused else {
        panic!("not refused: {refused:?}");
    };
    let (balance, wanted) = (euro(500), euro(501));
    let expected = Rejection::InsufficientFunds { balance, wanted };
    assert_eq!(rejection, expected);

    // As another process finds it: nothing is in its cache.
    let elsewhere = Decider::<Account, _, _>::new(store, SystemClock);
    let loaded = elsewhere.load("ada", Consistency::Strong).await;
    let loaded = loaded.expect("readable");
    assert_eq!(loaded.version, Version::new(4));
    assert_eq!(loaded.state.balance(), Some(euro(500)));
}

#[tokio::test]
async fn five_hundred_are_left_in_memory() {
    five_hundred_are_left(Memory::default()).await;
}

#[tokio::test]
async fn five_hundred_are_left_on_dynamodb() {
    let dynamo = Dynamo::embedded().await;
    five_hundred_are_left(EventStore::new(dynamo.client(), dynamo::EVENTS_TABLE)).await;
}

#[tokio::test]
async fn a_command_costs_what_the_readme_says() {
    let dynamo = Dynamo::embedded().await;
    let meter = Meter::default();
    let process = || {
        let store = EventStore::new(dynamo.metered_client(&meter), dynamo::EVENTS_TABLE);
        Decider::<Account, _, _>::new(store, SystemClock)
    };
    let open = Command::Open {
        owner: "Ada".to_owned(),
        deposit: euro(1000),
    };
    let first = process();
    first
        .execute("ada", &cause("open"), &open)
        .await
        .expect("granted");
    meter.take();
    let deposit = Command::Deposit(euro(1));
    for (decider, requests, read_units) in [(&first, 1, 0.0), (&process(), 2, 0.5)] {
        let cause = cause(&format!("with-{requests}"));
        decider
            .execute("ada", &cause, &deposit)
            .await
            .expect("granted");
        let usage = meter.take();
        let expected = Usage {
            requests,
            failed: 0,
            write_units: 1.0,
            read_units,
            bytes_sent: usage.bytes_sent,
        };
        assert_eq!(usage, expected);
    }
}
