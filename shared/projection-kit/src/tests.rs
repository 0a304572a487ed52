//! Batches, holes, poison, lost answers, and the way from one layout to the next.

mod streams;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use envelope::{Cause, CommandId, Envelope, StreamId, Timestamp, UnreadableEvent, Version};
use event_store::contract::{Added, Command, Tally};
use event_store::rebuild::{MemoryCheckpoints, Rebuild};
use event_store::{Commit, Decider, Load, Loaded, Memory, ReadError};
use ports::{
    Change, Consistency, LoadView, ManualClock, MemoryViews, SaveView, SaveViewError, Unavailable,
    Viewed,
};
use reaction::{Done, Failure, ReactTogether};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::*;

/// The sum of a tally, and the same times ten.
#[derive(Debug)]
enum Sum {}
#[derive(Debug)]
enum TenTimes {}

fn amount(event: &Envelope) -> Result<u64, UnreadableEvent> {
    Ok(event.read::<Added>()?.amount)
}

impl Projection for Sum {
    const NAME: &'static str = "sum";
    const FUNCTION: &'static str = "project-sum";
    const LAYOUT: u32 = 1;
    type Before = Nothing;
    type View = u64;

    fn view_of(stream: &StreamId) -> Option<&str> {
        Some(stream.aggregate_id())
    }

    fn new(_: &str) -> u64 {
        0
    }

    fn fold(view: &mut u64, event: &Envelope) -> Result<(), UnreadableEvent> {
        *view += amount(event)?;
        Ok(())
    }

    fn upgrade(before: Nothing) -> u64 {
        match before {}
    }
}

impl Projection for TenTimes {
    const NAME: &'static str = "sum";
    const FUNCTION: &'static str = "project-sum";
    const LAYOUT: u32 = 2;
    type Before = Sum;
    type View = String;

    fn view_of(stream: &StreamId) -> Option<&str> {
        Sum::view_of(stream)
    }

    fn new(_: &str) -> String {
        "0".to_owned()
    }

    fn fold(view: &mut String, event: &Envelope) -> Result<(), UnreadableEvent> {
        let before: u64 = view.parse().expect("a number");
        *view = (before + 10 * amount(event)?).to_string();
        Ok(())
    }

    fn upgrade(before: u64) -> String {
        format!("{before}?")
    }
}

/// Counts requests, and loses the answers of writes.
#[derive(Debug, Clone, Default)]
struct Views {
    inner: MemoryViews,
    loads: Arc<AtomicU32>,
    saves: Arc<AtomicU32>,
    lose: Arc<AtomicU32>,
}

impl LoadView for Views {
    async fn load<V: DeserializeOwned>(
        &self,
        key: &str,
        consistency: Consistency,
    ) -> Result<Option<Viewed<V>>, Unavailable> {
        self.loads.fetch_add(1, Ordering::Relaxed);
        self.inner.load(key, consistency).await
    }
}

impl SaveView for Views {
    async fn save<V: Serialize + Sync>(&self, change: &Change<'_, V>) -> Result<(), SaveViewError> {
        self.saves.fetch_add(1, Ordering::Relaxed);
        self.inner.save(change).await?;
        let lost = |left: u32| left.checked_sub(1);
        match self
            .lose
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, lost)
        {
            Ok(_) => Err(SaveViewError::Conflict),
            Err(_) => Ok(()),
        }
    }
}

impl Views {
    fn requests(&self) -> (u32, u32) {
        let take = |count: &AtomicU32| count.swap(0, Ordering::Relaxed);
        (take(&self.loads), take(&self.saves))
    }

    async fn read<P: Projection>(&self, id: &str) -> Option<P::View> {
        let row = load_row::<P, _>(&self.inner, id, Consistency::Strong).await;
        row.expect("memory").map(|row| row.view)
    }
}

fn clock() -> ManualClock {
    ManualClock::at(Timestamp::from_millis(0))
}

