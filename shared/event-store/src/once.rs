//! Commands that count once for good, and whose senders are told the same thing whenever they ask again.

use envelope::{Aggregate, Cause, Version};
use ports::{Clock, Consistency, Deadline, Retry, Unavailable};

use crate::{
    AppendAll, AppendAllError, AppendError, Decider, ExecuteError, Load, LoadError, Outcome,
    Transaction,
};

/// What a command led to that counts once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Once {
    /// It was carried out, and this is the version of its stream after it.
    Executed(Version),
    /// It was carried out before. This is the note that was left then.
    Before(String),
}

impl<A: Aggregate, S: Load + AppendAll, C: Clock> Decider<A, S, C> {
    /// Carries a command out once for each cause, however much later it comes again: for commands
    /// without natural idempotency, on streams that forget their commits, and for senders who are
    /// to get the answer of the first time. What to do is decided on a state and its version, on which
    /// the command may be made to depend. `note` is kept for them; it is made from the version of the
    /// stream after the command.
    ///
    /// A refusal leaves no note: the same cause may come again, and be carried out then. With `None` for a
    /// note there is no claim either: the command counts once as far back as the stream remembers.
    ///
    /// # Errors
    /// See [`ExecuteError`]; like [`execute`](Decider::execute), it refuses on the newest state only.
    ///
    /// # Cost
    /// With a note one request of four write units, where [`execute`](Decider::execute) takes one of one unit, and a
    /// read before it, if the state is not in the cache. Each lost race costs the same again; a command
    /// that was carried out before a request and a read unit more.
    pub async fn execute_once<R: std::error::Error + 'static>(
        &self,
        id: &str,
        cause: &Cause,
        decide: impl Fn(&A::State, Version) -> Result<Vec<A::Event>, R> + Send,
        note: Option<impl Fn(Version) -> String + Send>,
    ) -> Result<Once, ExecuteError<R>> {
        let mut consistency = Consistency::Eventual;
        let mut retry = Retry::new(&self.clock, cause.commit_id().digest());
        loop {
            let seen = self.load(id, consistency).await?;
            let decided = decide(&seen.state, seen.version);
            let changes = decided.as_ref().is_ok_and(|events| !events.is_empty());
            if !changes && consistency == Consistency::Eventual {
                consistency = Consistency::Strong;
                continue;
            }
            let events = match decided {
                Ok(events) => events,
                // It may be refused because it was carried out.
                Err(rejection) => match self.before(cause).await? {
                    Some(before) => return Ok(before),
                    None => return Err(ExecuteError::Rejected(rejection)),
                },
            };
            let count = u64::try_from(events.len()).expect("a commit has few events");
            let after = Version::new(seen.version.get() + count);
            let mut transaction = Transaction::new(cause);
            if let Some(note) = &note {
                transaction = transaction.claimed(note(after));
            }
            transaction
                .add(self, id, &seen, &events)
                .map_err(LoadError::from)?;
            match transaction.commit(&self.store, &self.clock).await {
                Ok(Outcome::Applied | Outcome::Unchanged) => return Ok(Once::Executed(after)),
                Ok(Outcome::Duplicate) | Err(AppendAllError::Claimed) => {
                    // It may have been carried out without a note, or the note has expired.
                    let before = self.before(cause).await?;
                    return Ok(before.unwrap_or(Once::Executed(seen.version)));
                }
                Err(AppendAllError::Conflict(_) | AppendAllError::Busy) => {
                    consistency = Consistency::Strong;
                    retry.lost().await.map_err(|_| ExecuteError::Contended)?;
                }
                Err(AppendAllError::Append(error)) => return Err(ExecuteError::Append(error)),
                Err(many @ AppendAllError::TooMany { .. }) => {
                    let error = Unavailable::new("event-store:execute_once", many);
                    return Err(ExecuteError::Append(AppendError::Unavailable(error)));
                }
            }
        }
    }

    async fn before(&self, cause: &Cause) -> Result<Option<Once>, LoadError> {
        let seed = cause.commit_id().digest();
        let read = || self.store.note_of(cause.commit_id());
        let note = Deadline::persist(&self.clock, seed, read).await?;
        Ok(note.map(Once::Before))
    }
}
