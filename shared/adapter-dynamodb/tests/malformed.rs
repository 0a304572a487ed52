//! A row that cannot be read stops whoever reads it, and the error says which row it is.

use adapter_dynamodb::EventStore;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use envelope::{Aggregate, Cause, CommandId, Version};
use event_store::contract::{Added, Command, Tally};
use event_store::{AppendError, Decider, ExecuteError, Load, LoadError, ReadError, Scan};
use ports::{Consistency, Ids, RandomIds, SystemClock};
use testkit::{Dynamo, dynamo};

type Process = Decider<Tally, EventStore, SystemClock>;

fn process(client: &Client) -> Process {
    Decider::new(
        EventStore::new(client.clone(), dynamo::EVENTS_TABLE),
        SystemClock,
    )
}

async fn add(process: &Process, id: &str) -> Result<(), ExecuteError<event_store::contract::Over>> {
    let cause = Cause::command(&CommandId::from_uuid(RandomIds.next()));
    // No state rides along with a commit of nearly one kilobyte, so that loads read them all.
    let command = Command::Add(vec![Added::amount(1).padded(840)]);
    process.execute(id, &cause, &command).await.map(|_| ())
}

/// Changes one attribute of the commit at a version, behind the store's back.
async fn garble(
    client: &Client,
    id: &str,
    version: u64,
    name: &str,
    value: Option<AttributeValue>,
) {
    let update = client
        .update_item()
        .table_name(dynamo::EVENTS_TABLE)
        .key("p", AttributeValue::S(format!("Tally#{id}")))
        .key("v", AttributeValue::N(version.to_string()))
        .expression_attribute_names("#name", name);
    let update = match value {
        Some(value) => update
            .update_expression("SET #name = :value")
            .expression_attribute_values(":value", value),
        None => update.update_expression("REMOVE #name"),
    };
    update.send().await.expect("the row is there");
}

fn assert_corrupt(error: &ReadError, id: &str, at: u64) {
    match error {
        ReadError::Corrupt {
            stream, version, ..
        } => {
            assert_eq!(
                (stream.as_str(), *version),
                (format!("Tally#{id}").as_str(), at)
            );
        }
        other => panic!("not {other:?}"),
    }
}

#[tokio::test]
async fn a_malformed_row_fails_the_load_and_names_stream_and_version() {
    let garbled = [
        ("e", None),
        ("c", None),
        ("t", Some(AttributeValue::S("yesterday".to_owned()))),
        ("e", Some(AttributeValue::S("[]".to_owned()))),
        ("k", Some(AttributeValue::Bool(true))),
        ("w", Some(AttributeValue::S("00-1-2-03".to_owned()))),
    ];
    for (name, value) in garbled {
        let dynamo = Dynamo::from_env().await;
        let id = &RandomIds.next().to_string();
        let client = dynamo.client();
        let writer = process(&client);
        for _ in 0..3 {
            add(&writer, id).await.expect("applied");
        }
        garble(&client, id, 2, name, value).await;
        for consistency in [Consistency::Eventual, Consistency::Strong] {
            match process(&client).load(id, consistency).await {
                Err(LoadError::Read(error)) => assert_corrupt(&error, id, 2),
                other => {
                    panic!(
                        "`{name}`: the load fails, not {:?}",
                        other.map(|folded| folded.state)
                    )
                }
            }
            let store = EventStore::new(client.clone(), dynamo::EVENTS_TABLE);
            let stream = Tally::<1>::stream(id).expect("an id");
            assert_corrupt(
                &store
                    .read(&stream, Version::ZERO, Version::MAX, consistency)
                    .await
                    .expect_err("corrupt"),
                id,
                2,
            );
        }
        match add(&process(&client), id).await {
            Err(ExecuteError::Load(LoadError::Read(error))) => assert_corrupt(&error, id, 2),
            other => panic!("`{name}`: nothing is decided on half a stream, not {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_malformed_winner_is_named_and_not_overwritten() {
    let dynamo = Dynamo::from_env().await;
    let id = &RandomIds.next().to_string();
    let client = dynamo.client();
    let (behind, other) = (process(&client), process(&client));
    add(&behind, id).await.expect("applied");
    add(&other, id).await.expect("applied");
    garble(&client, id, 2, "e", None).await;
    match add(&behind, id).await {
        Err(ExecuteError::Append(AppendError::Unreadable(error))) => assert_corrupt(&error, id, 2),
        other => panic!("the winner cannot be read, not {other:?}"),
    }
}

#[tokio::test]
async fn a_missing_commit_is_a_hole_and_no_shorter_history() {
    let dynamo = Dynamo::from_env().await;
    let id = &RandomIds.next().to_string();
    let client = dynamo.client();
    let writer = process(&client);
    for _ in 0..3 {
        add(&writer, id).await.expect("applied");
    }
    let removed = client
        .delete_item()
        .table_name(dynamo::EVENTS_TABLE)
        .key("p", AttributeValue::S(format!("Tally#{id}")))
        .key("v", AttributeValue::N("2".to_owned()));
    removed.send().await.expect("the row is there");
    let loaded = process(&client).load(id, Consistency::Eventual).await;
    assert!(
        matches!(loaded, Err(LoadError::History(_))),
        "{:?}",
        loaded.map(|folded| folded.state)
    );
}

#[tokio::test]
async fn a_malformed_row_is_in_its_place_in_a_scan() {
    let dynamo = Dynamo::embedded().await;
    let id = &RandomIds.next().to_string();
    let client = dynamo.client();
    let writer = process(&client);
    for _ in 0..3 {
        add(&writer, id).await.expect("applied");
    }
    garble(&client, id, 2, "e", None).await;
    let store = EventStore::new(client, dynamo::EVENTS_TABLE);
    let page = store.scan(0, 1, None, 10).await.expect("a page");
    match &page.commits[..] {
        [Ok(one), Err(error), Ok(three)] => {
            assert_eq!((one.first.get(), three.first.get()), (1, 3));
            assert_corrupt(error, id, 2);
        }
        other => panic!("not {other:?}"),
    }
    // Three items of nearly a kilobyte are one step of four, at half a unit.
    assert_eq!(page.read_units.to_bits(), 0.5_f64.to_bits());
}
