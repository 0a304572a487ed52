//! What the conductor does besides deciding: timers, marks, the alarm.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use envelope::{CommandId, EventId, StreamId, Timestamp, Version};
use event_store::{Commit, Memory};
use metrics::{
    Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use ports::{ManualClock, MemoryTimers};
use saga::{Command, Compensation, Definition, Retry, Start, Step, Undo};
use serde_json::json;

use super::*;

/// One step, and one attempt at undoing it.
enum Errand {}

const ONCE: Retry = Retry {
    attempts: 1,
    timeout: Duration::from_secs(60),
    wait: Duration::from_secs(1),
};

const fn undone_by(name: &'static str, done: &'static [&'static str]) -> Undo {
    Undo::By(Compensation {
        command: command(name),
        done,
        failed: &[],
        retry: ONCE,
    })
}

const fn command(name: &'static str) -> Command {
    Command {
        name,
        schema_version: 1,
        fields: &[],
    }
}

impl Saga for Errand {
    const NAME: &'static str = "ErrandSaga";
    const FUNCTION: &'static str = "conduct-errand";
    const DEFINITIONS: &'static [Definition] = &[Definition {
        version: 1,
        start: Start {
            name: "ask",
            event: "ErrandAsked",
            keep: &[],
            undo: undone_by("Excuse", &["ErrandExcused"]),
        },
        called_off_by: &[],
        stages: &[&[Step {
            name: "go",
            command: command("Go"),
            done: &["Gone"],
            keep: &[],
            refused: &[],
            retry: ONCE,
            undo: undone_by("Return", &["Returned"]),
        }]],
    }];
}

struct World {
    store: Memory,
    clock: ManualClock,
    timers: MemoryTimers,
    conductor: Conductor<Errand, Memory, MemoryTimers, ManualClock>,
}

impl World {
    fn new() -> Self {
        let clock = ManualClock::at(Timestamp::from_millis(1_700_000_000_000));
        let (store, timers) = (Memory::default(), MemoryTimers::default());
        let conductor = Conductor::new(store.clone(), timers.clone(), clock.clone());
        Self {
            store,
            clock,
            timers,
            conductor,
        }
    }

    async fn hear(&self, event: &Envelope) -> Done {
        let cause = Cause::reaction(event, Errand::FUNCTION).expect("a short story");
        self.conductor.react(event, &cause, 1).await.expect("heard")
    }

    fn stored(&self) -> Vec<Envelope> {
        let log = self.store.log_from(0);
        log.iter().flat_map(Commit::envelopes).collect()
    }

    fn last(&self, kind: &str) -> Envelope {
        let mut stored = self.stored();
        stored.retain(|event| event.event_type == kind);
        stored.pop().expect(kind)
    }

    /// The timer that was asked for last goes off at its time.
    async fn wait(&self) -> Done {
        let asked = self.last(SagaTimerSet::TYPE);
        self.hear(&asked).await;
        self.clock
            .advance_to(self.timers.next().expect("it is set"));
        let mut due = self.timers.due(self.clock.now());
        let message = due.pop().expect("it is due");
        let event = serde_json::from_value(message["detail"].clone()).expect("an event");
        assert_eq!(event, asked, "the very event comes back");
        self.hear(&event).await
    }
}

fn asked() -> Envelope {
    let stream = StreamId::new("Errand", "e-1").expect("a stream");
    let cause = Cause::command(&CommandId::new("ask-1").expect("an id"));
    Envelope {
        event_id: EventId::new("asked-1").expect("an id"),
        event_type: "ErrandAsked".to_owned(),
        schema_version: 1,
        timestamp: Timestamp::from_millis(1_700_000_000_000),
        aggregate_type: stream.aggregate_type().to_owned(),
        aggregate_id: stream.aggregate_id().to_owned(),
        version: Version::new(1),
        data: json!({}),
        metadata: cause.metadata(),
    }
}

#[tokio::test]
async fn all_that_is_stored_bears_the_mark_of_the_saga() {
    let world = World::new();
    assert_eq!(world.hear(&asked()).await, Done::Handled);
    assert_eq!(world.hear(&asked()).await, Done::Duplicate);
    let stored = world.stored();
    let kinds: Vec<_> = stored
        .iter()
        .map(|event| event.event_type.as_str())
        .collect();
    assert_eq!(
        kinds,
        ["SagaStarted", "SagaStepStarted", "Go", "SagaTimerSet"]
    );
    for event in stored {
        assert_eq!(
            event.metadata.extra[SAGA],
            Errand::NAME,
            "{}",
            event.event_type
        );
    }
}

#[tokio::test]
async fn a_timer_is_set_when_its_event_comes_from_the_bus_and_nothing_is_stored_for_it() {
    let world = World::new();
    world.hear(&asked()).await;
    let stored = world.stored().len();
    world.hear(&world.last(SagaTimerSet::TYPE)).await;
    world.hear(&world.last(SagaTimerSet::TYPE)).await;
    assert_eq!(world.stored().len(), stored);
    let at = world.timers.next().expect("it is set");
    assert_eq!(at.millis_since(asked().timestamp), 60_000);
}

/// Counts the sagas that are met stuck, as the deployed recorder does.
#[derive(Default)]
struct Alarms(Arc<AtomicU64>);

impl Recorder for Alarms {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        struct Counted(Arc<AtomicU64>);
        impl CounterFn for Counted {
            fn increment(&self, value: u64) {
                self.0.fetch_add(value, Ordering::SeqCst);
            }
            fn absolute(&self, _: u64) {}
        }
        assert_eq!(key.name(), metric::SAGA_STUCK);
        Counter::from_arc(Arc::new(Counted(self.0.clone())))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[tokio::test]
async fn a_saga_that_is_stuck_raises_the_alarm_also_when_whoever_stored_it_died() {
    let alarms = Alarms::default();
    let raised = alarms.0.clone();
    let _recording = metrics::set_default_local_recorder(&alarms);
    let world = World::new();
    world.hear(&asked()).await;
    world.wait().await;
    assert_eq!(world.last("SagaUndoStarted").data["step"], "go");
    assert_eq!(raised.load(Ordering::SeqCst), 0);
    let timer = world.last(SagaTimerSet::TYPE);
    world.wait().await;
    assert_eq!(world.last("SagaStuck").data["step"], "go");
    assert_eq!(raised.load(Ordering::SeqCst), 1);
    assert_eq!(world.hear(&timer).await, Done::Duplicate);
    assert_eq!(raised.load(Ordering::SeqCst), 2);
}
