//! Group commit: the commands that are pending for one stream are judged one after the other, each
//! on the state that those before it leave, and what they decide is stored by one conditional write.
//!
//! A single command is a group of one; there is no second way to execute. If the write succeeds,
//! its condition has proved that the state was the newest, and with it every refusal that rests on it.

use std::sync::Arc;

use envelope::{Aggregate, Cause, StreamId, Version};
use ports::{Backoff, Clock, Consistency, Deadline};

use crate::decider::ATTEMPTS_MAX;
use crate::lanes::{Answer, Lead, Waiting};
use crate::{
    Append, AppendError, Commit, Decider, ExecuteError, Executed, Folded, Load, LoadError, Outcome,
    RECENT_SHARED_MAX,
};

/// How many commands share a write at most: as many as the ring of recent commits remembers.
const COMMANDS_MAX: usize = RECENT_SHARED_MAX;

/// A commit that has grown to this many bytes takes no further command along: enough below the
/// limit of an item to leave room for a state that rides.
const BYTES_MAX: usize = 256 * 1024;

/// A state, and whether it is known to be the newest.
struct Seen<S> {
    folded: Folded<S>,
    fresh: bool,
}

/// What the commands of a group lead to on one state.
struct Judged<A: Aggregate> {
    /// All their events, if there are any.
    commit: Option<Commit>,
    /// The state after them.
    next: Folded<A::State>,
    /// For each command; fewer than there are commands, if the commit got too large for more.
    verdicts: Vec<Verdict<A>>,
}

enum Verdict<A: Aggregate> {
    /// It is not refused. With events, they are the part of the commit with this index.
    Granted {
        outcome: Outcome,
        part: Option<usize>,
        state: A::State,
        version: Version,
    },
    /// It is refused.
    Rejected(A::Rejection),
}

/// What keeps a whole group from being carried out.
#[derive(Clone)]
enum Failure {
    Contended,
    Load(LoadError),
    Append(AppendError),
}

impl<E: Into<LoadError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Load(error.into())
    }
}

impl<R: std::error::Error + 'static> From<Failure> for ExecuteError<R> {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Contended => Self::Contended,
            Failure::Load(error) => Self::Load(error),
            Failure::Append(error) => Self::Append(error),
        }
    }
}

impl<A: Aggregate> Judged<A> {
    /// Whether a verdict stands or falls with the state being the newest.
    fn needs_the_newest(&self) -> bool {
        self.verdicts.iter().any(|verdict| match verdict {
            Verdict::Granted { outcome, .. } => *outcome == Outcome::Unchanged,
            Verdict::Rejected(_) => true,
        })
    }

    /// The answer to each command.
    fn answers(self) -> impl Iterator<Item = Answer<A>> {
        let (commit, mut snapshot_due) = (self.commit.map(Arc::new), self.next.snapshot_due);
        self.verdicts.into_iter().map(move |verdict| match verdict {
            Verdict::Rejected(rejection) => Err(ExecuteError::Rejected(rejection)),
            Verdict::Granted {
                outcome,
                part,
                state,
                version,
            } => Ok(Executed {
                outcome,
                state,
                version,
                stored: commit.clone().zip(part),
                // One of them is enough to save it.
                snapshot_due: std::mem::take(&mut snapshot_due),
            }),
        })
    }
}

impl<A: Aggregate, S: Load + Append, C: Clock> Decider<A, S, C> {
    /// Carries out the leader's command, and all that wait behind it.
    pub(crate) async fn lead(
        &self,
        lead: &Lead<A>,
        stream: &StreamId,
        cause: &Cause,
        command: &A::Command,
    ) -> Answer<A> {
        let mut group = Vec::new();
        let judged = self
            .carry_out(lead, stream, (cause, command), &mut group)
            .await;
        match judged {
            Ok(judged) => {
                let mut answers = judged.answers();
                let own = answers.next().expect("the leader's command was judged");
                for (waiting, answer) in group.into_iter().zip(answers) {
                    waiting.answer(answer);
                }
                own
            }
            Err(failure) => {
                for waiting in group {
                    waiting.answer(Err(failure.clone().into()));
                }
                Err(failure.into())
            }
        }
    }

