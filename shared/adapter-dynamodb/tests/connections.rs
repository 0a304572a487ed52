//! The contract of the connections' ports: the table and the connections in memory obey the same cases.
//! `EVENT_STORE_TEST_ENDPOINT` names a running DynamoDB to try instead of the embedded one.

use std::collections::BTreeSet;

use adapter_dynamodb::Connections;
use aws_sdk_dynamodb::types::AttributeValue;
use envelope::Timestamp;
use futures::future::{join, join_all};
use ports::{
    CloseConnection, FindSubscribers, Ids, KeepConnections, MemoryConnections, RandomIds, Soon,
    SubscribeError,
};
use testkit::{Dynamo, dynamo};

const MAX: usize = 3;

trait Port: KeepConnections + CloseConnection + FindSubscribers {}
impl<P: KeepConnections + CloseConnection + FindSubscribers> Port for P {}

fn fresh(name: &str) -> String {
    format!("{name}#{}", RandomIds.next())
}

fn now() -> Timestamp {
    Timestamp::from_millis(4_000_000_000_000)
}

fn until() -> Timestamp {
    after(500)
}

fn after(millis: i64) -> Timestamp {
    Timestamp::from_millis(now().as_millis() + millis)
}

async fn opened<P: Port>(port: &P) -> String {
    let id = fresh("c");
    port.open(&id, "customer:cust-1", until())
        .await
        .expect("opened");
    id
}

async fn subscribe<P: Port>(port: &P, id: &str, topic: &str) {
    let subscribed = port.subscribe(id, topic, until(), MAX).await;
    subscribed.expect("subscribed");
}

async fn subscribers<P: Port>(port: &P, topic: &str) -> BTreeSet<String> {
    let found = port.subscribers(topic, now(), usize::MAX).await;
    let found = found.expect("the table answers");
    let distinct: BTreeSet<_> = found.iter().cloned().collect();
    assert_eq!(distinct.len(), found.len(), "each once");
    distinct
}

async fn topics<P: Port>(port: &P, id: &str) -> Option<BTreeSet<String>> {
    let found = port.find(id).await.expect("the table answers");
    found.map(|connection| connection.topics)
}

fn set(texts: &[&String]) -> BTreeSet<String> {
    texts.iter().map(|text| (*text).clone()).collect()
}

async fn a_connection_is_found_as_it_was_opened<P: Port>(port: &P) {
    assert_eq!(port.find(&fresh("c")).await.expect("an answer"), None);
    let id = opened(port).await;
    let found = port
        .find(&id)
        .await
        .expect("an answer")
        .expect("it is open");
    assert_eq!(found.caller, "customer:cust-1");
    assert_eq!(found.topics, BTreeSet::new());
    let late_ms = found.until.millis_since(until());
    assert!(found.until >= until() && late_ms <= 1_000, "{late_ms}");
}

async fn a_topic_knows_its_subscribers_and_a_connection_its_topics<P: Port>(port: &P) {
    let (one, other) = (opened(port).await, opened(port).await);
    let (orders, customers) = (fresh("order"), fresh("customer"));
    assert_eq!(subscribers(port, &orders).await, BTreeSet::new());
    subscribe(port, &one, &orders).await;
    subscribe(port, &other, &orders).await;
    subscribe(port, &one, &customers).await;
    subscribe(port, &one, &customers).await;
    assert_eq!(subscribers(port, &orders).await, set(&[&one, &other]));
    assert_eq!(subscribers(port, &customers).await, set(&[&one]));
    assert_eq!(topics(port, &one).await, Some(set(&[&orders, &customers])));
    for _ in 0..2 {
        port.unsubscribe(&one, &orders).await.expect("unsubscribed");
        assert_eq!(subscribers(port, &orders).await, set(&[&other]));
        assert_eq!(topics(port, &one).await, Some(set(&[&customers])));
    }
    port.unsubscribe(&one, &customers).await.expect("the last");
    assert_eq!(topics(port, &one).await, Some(BTreeSet::new()));
}

async fn a_connection_has_so_many_subscriptions_and_no_more<P: Port>(port: &P) {
    let id = opened(port).await;
    let all: Vec<_> = (0..MAX + 3).map(|_| fresh("order")).collect();
    // All at once: a bound that only the patient keep is none.
    let attempts = join_all(all.iter().map(async |topic| {
        loop {
            match port.subscribe(&id, topic, until(), MAX).await {
                Ok(()) => return true,
                Err(SubscribeError::TooMany) => return false,
                Err(SubscribeError::Unavailable(_)) => tokio::task::yield_now().await,
                Err(SubscribeError::NotOpen) => panic!("it is open"),
            }
        }
    }));
    let taken = attempts.await;
    assert_eq!(taken.iter().filter(|taken| **taken).count(), MAX);
    for (topic, taken) in all.iter().zip(taken) {
        assert_eq!(subscribers(port, topic).await.contains(&id), taken);
        let again = port.subscribe(&id, topic, until(), MAX).await;
        assert_eq!(again.is_ok(), taken, "what it has, it may have again");
    }
    let first = topics(port, &id).await.expect("open");
    let first = first.first().expect("a topic");
    port.unsubscribe(&id, first).await.expect("unsubscribed");
    subscribe(port, &id, &fresh("order")).await;
}

