//! A service as a definition sees it: it holds something for the saga, or not.

use saga::{Retry, Step, Undo};
use serde_json::{Map, Value, json};

/// What is wrong with a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Nothing.
    None,
    /// It refuses, for good or, if it only can that, as often as it is asked.
    Refuses,
    /// It refuses once, and does it when it is asked again; if it refuses for good it does not refuse.
    RefusesOnce,
    /// It does nothing and says nothing.
    Silent,
    /// It does what it is asked for, and its answer arrives when nobody waits for it any more.
    Late,
    /// It does what it is asked for, and its answer is lost until somebody looks for it.
    Unheard,
    /// It undoes what it never did without remembering it, and then does it.
    DoesAfterUndo,
    /// It refuses, and those that are done before it do not answer to being undone.
    RefusesAndUndoSilent,
    /// Undoing it fails twice.
    UndoFails,
}

impl Trouble {
    pub(super) const ALL: [Self; 9] = [
        Self::None,
        Self::Refuses,
        Self::RefusesOnce,
        Self::Silent,
        Self::Late,
        Self::Unheard,
        Self::DoesAfterUndo,
        Self::RefusesAndUndoSilent,
        Self::UndoFails,
    ];
}

/// What it answers.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) event: &'static str,
    pub(super) version: u64,
    pub(super) data: Value,
    pub(super) reaches: Reaches,
}

/// When an answer reaches the saga.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reaches {
    Soon,
    Late,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Memory {
    Fresh,
    Done,
    Refused,
    Undone,
}

#[derive(Debug)]
pub(super) struct Service {
    step: &'static Step,
    trouble: Trouble,
    memory: Memory,
    version: u64,
    failures: u32,
    /// The command waits until the step was undone.
    pub(super) holds_back: bool,
    pub(super) holds: bool,
    pub(super) done: u32,
    pub(super) undone: u32,
    pub(super) undo_silent: bool,
}

impl Service {
    pub(super) fn new(step: &'static Step, trouble: Trouble) -> Self {
        Self {
            step,
            trouble,
            memory: Memory::Fresh,
            version: 0,
            failures: 0,
            holds_back: trouble == Trouble::DoesAfterUndo && step.undo.compensation().is_some(),
            holds: false,
            done: 0,
            undone: 0,
            undo_silent: false,
        }
    }

    /// How often it may have been done: once more if it forgets that it was undone.
    pub(super) fn done_max(&self) -> u32 {
        1 + u32::from(self.trouble == Trouble::DoesAfterUndo)
    }

    pub(super) fn repair(&mut self) {
        self.trouble = Trouble::None;
        self.undo_silent = false;
    }

    fn say(&mut self, event: &'static str, fields: &[&str]) -> Option<Said> {
        self.version += 1;
        let mut data = Map::from_iter([("reason".to_owned(), json!("so it was told"))]);
        data.extend(
            fields
                .iter()
                .map(|field| ((*field).to_owned(), json!("kept"))),
        );
        Some(Said {
            event,
            version: self.version,
            data: Value::Object(data),
            reaches: Reaches::Soon,
        })
    }

    /// It is asked to do it.
    pub(super) fn ask(&mut self) -> Option<Said> {
        if self.memory != Memory::Fresh || self.trouble == Trouble::Silent {
            return None;
        }
        let refuses = matches!(
            self.trouble,
            Trouble::Refuses | Trouble::RefusesAndUndoSilent
        );
        let once = self.trouble == Trouble::RefusesOnce && self.failures == 0;
        let refusal = match (refuses, once) {
            (true, _) => self.step.refused.first(),
            (_, true) => self.step.refused.iter().find(|refusal| refusal.again),
            _ => None,
        };
        if let Some(refusal) = refusal {
            self.failures += 1;
            if !refusal.again {
                self.memory = Memory::Refused;
            }
            return self.say(refusal.event, &[]);
        }
        (self.memory, self.holds) = (Memory::Done, true);
        self.done += 1;
        let said = self.say(self.step.done[0], self.step.keep);
        let reaches = match self.trouble {
            Trouble::Late => Reaches::Late,
            Trouble::Unheard => Reaches::Never,
            _ => Reaches::Soon,
        };
        said.map(|said| Said { reaches, ..said })
    }

    /// It is asked to undo it.
    pub(super) fn undo(&mut self) -> Option<Said> {
        let Undo::By(undo) = self.step.undo else {
            return None;
        };
        if self.undo_silent {
            return None;
        }
        if self.trouble == Trouble::UndoFails && self.failures < may_fail(&undo.retry) {
            self.failures += 1;
            return undo.failed.first().and_then(|event| self.say(event, &[]));
        }
        match self.memory {
            Memory::Refused | Memory::Undone => None,
            Memory::Fresh if self.holds_back => {
                self.holds_back = false;
                self.say(undo.done[0], &[])
            }
            Memory::Fresh => {
                self.memory = Memory::Undone;
                self.say(undo.done[0], &[])
            }
            Memory::Done => {
                (self.memory, self.holds) = (Memory::Undone, false);
                self.undone += 1;
                self.say(undo.done[0], &[])
            }
        }
    }
}

/// How often an undo may fail without anybody having to step in.
fn may_fail(retry: &Retry) -> u32 {
    retry.attempts.saturating_sub(1).min(2)
}
