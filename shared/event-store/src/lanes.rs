//! Who writes to a stream, and who waits, among the commands that are pending in one process.
//!
//! There is no background task: one of the waiting commands leads, and takes the others along. The
//! lead is a value that passes itself on when it is dropped. So a leader that is cancelled in the
//! middle (its caller's time is up) holds nobody up: those it has not answered begin anew, and the
//! table knows whether they are stored.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use envelope::{Aggregate, Cause, StreamId};
use tokio::sync::oneshot;

use crate::{ExecuteError, Executed};

/// Streams that somebody leads, with those who wait behind the leader.
pub(crate) struct Lanes<A: Aggregate>(Arc<Mutex<HashMap<StreamId, VecDeque<Waiting<A>>>>>);

impl<A: Aggregate> Clone for Lanes<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

pub(crate) type Answer<A> =
    Result<Executed<<A as Aggregate>::State>, ExecuteError<<A as Aggregate>::Rejection>>;

/// A command that waits.
pub(crate) struct Waiting<A: Aggregate> {
    pub(crate) cause: Cause,
    pub(crate) command: A::Command,
    turn: oneshot::Sender<Turn<A>>,
}

impl<A: Aggregate> Waiting<A> {
    /// Answers it. Whether its caller still listens makes no difference.
    pub(crate) fn answer(self, answer: Answer<A>) {
        let _ = self.turn.send(Turn::Answered(answer));
    }
}

/// What comes to one who waits.
pub(crate) enum Turn<A: Aggregate> {
    /// Somebody took it along.
    Answered(Answer<A>),
    /// It leads now.
    Lead(Lead<A>),
}

/// What becomes of one who arrives.
pub(crate) enum Arrived<A: Aggregate> {
    Leads(Lead<A>),
    Waits(oneshot::Receiver<Turn<A>>),
}

/// The right to write to a stream. There is at most one for each stream.
pub(crate) struct Lead<A: Aggregate> {
    lanes: Lanes<A>,
    stream: StreamId,
}

impl<A: Aggregate> Lanes<A> {
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<StreamId, VecDeque<Waiting<A>>>> {
        self.0.lock().expect("no user panicked")
    }

    pub(crate) fn arrive(
        &self,
        stream: &StreamId,
        cause: &Cause,
        command: &A::Command,
    ) -> Arrived<A> {
        let mut lanes = self.lock();
        if let Some(waiting) = lanes.get_mut(stream) {
            let (turn, turns) = oneshot::channel();
            waiting.push_back(Waiting {
                cause: cause.clone(),
                command: command.clone(),
                turn,
            });
            return Arrived::Waits(turns);
        }
        lanes.insert(stream.clone(), VecDeque::new());
        Arrived::Leads(Lead {
            lanes: self.clone(),
            stream: stream.clone(),
        })
    }
}

impl<A: Aggregate> Lead<A> {
    /// Takes the longest waiting ones along, until there are `max` in all.
    pub(crate) fn take(&self, group: &mut Vec<Waiting<A>>, max: usize) {
        let mut lanes = self.lanes.lock();
        let Some(waiting) = lanes.get_mut(&self.stream) else {
            return;
        };
        // Who does not listen any more has gone: its caller gave up, and may come again.
        waiting.retain(|waiting| !waiting.turn.is_closed());
        let taken = waiting.len().min(max.saturating_sub(group.len()));
        group.extend(waiting.drain(..taken));
    }

    /// Has some of them wait again, in front of all others.
    pub(crate) fn put_back(&self, group: impl DoubleEndedIterator<Item = Waiting<A>>) {
        let mut lanes = self.lanes.lock();
        if let Some(waiting) = lanes.get_mut(&self.stream) {
            for one in group.rev() {
                waiting.push_front(one);
            }
        }
    }
}

impl<A: Aggregate> Drop for Lead<A> {
    fn drop(&mut self) {
        let next = {
            let mut lanes = self.lanes.lock();
            let waiting = lanes.get_mut(&self.stream);
            let next = waiting.and_then(|waiting| {
                waiting.retain(|waiting| !waiting.turn.is_closed());
                waiting.pop_front()
            });
            if next.is_none() {
                lanes.remove(&self.stream);
            }
            next
        };
        if let Some(next) = next {
            // If it has gone by now, the lead comes back, is dropped, and goes to the one behind it.
            let _ = next.turn.send(Turn::Lead(Self {
                lanes: self.lanes.clone(),
                stream: self.stream.clone(),
            }));
        }
    }
}