async fn what_is_closed_has_no_subscription_and_gets_none<P: Port>(port: &P) {
    let id = opened(port).await;
    let (one, other) = (fresh("order"), fresh("customer"));
    subscribe(port, &id, &one).await;
    subscribe(port, &id, &other).await;
    for _ in 0..2 {
        port.close(&id).await.expect("closed");
        assert_eq!(topics(port, &id).await, None);
        assert_eq!(subscribers(port, &one).await, BTreeSet::new());
        assert_eq!(subscribers(port, &other).await, BTreeSet::new());
    }
    let late = port.subscribe(&id, &one, until(), MAX).await;
    assert!(matches!(late, Err(SubscribeError::NotOpen)), "{late:?}");
    assert_eq!(subscribers(port, &one).await, BTreeSet::new());
    port.unsubscribe(&id, &one).await.expect("nothing to do");
    let unopened = opened(port).await;
    port.close(&unopened).await.expect("without subscriptions");
    assert_eq!(topics(port, &unopened).await, None);
}

async fn a_subscription_that_meets_the_closing_is_not_left_behind<P: Port>(port: &P) {
    for _ in 0..10 {
        let id = opened(port).await;
        let all: Vec<_> = (0..8).map(|_| fresh("order")).collect();
        subscribe(port, &id, &all[0]).await;
        let closing = async {
            while let Err(error) = port.close(&id).await {
                assert_ne!(error.soon, Soon::Unlikely, "{error:?}");
                tokio::task::yield_now().await;
            }
        };
        // One after the other, so that some come while the closing is on its way.
        let subscribing = async {
            for topic in &all[1..] {
                let _ = port.subscribe(&id, topic, until(), all.len()).await;
            }
        };
        join(subscribing, closing).await;
        assert_eq!(topics(port, &id).await, None);
        for topic in &all {
            assert_eq!(subscribers(port, topic).await, BTreeSet::new());
        }
    }
}

async fn a_topic_with_many_subscribers_names_all_of_them<P: Port>(port: &P) {
    let topic = fresh("order");
    // Long ids, so that they are more than the megabyte at which a page ends.
    let ids: BTreeSet<_> = (0..1_100)
        .map(|n| format!("{n:04}{}", "x".repeat(1_000)))
        .collect();
    let ids: Vec<_> = ids.into_iter().collect();
    for some in ids.chunks(100) {
        join_all(some.iter().map(async |id| {
            port.open(id, "operator", until()).await.expect("opened");
            subscribe(port, id, &topic).await;
        }))
        .await;
    }
    for max in [1, 100, 1_099] {
        let some = port.subscribers(&topic, now(), max).await;
        let some = some.expect("the table answers");
        assert_eq!(some, ids[..max], "always the same");
    }
    assert_eq!(subscribers(port, &topic).await, ids.into_iter().collect());
}

async fn what_has_ended_subscribes_to_nothing_whatever_is_left_of_it<P: Port>(port: &P) {
    let topic = fresh("order");
    let mut live = Vec::new();
    for end_ms in [-86_400_000, -1_000, 1, 86_400_000] {
        let id = fresh("c");
        let opened = port.open(&id, "operator", after(end_ms)).await;
        opened.expect("opened");
        let subscribed = port.subscribe(&id, &topic, after(end_ms), MAX).await;
        subscribed.expect("subscribed");
        if end_ms > 0 {
            live.push(id);
        }
    }
    assert_eq!(
        subscribers(port, &topic).await,
        live.iter().cloned().collect()
    );
    // What has ended takes nobody's place.
    let found = port.subscribers(&topic, now(), live.len()).await;
    assert_eq!(found.expect("the table answers").len(), live.len());
}

async fn obeys_the_contract<P: Port>(port: &P) {
    a_connection_is_found_as_it_was_opened(port).await;
    a_topic_knows_its_subscribers_and_a_connection_its_topics(port).await;
    a_connection_has_so_many_subscriptions_and_no_more(port).await;
    what_is_closed_has_no_subscription_and_gets_none(port).await;
    a_subscription_that_meets_the_closing_is_not_left_behind(port).await;
    a_topic_with_many_subscribers_names_all_of_them(port).await;
    what_has_ended_subscribes_to_nothing_whatever_is_left_of_it(port).await;
}

#[tokio::test]
async fn connections_on_a_table_obey_the_contract() {
    let dynamo = Dynamo::from_env().await;
    let connections = Connections::new(dynamo.client(), dynamo::CONNECTIONS_TABLE);
    obeys_the_contract(&connections).await;
}

#[tokio::test]
async fn connections_in_memory_obey_the_contract() {
    obeys_the_contract(&MemoryConnections::default()).await;
}

#[tokio::test]
async fn a_subscription_that_outlived_its_connection_s_own_item_is_passed_over() {
    let dynamo = Dynamo::from_env().await;
    let client = dynamo.client();
    let connections = Connections::new(client.clone(), dynamo::CONNECTIONS_TABLE);
    let (id, topic) = (fresh("c"), fresh("order"));
    let opened = connections.open(&id, "operator", after(-5_000)).await;
    opened.expect("opened");
    let subscribed = connections.subscribe(&id, &topic, after(-5_000), MAX).await;
    subscribed.expect("subscribed");
    let own = client
        .delete_item()
        .table_name(dynamo::CONNECTIONS_TABLE)
        .key("p", AttributeValue::S(format!("connection#{id}")))
        .key("s", AttributeValue::S("-".to_owned()));
    own.send().await.expect("removed");
    connections.close(&id).await.expect("nothing to do");
    assert_eq!(subscribers(&connections, &topic).await, BTreeSet::new());
}
