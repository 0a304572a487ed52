//! The store's estimate of an item's size against what a table bills for it.

use adapter_dynamodb::EventStore;
use envelope::{Aggregate, Cause, CommandId, Timestamp, Version};
use event_store::contract::Tally;
use event_store::{
    Append, Carried, Commit, Joined, RECENT_MAX, Recent, Recorded, SaveSnapshot, Snapshot,
};
use ports::{Ids, RandomIds};
use testkit::{Dynamo, Meter, dynamo};

/// Around each kilobyte step one byte decides about a unit, and so about a state that rides for free.
/// (Only zeros at the end of a number, which the estimate does not look for, are free.)
#[tokio::test]
async fn the_size_estimate_is_what_is_billed() {
    let dynamo = Dynamo::embedded().await;
    let meter = Meter::default();
    let store = EventStore::new(dynamo.metered_client(&meter), dynamo::EVENTS_TABLE);
    for (carries, shared) in [(false, false), (true, false), (true, true)] {
        for step in [1, 2, 5] {
            let empty = commit_padded(0, carries, shared).item_bytes();
            for bytes in step * 1024 - 2..=step * 1024 + 2 {
                let commit = commit_padded(bytes - empty, carries, shared);
                assert_eq!(commit.item_bytes(), bytes);
                meter.take();
                store.append(&commit).await.expect("the place is free");
                let estimate = f64::from(u32::try_from(bytes.div_ceil(1024)).expect("small"));
                let billed = meter.take().write_units;
                assert!((billed - estimate).abs() < 0.01, "{bytes} bytes: {billed}");
            }
        }
    }
}

#[tokio::test]
async fn the_size_estimate_of_a_snapshot_is_what_is_billed() {
    let dynamo = Dynamo::embedded().await;
    let meter = Meter::default();
    let store = EventStore::new(dynamo.metered_client(&meter), dynamo::EVENTS_TABLE);
    for payload in [None, Some("somewhere".to_owned())] {
        let snapshot = |bytes| Snapshot {
            version: Version::new(12_345),
            time: Timestamp::from_millis(1_795_212_345_678),
            carried: Carried {
                layout: 3_141_592_653,
                state: vec![b'x'; bytes],
                recent: Recent::from_digests(vec![1; RECENT_MAX]),
            },
            payload: payload.clone(),
        };
        for bytes in 50 * 1024 - 2..=50 * 1024 + 2 {
            let stream = commit_padded(0, false, false).stream;
            let snapshot = snapshot(bytes - snapshot(0).item_bytes(&stream));
            meter.take();
            assert!(
                store
                    .save_snapshot(&stream, &snapshot)
                    .await
                    .expect("saved")
            );
            let estimate = f64::from(u32::try_from(bytes.div_ceil(1024)).expect("small"));
            let billed = meter.take().write_units;
            assert!((billed - estimate).abs() < 0.01, "{bytes} bytes: {billed}");
        }
    }
}

fn commit_padded(bytes: usize, carries: bool, shared: bool) -> Commit {
    let cause = Cause::command(&CommandId::from_uuid(RandomIds.next()));
    let event = |bytes| Recorded {
        event_id: None,
        event_type: "Added".to_owned(),
        schema_version: 1,
        data: serde_json::Value::String("x".repeat(bytes)),
    };
    let mut events = vec![event(bytes)];
    let mut joined = vec![];
    if shared {
        events.push(event(1));
        joined.push(Joined {
            events: 1,
            commit_id: cause.commit_id().clone(),
            metadata: cause.metadata(),
        });
    }
    Commit {
        stream: Tally::<1>::stream(&RandomIds.next().to_string()).expect("an id"),
        first: Version::new(12_345),
        commit_id: cause.commit_id().clone(),
        time: Timestamp::from_millis(1_795_212_345_678),
        metadata: cause.metadata(),
        events,
        joined,
        payload: shared.then(|| "somewhere".to_owned()),
        carried: carries.then(|| Carried {
            layout: 3_141_592_653,
            state: b"{\"sum\":1}".to_vec(),
            recent: Recent::from_digests(vec![1; RECENT_MAX]),
        }),
    }
}