    async fn carry_out(
        &self,
        lead: &Lead<A>,
        stream: &StreamId,
        own: (&Cause, &A::Command),
        group: &mut Vec<Waiting<A>>,
    ) -> Result<Judged<A>, Failure> {
        let folded = match self.cache.get(stream) {
            Some(folded) => folded,
            None => self.refresh(stream, Consistency::Eventual).await?,
        };
        let fresh = false;
        let mut seen = Seen { folded, fresh };
        let mut lost = 0;
        while lost < ATTEMPTS_MAX && (lost == 0 || Deadline::leaves_time(&self.clock)) {
            // What was read may be older than the commands that came while it was read.
            if !seen.fresh {
                lead.take(group, COMMANDS_MAX - 1);
            }
            let judged = self.judge(stream, &seen.folded, own, group);
            // Those that the commit had no room for.
            lead.put_back(group.drain(judged.verdicts.len() - 1..));
            let Some(commit) = &judged.commit else {
                if seen.fresh || !judged.needs_the_newest() {
                    return Ok(judged);
                }
                seen = self.newest(stream).await?;
                continue;
            };
            let append = || self.store.append(commit);
            let seed = commit.commit_id.digest();
            match Deadline::persist(&self.clock, seed, append).await {
                Ok(()) => {
                    self.cache.put(stream, &judged.next);
                    return Ok(judged);
                }
                // Our own commit: it was stored, and its answer lost, perhaps long ago.
                Err(AppendError::Conflict(winner)) if is_the_same(&winner, commit) => {
                    if judged.needs_the_newest() {
                        seen = self.newest(stream).await?;
                        if seen.folded.version != judged.next.version {
                            seen.folded.recent.push(&winner);
                            lost += 1;
                            continue;
                        }
                    } else {
                        self.cache.put(stream, &judged.next);
                    }
                    let commit = Some(*winner);
                    return Ok(Judged { commit, ..judged });
                }
                Err(AppendError::Conflict(winner)) if lost == 0 => {
                    // What the winner left: no read.
                    self.cache.forget(stream);
                    let folded = seen.folded.then::<A>(&winner)?;
                    seen = Seen { folded, fresh };
                }
                // The stream is hot, and guessing costs a write each time; or a transaction is under
                // way, and what it leaves is most likely something else to decide on.
                Err(AppendError::Conflict(_) | AppendError::Busy) => {
                    self.cache.forget(stream);
                    let wait = Backoff::RACE.wait(lost, seed);
                    self.clock.sleep(wait).await;
                    seen = self.newest(stream).await?;
                }
                Err(error) => return Err(Failure::Append(error)),
            }
            lost += 1;
        }
        Err(Failure::Contended)
    }

    async fn newest(&self, stream: &StreamId) -> Result<Seen<A::State>, LoadError> {
        let folded = self.refresh(stream, Consistency::Strong).await?;
        let fresh = true;
        Ok(Seen { folded, fresh })
    }

    /// Judges each command on the state that those before it leave.
    fn judge(
        &self,
        stream: &StreamId,
        folded: &Folded<A::State>,
        own: (&Cause, &A::Command),
        group: &[Waiting<A>],
    ) -> Judged<A> {
        let waiting = group
            .iter()
            .map(|waiting| (&waiting.cause, &waiting.command));
        let mut verdicts = Vec::with_capacity(1 + group.len());
        let (mut state, mut version) = (folded.state.clone(), folded.version);
        let mut commit: Option<Commit> = None;
        let (mut bytes, mut parts) = (0, 0);
        for (cause, command) in std::iter::once(own).chain(waiting) {
            if bytes > BYTES_MAX {
                break;
            }
            let id = cause.commit_id();
            let is_in = |commit: &Commit| commit.commit_ids().any(|known| known == id);
            let mut part = None;
            let outcome = if folded.recent.contains(id) || commit.as_ref().is_some_and(is_in) {
                Outcome::Duplicate
            } else {
                match A::decide(&state, command) {
                    Err(rejection) => {
                        verdicts.push(Verdict::Rejected(rejection));
                        continue;
                    }
                    Ok(events) if events.is_empty() => Outcome::Unchanged,
                    Ok(events) => {
                        let time = self.clock.now().max(folded.time);
                        let drafted = Commit::new::<A>(stream, version, cause, time, &events);
                        // One that is alone may have any size: the store tells whether it fits.
                        bytes += if group.is_empty() {
                            0
                        } else {
                            drafted.bare_bytes()
                        };
                        if bytes > BYTES_MAX && !verdicts.is_empty() {
                            break;
                        }
                        version = drafted.last();
                        state = events.iter().fold(state, A::evolve);
                        match &mut commit {
                            Some(commit) => commit.join(drafted),
                            None => commit = Some(drafted),
                        }
                        part = Some(parts);
                        parts += 1;
                        Outcome::Applied
                    }
                }
            };
            let state = state.clone();
            verdicts.push(Verdict::Granted {
                outcome,
                part,
                state,
                version,
            });
        }
        let next = match &mut commit {
            Some(commit) => folded.advance(commit, A::LAYOUT, state),
            None => folded.clone(),
        };
        Judged {
            commit,
            next,
            verdicts,
        }
    }

    /// The commit of `events` on a state, and the state after it.
    pub(crate) fn draft(
        &self,
        stream: &StreamId,
        folded: &Folded<A::State>,
        cause: &Cause,
        events: &[A::Event],
    ) -> (Commit, Folded<A::State>) {
        let time = self.clock.now().max(folded.time);
        let mut commit = Commit::new::<A>(stream, folded.version, cause, time, events);
        let state = events.iter().fold(folded.state.clone(), A::evolve);
        let next = folded.advance(&mut commit, A::LAYOUT, state);
        (commit, next)
    }
}

/// Whether the commits are one, but for the time of another attempt.
pub(crate) fn is_the_same(winner: &Commit, commit: &Commit) -> bool {
    winner.commit_ids().eq(commit.commit_ids()) && winner.events == commit.events
}
