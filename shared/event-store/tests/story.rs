//! What led to what, and who did it: also where links are missing, doubled, or lead in a circle.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use envelope::{
    Cause, CommandId, CorrelationId, Envelope, EventId, Metadata, StreamId, Timestamp, Version,
};
use event_store::contract::{Added, Command, Tally};
use event_store::{Decider, Memory, Origin, Story, story_of};
use ports::ManualClock;
use serde_json::json;
use testkit::Faulty;

fn at(millis: i64) -> ManualClock {
    ManualClock::at(Timestamp::from_millis(millis))
}

fn command(id: &str) -> Cause {
    Cause::command(&CommandId::new(id).expect("an id"))
}

/// Stores one event on the stream under this cause.
async fn happen(store: &Memory, stream: &str, cause: &Cause, millis: i64) -> Envelope {
    let decider = Decider::<Tally, _, _>::new(store.clone(), at(millis));
    let add = Command::Add(vec![Added::amount(1)]);
    let executed = decider.execute(stream, cause, &add).await;
    executed.expect("applied").events().remove(0)
}

fn react(event: &Envelope, reaction: &str) -> Cause {
    Cause::reaction(event, reaction).expect("a short story")
}

fn ids<'a>(events: impl IntoIterator<Item = &'a Envelope>) -> Vec<&'a str> {
    let events = events.into_iter();
    events.map(|event| event.aggregate_id.as_str()).collect()
}

/// `place` → order → (stock → (payment → parcel, invoice)), mail; told in no order, and twice.
async fn orders_story() -> (Vec<Envelope>, Story) {
    let store = Memory::default();
    let order = happen(&store, "order", &command("place"), 10).await;
    let stock = happen(&store, "stock", &react(&order, "reserve"), 20).await;
    let mail = happen(&store, "mail", &react(&order, "write"), 25).await;
    let payment = happen(&store, "payment", &react(&stock, "charge"), 30).await;
    let parcel = happen(&store, "parcel", &react(&payment, "ship"), 40).await;
    // By a machine whose clock is behind.
    let invoice = happen(&store, "invoice", &react(&stock, "bill"), 5).await;
    let events = vec![parcel, order, mail, stock, invoice, payment];
    let doubled = events.iter().chain(&events).cloned();
    let story = Story::of(doubled);
    (events, story)
}

fn id_of<'a>(events: &'a [Envelope], stream: &str) -> &'a str {
    let mut events = events.iter();
    let event = events.find(|event| event.aggregate_id == stream);
    event.expect("it happened").event_id.as_str()
}

#[tokio::test]
async fn causes_lead_back_to_the_command_that_began_it() {
    let (events, story) = orders_story().await;
    let chain = story.causes(id_of(&events, "parcel")).expect("there");
    assert_eq!(ids(chain.events), ["parcel", "payment", "stock", "order"]);
    assert_eq!(chain.origin, Origin::Command("place".to_owned()));
    assert_eq!(story.causes("no such event"), None);
}

#[tokio::test]
async fn consequences_are_told_depth_first_and_each_once() {
    let (events, story) = orders_story().await;
    let expected = [
        (1, "stock"),
        (2, "invoice"),
        (2, "payment"),
        (3, "parcel"),
        (1, "mail"),
    ];
    let told = |effects: Vec<event_store::Effect<'_>>| -> Vec<(usize, String)> {
        let effects = effects.iter();
        effects
            .map(|effect| (effect.depth, effect.event.aggregate_id.clone()))
            .collect()
    };
    let expected = expected.map(|(depth, stream)| (depth, stream.to_owned()));
    assert_eq!(told(story.consequences(id_of(&events, "order"))), expected);
    // A command's are its own events, too.
    let of_command = told(story.consequences("place"));
    assert_eq!(of_command[0], (1, "order".to_owned()));
    assert_eq!(of_command.len(), events.len());
    assert_eq!(told(story.trees())[0], (0, "order".to_owned()));
    assert_eq!(told(story.trees()).len(), events.len());
    assert_eq!(told(story.consequences(id_of(&events, "mail"))), []);
    assert_eq!(ids(story.events())[0], "invoice", "in order of time");
}

#[tokio::test]
async fn a_missing_link_ends_the_chain_with_its_name() {
    let (events, _) = orders_story().await;
    let (stock, parcel) = (id_of(&events, "stock"), id_of(&events, "parcel"));
    let without = |stream| {
        let events = events
            .iter()
            .filter(move |event| event.aggregate_id != stream);
        Story::of(events.cloned())
    };
    let story = without("stock");
    let chain = story.causes(parcel).expect("there");
    assert_eq!(ids(chain.events), ["parcel", "payment"]);
    assert_eq!(chain.origin.to_string(), format!("outside: {stock}"));
    // Nothing is lost from the trees for it.
    assert_eq!(story.trees().len(), 5);
    assert_eq!(
        story.trees().iter().filter(|tree| tree.depth == 0).count(),
        3
    );
    // What names the story is not always a command.
    let story = without("order");
    let chain = story.causes(parcel).expect("there");
    assert!(
        matches!(chain.origin, Origin::Outside(_)),
        "{}",
        chain.origin
    );
}

fn foreign(id: &str, causation_id: Option<&str>) -> Envelope {
    Envelope {
        event_id: EventId::new(id).expect("an id"),
        event_type: "Told".to_owned(),
        schema_version: 1,
        timestamp: Timestamp::from_millis(1),
        aggregate_type: "Elsewhere".to_owned(),
        aggregate_id: id.to_owned(),
        version: Version::new(1),
        data: json!(null),
        metadata: Metadata {
            correlation_id: CorrelationId::new("story").expect("an id"),
            causation_id: causation_id.map(str::to_owned),
            traceparent: None,
            hops: 0,
            seal: None,
            extra: BTreeMap::new(),
        },
    }
}

