//! Long streams, rows that cannot be read, and events and states of earlier versions of the domain.

use crate::account::{
    Account, Command, MODES, Mode, Overdrawn, carrying, framework, in_dynamo, stored,
};
use adapter_cqrs_es::Repository;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use cqrs_es::event_sink::EventSink;
use cqrs_es::persist::{
    EventUpcaster, PersistedEventRepository, PersistedEventStore, PersistenceError,
    SemanticVersionEventUpcaster, SerializedEvent,
};
use cqrs_es::{Aggregate, DomainEvent, EventStore as _};
use event_store::{Append, Load, Memory, SaveSnapshot, Scan};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[tokio::test]
async fn a_stream_over_a_megabyte_is_read_whole() {
    let (store, _dynamo) = in_dynamo().await;
    for repository in [carrying(&store), Repository::new(store.clone())] {
        let id = repository_name(&repository, &store);
        let cqrs = framework(&repository, Mode::Events);
        for _ in 0..40 {
            cqrs.execute(&id, Command::Pad(30_000))
                .await
                .expect("applied");
        }
        let all = repository
            .get_events::<Account>(&id)
            .await
            .expect("readable");
        let sequences = all.iter().map(|event| event.sequence);
        assert!(sequences.eq(1..=40), "every event once and in order");
        let tail = repository
            .get_last_events::<Account>(&id, 3)
            .await
            .expect("readable");
        assert_eq!(tail, all[3..]);
        let mut replay = repository
            .stream_events::<Account>(&id)
            .await
            .expect("readable");
        let mut replayed = 0;
        while let Some(event) = replay.next::<Account>(&[]).await {
            replayed += 1;
            assert_eq!(event.expect("readable").sequence, replayed);
        }
        assert_eq!(replayed, 40);
        for mode in MODES {
            let context = stored(repository.clone(), mode).load_aggregate(&id).await;
            assert_eq!(
                context.expect("readable").aggregate.movements,
                40,
                "{mode:?}"
            );
        }
    }
}

/// A stream of its own for each of the two repositories.
fn repository_name<S>(_: &Repository<S>, _: &S) -> String {
    use ports::Ids;
    ports::RandomIds.next().to_string()
}

async fn three_commands_of_two<S: Load + Append + SaveSnapshot + Scan>(store: &S) {
    let cqrs = framework(&Repository::new(store.clone()), Mode::Events);
    for _ in 0..3 {
        cqrs.execute("1", Command::Move(vec![1, 2]))
            .await
            .expect("applied");
    }
}

/// Changes the commit at version 3 behind the store's back.
async fn garble(client: &Client, change: &str, value: Option<AttributeValue>) {
    let key = [
        ("p", AttributeValue::S("account#1".to_owned())),
        ("v", AttributeValue::N("3".to_owned())),
    ];
    let key = key.map(|(name, value)| (name.to_owned(), value));
    let update = client
        .update_item()
        .table_name(testkit::dynamo::EVENTS_TABLE)
        .set_key(Some(key.into()))
        .update_expression(change);
    let update = match value {
        Some(value) => update.expression_attribute_values(":value", value),
        None => update,
    };
    update.send().await.expect("the row is there");
}

fn assert_unreadable<T: std::fmt::Debug>(result: Result<T, PersistenceError>, what: &str) {
    match result {
        Err(PersistenceError::DeserializationError(error)) => {
            let text = error.to_string();
            assert!(text.contains("account#1"), "{what}: {text}");
        }
        other => panic!("{what}: not {other:?}"),
    }
}

/// Every way to read the stream fails, and none skips the row or ends in front of it.
async fn assert_nothing_reads<S: Load + Append + SaveSnapshot + Scan>(store: &S, what: &str) {
    for repository in [carrying(store), Repository::new(store.clone())] {
        assert_unreadable(repository.get_events::<Account>("1").await, what);
        assert_unreadable(repository.get_last_events::<Account>("1", 1).await, what);
        assert_unreadable(repository.get_last_events::<Account>("1", 2).await, what);
        let replay = repository.stream_events::<Account>("1").await;
        assert_unreadable(replay.map(|_| ()), what);
        for mode in MODES {
            let loaded = stored(repository.clone(), mode).load_aggregate("1").await;
            assert!(loaded.is_err(), "{what}: {mode:?}");
        }
    }
    assert_unreadable(carrying(store).get_snapshot::<Account>("1").await, what);
}

