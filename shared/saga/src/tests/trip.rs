//! A trip, and what it says when things happen to it.

use std::time::Duration;

use envelope::{Aggregate, Timestamp};
use serde_json::{Value, json};

use crate::events::Progress;
use crate::*;

pub(super) const MINUTE_MS: i64 = 60_000;

pub(super) enum Trip {}

pub(super) const RETRY: Retry = Retry {
    attempts: 3,
    timeout: Duration::from_secs(600),
    wait: Duration::from_secs(60),
};

const fn command(name: &'static str, fields: &'static [&'static str]) -> Command {
    Command {
        name,
        schema_version: 1,
        fields,
    }
}

pub(super) const fn undone_by(
    name: &'static str,
    fields: &'static [&'static str],
    done: &'static [&'static str],
) -> Undo {
    let failed = &["HotelWillNotCancel"];
    Undo::By(Compensation {
        command: command(name, fields),
        done,
        failed,
        retry: RETRY,
    })
}

pub(super) const FLIGHT: Step = Step {
    name: "book-flight",
    command: command("BookFlight", &["tripId"]),
    done: &["FlightBooked"],
    keep: &["seat"],
    refused: &[Refusal {
        event: "FlightRefused",
        meaning: "no seat",
        again: false,
    }],
    retry: RETRY,
    undo: undone_by("CancelFlight", &["tripId"], &["FlightCancelled"]),
};

pub(super) const HOTEL: Step = Step {
    name: "book-hotel",
    command: command("BookHotel", &["tripId"]),
    done: &["HotelBooked"],
    keep: &[],
    refused: &[Refusal {
        event: "HotelFull",
        meaning: "no room",
        again: true,
    }],
    retry: RETRY,
    undo: undone_by("CancelHotel", &["tripId"], &["HotelCancelled"]),
};

pub(super) const CONFIRM: Step = Step {
    name: "confirm",
    command: command("ConfirmTrip", &["tripId", "seat"]),
    done: &["TripConfirmed"],
    keep: &[],
    refused: &[Refusal {
        event: "TripCancelled",
        meaning: "cancelled",
        again: false,
    }],
    retry: RETRY,
    undo: Undo::Never {
        because: "it was said",
        others_may_fail: false,
    },
};

pub(super) const TRIP: Definition = Definition {
    version: 1,
    start: Start {
        name: "request-trip",
        event: "TripRequested",
        keep: &["tripId"],
        undo: undone_by(
            "FailTrip",
            &["tripId", "reason"],
            &["TripFailed", "TripCancelled"],
        ),
    },
    called_off_by: &["TripCancelled"],
    stages: &[&[FLIGHT, HOTEL], &[CONFIRM]],
};

impl Saga for Trip {
    const NAME: &'static str = "TripSaga";
    const FUNCTION: &'static str = "conduct-trip";
    const DEFINITIONS: &'static [Definition] = &[TRIP];
}

/// A saga to which things happen one by one.
pub(super) struct Play<S = Trip> {
    pub(super) state: State,
    pub(super) now: Timestamp,
    said: Vec<Said>,
    saga: std::marker::PhantomData<S>,
}

impl Play {
    /// One that has just begun.
    pub(super) fn started() -> Self {
        let mut play = Self::new();
        assert_eq!(
            play.hear("TripRequested", 1),
            [
                "begun",
                "started book-flight",
                "> BookFlight",
                "started book-hotel",
                "> BookHotel"
            ]
        );
        play
    }
}

impl<S: Saga> Play<S> {
    pub(super) fn new() -> Self {
        Self {
            state: State::default(),
            now: Timestamp::from_millis(1_700_000_000_000),
            said: Vec::new(),
            saga: std::marker::PhantomData,
        }
    }