/// Adds 1, 2, 4 … to a tally, one commit each.
async fn history(memory: &Memory, id: &str, count: u32) -> Vec<Envelope> {
    let decider = Decider::<Tally, _, _>::new(memory.clone(), clock());
    let before = memory.log_from(0).len();
    for number in 0..count {
        let cause = CommandId::new(format!("{id}-{number}")).expect("an id");
        let add = Command::Add(vec![Added::amount(1 << number)]);
        let added = decider.execute(id, &Cause::command(&cause), &add).await;
        added.expect("added");
    }
    let commits = memory.log_from(before);
    commits.iter().flat_map(Commit::envelopes).collect()
}

fn projector<P: Projection>(
    memory: &Memory,
    views: &Views,
) -> Projector<P, Memory, Views, ManualClock> {
    Projector::new(memory.clone(), views.clone(), clock())
}

fn done(answers: Vec<Result<Done, Failure>>) -> Vec<Done> {
    let done = answers.into_iter().map(|answer| answer.expect("folded"));
    done.collect()
}

#[tokio::test]
async fn ten_events_of_one_view_cost_one_read_and_one_write_in_any_order() {
    let (memory, views) = (Memory::default(), Views::default());
    let mut events = history(&memory, "a", 10).await;
    events.reverse();
    let projector = projector::<Sum>(&memory, &views);
    assert_eq!(done(projector.react(&events).await), [Done::Handled; 10]);
    assert_eq!(views.requests(), (1, 1));
    assert_eq!(views.read::<Sum>("a").await, Some(1023));
    // Again, and it is not even written.
    assert_eq!(done(projector.react(&events).await), [Done::Duplicate; 10]);
    assert_eq!(views.requests(), (1, 0));
}

#[tokio::test]
async fn a_hole_is_filled_from_the_store_at_once() {
    let (memory, views) = (Memory::default(), Views::default());
    let events = history(&memory, "a", 10).await;
    let projector = projector::<Sum>(&memory, &views);
    let delivered = [events[8].clone(), events[0].clone(), events[4].clone()];
    assert_eq!(done(projector.react(&delivered).await), [Done::Handled; 3]);
    assert_eq!(
        views.read::<Sum>("a").await,
        Some(511),
        "as far as was delivered"
    );
    assert_eq!(done(projector.react(&events[..1]).await), [Done::Duplicate]);
}

#[tokio::test]
async fn what_the_store_does_not_have_yet_is_tried_again() {
    let (memory, views) = (Memory::default(), Views::default());
    let mut event = history(&memory, "a", 1).await.remove(0);
    event.version = Version::new(9);
    let answers = projector::<Sum>(&memory, &views).react(&[event]).await;
    assert!(
        matches!(answers[..], [Err(Failure::Transient(_))]),
        "{answers:?}"
    );
}

