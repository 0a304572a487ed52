//! Tests of decisions: given what happened, when this is asked, then that is decided.
//!
//! Nothing is decided on values as the test wrote them. Events and state go through JSON and back,
//! as they do in a store: an event that does not read back, or a state that loses something on its
//! way, fails the test here, and not on the day of the first cold start.

use std::fmt::Debug;

use envelope::{Aggregate, Event, UnreadableEvent};
use serde_json::Value;

use crate::difference::{self, Told};

/// What happened before. Made by [`given`].
#[derive(Debug, Clone)]
pub struct Given<A: Aggregate> {
    history: Vec<A::Event>,
}

/// A command that was put to an aggregate, whose answer is not yet judged.
#[derive(Debug)]
#[must_use = "nothing is tested before one of the `then`s"]
pub struct When<A: Aggregate> {
    given: Given<A>,
    command: A::Command,
    answer: Result<Vec<A::Event>, A::Rejection>,
}

/// Starts a test of a decision: these events happened, in this order. An empty list is an aggregate
/// that does not exist yet.
///
/// # Panics
/// If an event does not read back.
#[track_caller]
pub fn given<A: Aggregate>(history: impl IntoIterator<Item = A::Event>) -> Given<A> {
    let history = history.into_iter().map(|event| read_back(&event));
    Given {
        history: history.collect(),
    }
}

impl<A: Aggregate> Given<A> {
    /// And then this event happened, which was stored at this version of its schema. For events of
    /// versions that the types of today cannot write any more.
    ///
    /// # Panics
    /// If it cannot be read.
    #[must_use]
    #[track_caller]
    pub fn stored(mut self, event_type: &str, schema_version: u32, data: &Value) -> Self {
        let read = A::Event::decode(event_type, schema_version, data);
        self.history.push(expect_read(read, event_type, data));
        self
    }

    /// The state after all that happened.
    ///
    /// # Panics
    /// If the state does not survive being stored.
    #[must_use]
    #[track_caller]
    pub fn state(&self) -> A::State {
        let state = self.history.iter().fold(A::State::default(), A::evolve);
        let json = match serde_json::to_vec(&state) {
            Ok(json) => json,
            Err(error) => panic!("the state of {} is no JSON: {error}", A::TYPE),
        };
        match serde_json::from_slice(&json) {
            Ok(state) => state,
            Err(error) => panic!("the state of {} does not read back: {error}", A::TYPE),
        }
    }

    /// This is asked.
    ///
    /// # Panics
    /// If the state, or an event that is decided, does not survive being stored.
    #[track_caller]
    pub fn when(self, command: A::Command) -> When<A> {
        let answer = A::decide(&self.state(), &command);
        let answer = answer.map(|events| events.iter().map(read_back).collect());
        When {
            given: self,
            command,
            answer,
        }
    }
}

impl<A: Aggregate> When<A>
where
    A::Command: Debug,
{
    /// These events are decided, and no others. What happened and what was decided is the history
    /// of the next `when`.
    ///
    /// # Panics
    /// If something else is decided; the message shows the difference.
    #[track_caller]
    pub fn then(self, expected: impl IntoIterator<Item = A::Event>) -> Given<A> {
        let expected = Told::events(&expected.into_iter().collect::<Vec<_>>());
        let (mut given, decided) = self.expect(&expected);
        given.history.extend(decided);
        given
    }

    /// There is nothing left to do.
    ///
    /// # Panics
    /// If an event is decided, or the command refused.
    #[track_caller]
    pub fn then_nothing(self) -> Given<A> {
        self.then([])
    }

    /// The command is refused, for this reason.
    ///
    /// # Panics
    /// If it is not refused, or for another reason; the message shows the difference.
    #[track_caller]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the reason is written where it is expected, like the events of `then`"
    )]
    pub fn then_rejected(self, expected: A::Rejection) -> Given<A> {
        self.expect(&Told::rejection(&expected)).0
    }

    #[track_caller]
    fn expect(self, expected: &Told) -> (Given<A>, Vec<A::Event>) {
        let got = match &self.answer {
            Ok(events) => Told::events(events),
            Err(rejection) => Told::rejection(rejection),
        };
        assert!(
            got == *expected,
            "{}",
            difference::report(
                A::TYPE,
                &Told::events(&self.given.history),
                &format!("{:?}", self.command),
                expected,
                &got,
            )
        );
        (self.given, self.answer.unwrap_or_default())
    }
}

/// The event as a store gives it back.
#[track_caller]
fn read_back<E: Event>(event: &E) -> E {
    let text = event.data().to_string();
    let data = match serde_json::from_str(&text) {
        Ok(data) => data,
        Err(error) => panic!("the data of {} is no JSON: {error}", event.event_type()),
    };
    let read = E::decode(event.event_type(), event.schema_version(), &data);
    let read = expect_read(read, event.event_type(), &data);
    let (was, is) = (Told::event(event), Told::event(&read));
    assert!(
        was == is,
        "an event changes when it is stored and read\n  stored  {was}\n  read    {is}"
    );
    read
}

#[track_caller]
fn expect_read<E>(read: Result<E, UnreadableEvent>, event_type: &str, data: &Value) -> E {
    match read {
        Ok(event) => event,
        Err(error) => panic!("{event_type} {data} does not read back: {error}"),
    }
}
