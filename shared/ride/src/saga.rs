//! The saga of a ride. It has what the order's has not: steps side by side, a refusal after which it is
//! worth to ask again, an answer that may take hours, and a step behind the point of no return.

use std::time::Duration;

use saga::{Command, Compensation, Definition, Refusal, Retry, Saga, Start, Step, Undo};

/// The saga of a ride. Its id is the ride's.
#[derive(Debug)]
pub enum RideSaga {}

/// Somebody stands in the rain and waits.
const AT_ONCE: Retry = Retry {
    attempts: 3,
    timeout: Duration::from_secs(60),
    wait: Duration::from_secs(10),
};

/// As long as a ride may take; there is no point in asking a driver twice.
const A_RIDE: Retry = Retry {
    attempts: 1,
    timeout: Duration::from_secs(4 * 60 * 60),
    wait: Duration::ZERO,
};

/// Nobody waits for it, and it must not fail.
const UNTIL_DONE: Retry = Retry {
    attempts: 10,
    timeout: Duration::from_secs(300),
    wait: Duration::from_secs(60),
};

const fn command(name: &'static str, fields: &'static [&'static str]) -> Command {
    Command {
        name,
        schema_version: 1,
        fields,
    }
}

const fn undone_by(name: &'static str, done: &'static [&'static str]) -> Undo {
    Undo::By(Compensation {
        command: command(name, &["rideId"]),
        done,
        failed: &[],
        retry: UNTIL_DONE,
    })
}

const HOLD_FARE: Step = Step {
    name: "hold-fare",
    command: command("HoldFare", &["rideId", "riderId", "fareAtMost"]),
    done: &["FareHeld"],
    keep: &[],
    refused: &[Refusal {
        event: "FareRefused",
        meaning: "card declined",
        again: false,
    }],
    retry: AT_ONCE,
    undo: undone_by("ReleaseFare", &["FareReleased"]),
};

const MATCH_DRIVER: Step = Step {
    name: "match-driver",
    command: command("MatchDriver", &["rideId", "pickUpAt"]),
    done: &["DriverMatched"],
    keep: &["driverId"],
    // In ten seconds one may be free.
    refused: &[Refusal {
        event: "NoDriverFree",
        meaning: "no driver",
        again: true,
    }],
    retry: AT_ONCE,
    undo: undone_by("ReleaseDriver", &["DriverReleased"]),
};

const START_RIDE: Step = Step {
    name: "start-ride",
    command: command("StartRide", &["rideId", "driverId", "pickUpAt", "goTo"]),
    done: &["RideStarted"],
    keep: &[],
    refused: &[Refusal {
        event: "RiderNotThere",
        meaning: "nobody was there",
        again: false,
    }],
    retry: A_RIDE,
    undo: undone_by("StopRide", &["RideStopped"]),
};

const COMPLETE_RIDE: Step = Step {
    name: "complete-ride",
    command: command("CompleteRide", &["rideId"]),
    done: &["RideCompleted"],
    keep: &["fare"],
    // Whether somebody may still cancel on the way is for the ride to decide.
    refused: &[Refusal {
        event: "RideCancelled",
        meaning: "cancelled",
        again: false,
    }],
    retry: A_RIDE,
    undo: Undo::Never {
        because: "the rider has arrived",
        others_may_fail: false,
    },
};

const COLLECT_FARE: Step = Step {
    name: "collect-fare",
    command: command("CollectFare", &["rideId", "fare"]),
    done: &["FareCollected"],
    keep: &[],
    // The money is held: it cannot be refused any more.
    refused: &[],
    retry: UNTIL_DONE,
    undo: Undo::Never {
        because: "the rider has arrived, and pays",
        others_may_fail: false,
    },
};

impl Saga for RideSaga {
    const NAME: &'static str = "RideSaga";
    const FUNCTION: &'static str = "conduct-ride";
    const DEFINITIONS: &'static [Definition] = &[Definition {
        version: 1,
        start: Start {
            name: "request-ride",
            event: "RideRequested",
            keep: &["rideId", "riderId", "pickUpAt", "goTo", "fareAtMost"],
            undo: Undo::By(Compensation {
                command: command("FailRide", &["rideId", "reason"]),
                done: &["RideFailed", "RideCancelled"],
                failed: &[],
                retry: UNTIL_DONE,
            }),
        },
        called_off_by: &["RideCancelled"],
        stages: &[
            &[HOLD_FARE, MATCH_DRIVER],
            &[START_RIDE],
            &[COMPLETE_RIDE],
            &[COLLECT_FARE],
        ],
    }];
}