/// Those before it are folded, those behind it cannot be, and other streams do not notice.
#[tokio::test]
async fn a_poison_event_is_given_up_with_what_is_behind_it_and_with_nothing_else() {
    let (memory, views) = (Memory::default(), Views::default());
    let mut events = history(&memory, "a", 3).await;
    events[1].event_type = "Unheard".to_owned();
    let projector = projector::<Sum>(&memory, &views);
    let answers = projector.react(&events).await;
    let [
        Ok(Done::Handled),
        Err(Failure::Terminal(_)),
        Err(Failure::Terminal(_)),
    ] = &answers[..]
    else {
        panic!("{answers:?}");
    };
    assert_eq!(views.read::<Sum>("a").await, Some(1));
    let other = history(&memory, "b", 3).await;
    assert_eq!(done(projector.react(&other).await), [Done::Handled; 3]);
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_counts_once() {
    let (memory, views) = (Memory::default(), Views::default());
    let events = history(&memory, "a", 3).await;
    views.lose.store(1, Ordering::Relaxed);
    let projector = projector::<Sum>(&memory, &views);
    done(projector.react(&events).await);
    assert_eq!(views.read::<Sum>("a").await, Some(7));
}

/// The old layout is read and kept until the new one is complete, and after it, for the way back.
#[tokio::test]
async fn a_new_layout_is_built_beside_the_old_and_takes_over() {
    let (memory, views) = (Memory::default(), Views::default());
    let old = history(&memory, "a", 3).await;
    done(projector::<Sum>(&memory, &views).react(&old).await);
    history(&memory, "b", 2).await;

    // The new code is deployed, and events go on arriving.
    let new = projector::<TenTimes>(&memory, &views);
    let more = history(&memory, "c", 4).await;
    done(new.react(&more).await);
    let read = async |id: &'static str| views.read::<TenTimes>(id).await;
    assert_eq!(read("a").await.as_deref(), Some("7?"));
    assert_eq!(read("c").await.as_deref(), Some("15?"));

    let (store, kept) = (memory.clone(), MemoryCheckpoints::default());
    let rebuild = Rebuild::new("sum", store, views.clone(), clock(), kept);
    rebuild
        .run::<Rebuilt<TenTimes>>(|_| {})
        .await
        .expect("complete");
    assert_eq!(
        read("a").await.as_deref(),
        Some("7?"),
        "nobody has switched"
    );
    switch::<TenTimes, _>(&views, 2).await.expect("kept");
    for (id, sum) in [("a", "70"), ("b", "30"), ("c", "150")] {
        assert_eq!(read(id).await.as_deref(), Some(sum));
    }

    let last = history(&memory, "d", 2).await;
    done(new.react(&last).await);
    assert_eq!(read("d").await.as_deref(), Some("30"));
    switch::<TenTimes, _>(&views, 1)
        .await
        .expect("the way back");
    assert_eq!(read("d").await.as_deref(), Some("3?"));
    let error = switch::<TenTimes, _>(&views, 3)
        .await
        .expect_err("unheard of");
    assert!(error.to_string().contains("1 and 2"), "{error}");
}

/// Only what is missing up to the event that was delivered is read, piece by piece, and what was
/// reached is kept.
#[tokio::test]
async fn a_long_hole_is_filled_piece_by_piece() {
    let (memory, views) = (Memory::default(), Views::default());
    let decider = Decider::<Tally, _, _>::new(memory.clone(), clock());
    for number in 0..30 {
        let cause = CommandId::new(format!("many-{number}")).expect("an id");
        let add = Command::Add(vec![Added::amount(1); 100]);
        let added = decider.execute("a", &Cause::command(&cause), &add).await;
        added.expect("added");
    }
    let events: Vec<_> = memory
        .log_from(0)
        .iter()
        .flat_map(Commit::envelopes)
        .collect();
    let projector = projector::<Sum>(&memory, &views);
    let answers = projector.react(&events[2_500..2_501]).await;
    assert_eq!(done(answers), [Done::Handled]);
    // To the end of the commit that holds it.
    assert_eq!(views.read::<Sum>("a").await, Some(2_600));
    let (_, saves) = views.requests();
    assert!((2..=3).contains(&saves), "{saves} pieces");
}

#[tokio::test]
async fn a_pointer_of_newer_code_that_was_taken_back_is_for_the_newest_there_is() {
    let views = Views::default();
    let newer = Change::new("layout#sum", &Live { layout: 7 }, ports::Revision(0));
    views.save(&newer).await.expect("new");
    let live = live::<TenTimes, _>(&views).await.expect("memory");
    assert_eq!(live, Live { layout: 2 });
}

#[tokio::test]
async fn an_event_of_no_concern_is_given_up() {
    let (memory, views) = (Memory::default(), Views::default());
    let mut event = history(&memory, "a", 1).await.remove(0);
    event.aggregate_id = String::new();
    let answers = projector::<Sum>(&memory, &views).react(&[event]).await;
    assert!(
        matches!(answers[..], [Err(Failure::Terminal(_))]),
        "{answers:?}"
    );
}
