//! The stored form is pinned: streams that were written years ago are read by it.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use envelope::{Cause, CommandId, EventId};
use event_store::{Joined, Recorded};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn commit(cause: &Cause, events: Vec<Recorded>) -> Commit {
    Commit {
        stream: StreamId::new("Order", "ord-1").expect("an id"),
        first: Version::new(7),
        commit_id: cause.commit_id().clone(),
        time: Timestamp::from_millis(1_795_212_345_678),
        metadata: cause.metadata(),
        events,
        joined: vec![],
        payload: None,
        carried: None,
    }
}

fn recorded(event_type: &str, schema_version: u32, data: Value) -> Recorded {
    Recorded {
        event_id: None,
        event_type: event_type.to_owned(),
        schema_version,
        data,
    }
}

/// Everything that a commit can have.
fn full() -> Commit {
    let command = Cause::command(&CommandId::new("place-1").expect("an id"));
    let placed = commit(&command, vec![recorded("OrderPlaced", 1, json!({}))]);
    let cause = Cause::reaction(&placed.envelopes()[0], "conclude-order").expect("a short story");
    let own = EventId::new("evt-1").expect("an id");
    let mut full = commit(
        &cause,
        vec![
            Recorded {
                event_id: Some(own),
                ..recorded("OrderShipped", 2, json!({"carrier": "sandbox"}))
            },
            recorded("OrderFulfilled", 1, json!({"orderId": "ord-1"})),
        ],
    );
    full.metadata.causation_id = Some("another".to_owned());
    full.metadata.extra = BTreeMap::from([("tenant".to_owned(), json!("zürich"))]);
    full.carried = Some(Carried {
        layout: 3_141_592_653,
        state: br#"{"status":"SHIPPED"}"#.to_vec(),
        recent: Recent::from_digests(vec![1, u64::MAX]),
    });
    let other = Cause::command(&CommandId::new("place-2").expect("an id"));
    full.events.push(recorded("OrderPlaced", 1, json!({})));
    full.joined = vec![Joined {
        events: 1,
        commit_id: other.commit_id().clone(),
        metadata: other.metadata(),
    }];
    full
}

/// The item as the protocol writes it, with binary JSON shown as text.
fn readable(item: &Item) -> BTreeMap<&str, Value> {
    let shown = |value: &AttributeValue| match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(number) => json!({ "N": number }),
        AttributeValue::B(blob) => match serde_json::from_slice::<Value>(blob.as_ref()) {
            Ok(_) => json!({ "B (text)": String::from_utf8_lossy(blob.as_ref()) }),
            Err(_) => json!({ "B (base64)": BASE64_STANDARD.encode(blob) }),
        },
        other => panic!("commits have no {other:?}"),
    };
    item.iter()
        .map(|(name, value)| (name.as_str(), shown(value)))
        .collect()
}

#[test]
fn a_commit_with_everything_is_stored_as_pinned() {
    insta::assert_json_snapshot!(readable(&encode(&full())));
}

#[test]
fn a_commit_whose_data_is_elsewhere_is_stored_as_pinned() {
    let command = Cause::command(&CommandId::new("place-1").expect("an id"));
    let mut commit = commit(&command, vec![recorded("OrderPlaced", 2, Value::Null); 2]);
    commit.payload = Some("Order#ord-1/7/digest".to_owned());
    insta::assert_json_snapshot!(readable(&encode(&commit)));
}

#[test]
fn a_snapshot_is_stored_as_pinned_and_reads_back() {
    let snapshot = Snapshot {
        version: Version::new(1_234),
        time: Timestamp::from_millis(1_795_212_345_678),
        carried: full().carried.expect("it has everything"),
        payload: Some("Order#ord-1/1234/digest".to_owned()),
    };
    let item = encode_snapshot(&full().stream, &snapshot);
    assert!(is_snapshot(&item) && !is_snapshot(&encode(&full())));
    assert_eq!(decode_snapshot(&item), Some(snapshot));
    insta::assert_json_snapshot!(readable(&item));
    for name in ["u", "t", "h", "s", "r", "b"] {
        let mut garbled = item.clone();
        garbled.insert(name.to_owned(), AttributeValue::Null(true));
        assert_eq!(decode_snapshot(&garbled), None, "{name}");
    }
}

#[test]
fn what_follows_from_the_commit_id_is_not_stored() {
    let command = Cause::command(&CommandId::new("place-1").expect("an id"));
    let commit = commit(
        &command,
        vec![recorded("OrderPlaced", 1, json!({"orderId": "ord-1"}))],
    );
    insta::assert_json_snapshot!(readable(&encode(&commit)));
}