#[test]
fn another_systems_event_begins_a_chain_or_names_what_did() {
    let story = Story::of([
        foreign("a", None),
        foreign("b", Some("a")),
        foreign("c", Some("x")),
    ]);
    let origin = |id| story.causes(id).expect("there").origin;
    assert_eq!(origin("b"), Origin::Elsewhere);
    assert_eq!(origin("c"), Origin::Outside("x".to_owned()));
}

#[test]
fn chains_that_come_back_to_themselves_end() {
    let circle = [
        ("a", "c"),
        ("b", "a"),
        ("c", "b"),
        ("self", "self"),
        ("leaf", "b"),
    ];
    let story = Story::of(circle.map(|(id, cause)| foreign(id, Some(cause))));
    let chain = story.causes("leaf").expect("there");
    assert_eq!(ids(chain.events), ["leaf", "b", "a", "c"]);
    assert_eq!(chain.origin, Origin::Cycle("b".to_owned()));
    let chain = story.causes("self").expect("there");
    assert_eq!(
        (chain.events.len(), chain.origin),
        (1, Origin::Cycle("self".to_owned()))
    );
    assert_eq!(story.consequences("a").len(), 3);
    assert_eq!(story.consequences("self").len(), 0);
    assert_eq!(story.trees().len(), circle.len(), "each event once");
}

#[test]
fn a_story_of_a_hundred_thousand_events_in_one_chain_is_followed_to_its_end() {
    let id = |number: u32| format!("event-{number}");
    let event = |number| foreign(&id(number), Some(&id(number - 1)));
    let story = Story::of((1..=100_000).map(event));
    let chain = story.causes(&id(100_000)).expect("there");
    assert_eq!(chain.events.len(), 100_000);
    assert_eq!(chain.origin, Origin::Outside(id(0)));
    let effects = story.consequences(&id(0));
    assert_eq!(effects.last().map(|effect| effect.depth), Some(100_000));
}

#[tokio::test]
async fn an_account_tells_who_did_what_when_and_why() {
    let store = Memory::default();
    let clerk = command("open-1").by("clerk-7");
    let order = happen(&store, "order", &command("place"), 10).await;
    happen(&store, "account", &clerk, 1_000).await;
    happen(&store, "account", &react(&order, "charge-payment"), 2_000).await;
    let told = EventId::new("theirs-1").expect("an id");
    let inbound = Cause::inbound(&told, &foreign("theirs-1", None).metadata);
    happen(&store, "account", &inbound, 3_000).await;

    let decider = Decider::<Tally, _, _>::new(store, at(0));
    let account = decider
        .audit("account", Version::ZERO..=Version::MAX)
        .await
        .expect("readable");
    let lines: Vec<_> = account.iter().map(ToString::to_string).collect();
    let cause = &order.event_id;
    let expected = [
        "1970-01-01T00:00:01Z v1 Added by clerk-7 because of open-1 in open-1".to_owned(),
        format!("1970-01-01T00:00:02Z v2 Added through charge-payment because of {cause} in place"),
        "1970-01-01T00:00:03Z v3 Added in story".to_owned(),
    ];
    assert_eq!(lines, expected);
    let stream = StreamId::new("Tally", "account").expect("an id");
    let first = json!({
        "when": "1970-01-01T00:00:01Z", "version": 1, "eventType": "Added", "actor": "clerk-7",
        "eventId": clerk.commit_id().event_id(&stream, 0), "causedBy": "open-1", "correlationId": "open-1",
    });
    assert_eq!(serde_json::to_value(&account[0]).expect("JSON"), first);
    let second = Version::new(2)..=Version::new(2);
    let second = decider.audit("account", second).await.expect("readable");
    assert_eq!(second, account[1..2]);
}

#[tokio::test]
async fn a_story_is_collected_from_all_streams_and_tells_what_it_could_not_read() {
    let store = Faulty::new(Memory::default());
    let clock = at(0);
    let decider = Decider::<Tally, _, _>::new(store.clone(), clock.clone());
    let (ours, other) = (command("ours"), command("other"));
    let add = |count| Command::Add(vec![Added::amount(1); count]);
    for stream in 0..40_usize {
        let (id, add) = (stream.to_string(), add(1 + stream % 3));
        // Some of them share a commit.
        let (one, two) = futures::join!(
            decider.execute(&id, &other, &add),
            decider.execute(&id, &ours, &add)
        );
        one.expect("applied");
        two.expect("applied");
    }
    let expected: usize = (0..40).map(|stream| 1 + stream % 3).sum();
    for segments in [1, 7] {
        let segments = NonZeroU32::new(segments).expect("not zero");
        let id = ours.metadata().correlation_id;
        let collected = story_of(&store, &clock, &id, segments).await;
        let collected = collected.expect("read");
        assert_eq!(collected.story.consequences("ours").len(), expected);
        assert_eq!(collected.story.events().len(), expected);
        assert!(collected.unreadable.is_empty());
    }
    let stream = StreamId::new("Tally", "7").expect("an id");
    store.garble(&stream, Version::new(1));
    let id = ours.metadata().correlation_id;
    let collected = story_of(&store, &clock, &id, NonZeroU32::MIN).await;
    assert_eq!(collected.expect("read").unreadable.len(), 1);
}