#[tokio::test]
async fn a_row_that_cannot_be_read_fails_every_read_of_its_stream() {
    let garbled = [
        ("REMOVE e", None),
        (
            "SET e = :value",
            Some(AttributeValue::B(b"[".to_vec().into())),
        ),
        (
            "SET m = :value",
            Some(AttributeValue::S(
                r#"{"cqrsEs":{"eventVersions":["2.0"]}}"#.to_owned(),
            )),
        ),
        (
            "SET m = :value",
            Some(AttributeValue::S(r#"{"cqrsEs":[]}"#.to_owned())),
        ),
        (
            "SET b = :value",
            Some(AttributeValue::S("elsewhere".to_owned())),
        ),
    ];
    for (change, value) in garbled {
        let (store, dynamo) = in_dynamo().await;
        three_commands_of_two(&store).await;
        let what = format!("{change} {value:?}");
        garble(&dynamo.client(), change, value).await;
        assert_nothing_reads(&store, &what).await;
    }
}

#[tokio::test]
async fn a_row_that_is_missing_is_a_hole_and_no_shorter_history() {
    let (store, dynamo) = in_dynamo().await;
    three_commands_of_two(&store).await;
    let delete = dynamo
        .client()
        .delete_item()
        .table_name(testkit::dynamo::EVENTS_TABLE)
        .key("p", AttributeValue::S("account#1".to_owned()))
        .key("v", AttributeValue::N("3".to_owned()));
    delete.send().await.expect("the row is there");
    assert_nothing_reads(&store, "a hole").await;
}

/// The account in the next release: an event has a currency, and the state counts by currency.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Next {
    balance: i64,
    euros: i64,
    movements: u64,
    #[serde(default)]
    ballast: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum NextMovement {
    Moved {
        amount: i64,
        memo: String,
        #[serde(default)]
        currency: String,
    },
}

impl DomainEvent for NextMovement {
    fn event_type(&self) -> String {
        "Moved".to_owned()
    }

    fn event_version(&self) -> String {
        "2.0.0".to_owned()
    }
}

impl Aggregate for Next {
    const TYPE: &'static str = "account";
    type Command = Command;
    type Event = NextMovement;
    type Error = Overdrawn;
    type Services = ();

    async fn handle(&mut self, _: Command, (): &(), _: &EventSink<Self>) -> Result<(), Overdrawn> {
        Ok(())
    }

    fn apply(&mut self, event: NextMovement) {
        let NextMovement::Moved {
            amount, currency, ..
        } = event;
        self.balance += amount;
        self.euros += if currency == "EUR" { amount } else { 0 };
        self.movements += 1;
    }
}

fn upcasters() -> Vec<Box<dyn EventUpcaster>> {
    let in_euros = |mut payload: Value| {
        payload["Moved"]["currency"] = json!("EUR");
        payload
    };
    let upcaster = SemanticVersionEventUpcaster::new("Moved", "2.0.0", Box::new(in_euros));
    vec![Box::new(upcaster)]
}

#[tokio::test]
async fn events_of_an_earlier_release_are_upcast_whoever_has_the_upcasters() {
    let store = Memory::default();
    // The states that ride along are of the earlier release's layout: they are ignored.
    let cqrs = framework(&carrying(&store), Mode::Aggregates);
    for _ in 0..3 {
        cqrs.execute("1", Command::Move(vec![1, 2]))
            .await
            .expect("applied");
    }
    assert!(
        store
            .log_from(0)
            .iter()
            .all(|commit| commit.carried.is_some())
    );
    let right = Next {
        balance: 9,
        euros: 9,
        movements: 6,
        ballast: String::new(),
    };
    let repositories = [
        Repository::new(store.clone()).carrying_states(upcasters()),
        Repository::new(store.clone()).carrying_states(Vec::new()),
        Repository::new(store.clone()),
    ];
    for repository in repositories {
        for make in [
            PersistedEventStore::new_event_store,
            PersistedEventStore::new_aggregate_store,
            |repository| PersistedEventStore::new_snapshot_store(repository, 2),
        ] {
            let store: PersistedEventStore<_, Next> =
                make(repository.clone()).with_upcasters(upcasters());
            let context = store.load_aggregate("1").await.expect("readable");
            assert_eq!((&context.aggregate, context.current_sequence), (&right, 6));
        }
    }
}

#[tokio::test]
async fn a_state_of_another_revision_is_folded_anew() {
    let store = Memory::default();
    let first = framework(&carrying(&store), Mode::Aggregates);
    first
        .execute("1", Command::Move(vec![4]))
        .await
        .expect("applied");
    // A state that no fold would come to, so that it shows whether it is taken up.
    let stream = envelope::StreamId::new("account", "1").expect("an id");
    let (last, strong) = (envelope::Version::MAX, ports::Consistency::Strong);
    let forged = Memory::default();
    for mut commit in store
        .read(&stream, envelope::Version::ZERO, last, strong)
        .await
        .expect("read")
    {
        let carried = commit.carried.as_mut().expect("it rides for free");
        carried.state = br#"{"balance":99,"movements":1,"ballast":""}"#.to_vec();
        forged.append(&commit).await.expect("free");
    }
    let balance = async |repository: Repository<Memory>| {
        let loaded = stored(repository, Mode::Aggregates)
            .load_aggregate("1")
            .await;
        loaded.expect("readable").aggregate.balance
    };
    assert_eq!(balance(carrying(&forged)).await, 99);
    assert_eq!(balance(carrying(&forged).at_revision(1)).await, 4);
    assert_eq!(balance(Repository::new(forged)).await, 4);
}

#[tokio::test]
async fn what_was_written_is_read_back_to_the_letter() {
    let (store, _dynamo) = in_dynamo().await;
    let event = |sequence, version: &str, metadata: Value| SerializedEvent {
        aggregate_id: "1".to_owned(),
        sequence,
        aggregate_type: "account".to_owned(),
        event_type: "Moved".to_owned(),
        event_version: version.to_owned(),
        payload: json!({"Moved": {"amount": 1.5, "memo": "ä\n"}}),
        metadata,
    };
    let events = [
        event(
            1,
            "1.0",
            json!({"user": "ann", "traceparent": "t", "correlationId": "c"}),
        ),
        event(2, "2", json!({})),
    ];
    let repository = carrying(&store);
    repository
        .persist::<Account>(&events, None)
        .await
        .expect("stored");
    let read = repository
        .get_events::<Account>("1")
        .await
        .expect("readable");
    assert_eq!(read, events);
}