    pub(super) fn happen(&mut self, what: What) -> Result<(), Rejection> {
        let happening = Happening {
            what,
            now: self.now,
            seed: 500,
        };
        let entries = Conducted::<S>::decide(&self.state, &happening)?;
        let fold = |state, entry| Conducted::<S>::evolve(state, entry);
        self.state = entries.iter().fold(std::mem::take(&mut self.state), fold);
        self.said = entries.into_iter().map(|entry| entry.said).collect();
        Ok(())
    }

    /// Everything but timers.
    pub(super) fn hear(&mut self, event: &str, version: u64) -> Vec<String> {
        without_timers(self.hear_with_timers(event, version))
    }

    pub(super) fn hear_with_timers(&mut self, event: &str, version: u64) -> Vec<String> {
        let data = json!({ "tripId": "t", "reason": "full", "seat": "1A" });
        self.hear_all(Heard {
            event: event.to_owned(),
            version,
            data,
        })
    }

    pub(super) fn hear_all(&mut self, heard: Heard) -> Vec<String> {
        self.happen(What::Heard(heard)).expect("a known definition");
        self.said.iter().map(words).collect()
    }

    pub(super) fn sleep(&mut self, millis: i64) {
        self.now = Timestamp::from_millis(self.now.as_millis() + millis);
    }

    pub(super) fn sleep_until(&mut self, moment: Timestamp) {
        self.now = moment;
    }

    pub(super) fn fire(&mut self) -> Vec<String> {
        without_timers(self.fire_with_timers())
    }

    pub(super) fn fire_with_timers(&mut self) -> Vec<String> {
        self.happen(What::TimerFired(self.now))
            .expect("a known definition");
        self.said.iter().map(words).collect()
    }

    pub(super) fn step_in(&mut self, how: Intervention) -> Result<Vec<String>, Rejection> {
        self.happen(What::Intervention(how, "seen to".to_owned()))?;
        Ok(without_timers(self.said.iter().map(words).collect()))
    }

    pub(super) fn happen_with_timers(&mut self, how: Intervention) -> Vec<String> {
        let what = What::Intervention(how, "seen to".to_owned());
        self.happen(what).expect("it is possible");
        self.said.iter().map(words).collect()
    }

    /// The data of the last command.
    pub(super) fn sent(&self) -> Value {
        let mut commands = self.said.iter().rev().filter_map(|said| match said {
            Said::Command { data, .. } => Some(Value::Object(data.clone())),
            Said::Progress(_) => None,
        });
        commands.next().expect("a command")
    }
}

fn without_timers(mut said: Vec<String>) -> Vec<String> {
    said.retain(|said| said != "timer");
    said
}

fn words(said: &Said) -> String {
    match said {
        Said::Command { name, .. } => format!("> {name}"),
        Said::Progress(progress) => match progress {
            Progress::SagaStarted(_) => "begun".to_owned(),
            Progress::SagaStepStarted(e) => format!("started {}", e.step),
            Progress::SagaStepCompleted(e) => format!("completed {}", e.step),
            Progress::SagaStepFailed(e) if e.again_at.is_some() => {
                format!("failed {} for now", e.step)
            }
            Progress::SagaStepFailed(e) => format!("failed {} for good", e.step),
            Progress::SagaCompensating(_) => "compensating".to_owned(),
            Progress::SagaUndoStarted(e) => format!("undoing {}", e.step),
            Progress::SagaUndoCompleted(e) => format!("undone {}", e.step),
            Progress::SagaUndoFailed(e) => format!("undo failed {}", e.step),
            Progress::SagaStuck(e) => format!("stuck at {}", e.step),
            Progress::SagaResumed(e) => format!("resumed {}", e.steps.join(", ")),
            Progress::SagaStepResolved(e) => format!("resolved {}", e.step),
            Progress::SagaMigrated(e) => format!("migrated from {} to {}", e.from, e.to),
            Progress::SagaTimerSet(_) => "timer".to_owned(),
            Progress::SagaCompleted(_) => "ended well".to_owned(),
            Progress::SagaCompensated(_) => "ended badly".to_owned(),
        },
    }
}