#[test]
fn an_attribute_that_is_missing_or_garbled_makes_the_commit_corrupt() {
    let garbage = [
        AttributeValue::Null(true),
        AttributeValue::S(String::new()),
        AttributeValue::N("-1".to_owned()),
        AttributeValue::N("1.5".to_owned()),
        binary(b"[{\"t\":1}]".to_vec()),
        binary(b"[]".to_vec()),
    ];
    let whole = encode(&full());
    for name in ["p", "v", "e", "c", "t"] {
        let mut item = whole.clone();
        item.remove(name);
        assert_corrupt(&item, name, &format!("attribute `{name}` is missing"));
    }
    for name in ["p", "v", "e", "c", "t", "k", "a", "w", "o", "m", "g", "b"] {
        for value in &garbage {
            let mut item = whole.clone();
            item.insert(name.to_owned(), value.clone());
            // An empty text is how "no causation" is stored.
            if (name, value) != ("a", &AttributeValue::S(String::new())) {
                assert_corrupt(&item, name, "does not have the form");
            }
        }
    }
}

fn assert_corrupt(item: &Item, name: &str, expected: &str) {
    match decode(item) {
        Err(ReadError::Corrupt {
            stream,
            version,
            what,
        }) => {
            assert!(name == "p" || stream == "Order#ord-1", "{name}: {stream}");
            assert!(name == "v" || version == 7, "{name}: {version}");
            assert!(what.contains(expected), "{name}: {what}");
        }
        other => panic!("`{name}` makes it unreadable, not {other:?}"),
    }
}

#[test]
fn a_carried_state_that_is_garbled_is_left_out() {
    for (name, value) in [
        ("h", string("x")),
        ("s", number(1)),
        ("r", binary(vec![1; 9])),
    ] {
        let mut item = encode(&full());
        item.insert(name.to_owned(), value);
        let decoded = decode(&item).expect("the events are whole");
        assert_eq!(
            decoded,
            Commit {
                carried: None,
                ..full()
            },
            "{name}"
        );
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(".{0,6}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

prop_compose! {
    fn any_recorded()(
        event_id in prop::option::of("[a-zA-Z0-9äöü/:.-]{1,40}"),
        event_type in ".{0,20}",
        schema_version in any::<u32>(),
        data in json_value(),
    ) -> Recorded {
        let event_id = event_id.map(|id| EventId::new(id).expect("an id"));
        Recorded { event_id, event_type, schema_version, data }
    }
}

prop_compose! {
    fn any_metadata()(
        correlation_id in "[a-z0-9-]{1,40}",
        causation_id in prop::option::of("[a-z0-9/-]{1,40}"),
        trace in prop::option::of((1..=u128::MAX, 1..=u64::MAX)),
        hops in prop_oneof![Just(0), any::<u32>()],
        extra in prop::collection::btree_map("[a-z]{1,8}", json_value(), 0..3),
    ) -> Metadata {
        Metadata {
            correlation_id: CorrelationId::new(correlation_id).expect("an id"),
            causation_id,
            traceparent: trace.map(|(trace_id, span_id)| Traceparent::start(trace_id, span_id)),
            hops,
            seal: None,
            extra,
        }
    }
}

prop_compose! {
    fn any_commit()(
        id in "[a-zA-Z0-9 äöü/:.-]{0,20}[a-z]",
        first in 1..=u64::MAX / 2,
        commit_id in "[a-z0-9-]{1,36}(/[a-z-]{1,20})?",
        millis in 0..253_402_300_799_999_i64,
        metadata in any_metadata(),
        events in prop::collection::vec(any_recorded(), 1..5),
        carried in prop::option::of((
            any::<u32>(),
            prop::collection::vec(any::<u8>(), 0..40),
            prop::collection::vec(any::<u64>(), 0..=8),
        )),
    ) -> Commit {
        Commit {
            stream: StreamId::new("Order", id.trim()).expect("an id"),
            first: Version::new(first),
            commit_id: CommitId::from_stored(commit_id),
            time: Timestamp::from_millis(millis),
            metadata,
            events,
            joined: vec![],
            payload: None,
            carried: carried.map(|(layout, state, recent)| Carried {
                layout,
                state,
                recent: Recent::from_digests(recent),
            }),
        }
    }
}

/// Size by the rules of the Developer Guide, counted on the item itself.
fn billed_bytes(item: &Item) -> usize {
    let value = |value: &AttributeValue| match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(number) => number.trim_end_matches('0').len().div_ceil(2) + 1,
        AttributeValue::B(blob) => blob.as_ref().len(),
        other => panic!("commits have no {other:?}"),
    };
    item.iter()
        .map(|(name, attribute)| name.len() + value(attribute))
        .sum()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_commit_reads_back_as_it_was_written(commit in any_commit()) {
        prop_assert_eq!(decode(&encode(&commit)).expect("readable"), commit);
    }

    #[test]
    fn the_size_estimate_is_at_least_the_items_size_and_at_most_32_bytes_more(commit in any_commit()) {
        let billed = billed_bytes(&encode(&commit));
        let estimate = commit.item_bytes();
        prop_assert!((billed..=billed + 32).contains(&estimate), "{} for {}", estimate, billed);
    }
}
