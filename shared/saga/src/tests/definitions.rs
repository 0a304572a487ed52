//! Definitions: what is wrong with one is said, and one that changes leaves the sagas in flight alone.

use super::trip::{CONFIRM, FLIGHT, HOTEL, Play, RETRY, TRIP, Trip, undone_by};
use crate::*;

macro_rules! saga {
    ($name:ident, [$($definition:expr),*] $(, [$($migration:expr),*])?) => {
        enum $name {}
        impl Saga for $name {
            const NAME: &'static str = "TripSaga";
            const FUNCTION: &'static str = "conduct-trip";
            const DEFINITIONS: &'static [Definition] = &[$($definition),*];
            $(const MIGRATIONS: &'static [Migration] = &[$($migration),*];)?
        }
    };
}

#[test]
fn a_good_definition_has_no_flaws() {
    assert_eq!(flaws::<Trip>(), Vec::<String>::new());
}

#[test]
fn what_is_wrong_with_a_definition_is_said_in_a_sentence() {
    const UNANSWERED: Step = Step {
        done: &[],
        retry: Retry {
            attempts: 0,
            ..RETRY
        },
        ..HOTEL
    };
    const FOREVER: Step = Step {
        undo: undone_by("CancelHotel", &["room"], &[]),
        ..HOTEL
    };
    const BOTH: Step = Step {
        refused: &[Refusal {
            event: "HotelBooked",
            meaning: "no",
            again: false,
        }],
        ..HOTEL
    };
    const LATER: Step = Step {
        command: Command {
            fields: &["reason"],
            ..HOTEL.command
        },
        ..HOTEL
    };
    const TWIN: Step = Step {
        name: "book-hotel",
        ..FLIGHT
    };
    const ON_PURPOSE: Step = Step {
        undo: Undo::Never {
            because: "it was said",
            others_may_fail: true,
        },
        ..CONFIRM
    };
    saga!(None, []);
    saga!(Versions, [TRIP, TRIP]);
    saga!(
        Unanswered,
        [Definition {
            stages: &[&[FLIGHT, UNANSWERED]],
            ..TRIP
        }]
    );
    saga!(
        Forever,
        [Definition {
            stages: &[&[FOREVER]],
            ..TRIP
        }]
    );
    saga!(
        Both,
        [Definition {
            stages: &[&[BOTH]],
            ..TRIP
        }]
    );
    saga!(
        Later,
        [Definition {
            stages: &[&[LATER], &[FLIGHT]],
            ..TRIP
        }]
    );
    saga!(
        Twins,
        [Definition {
            stages: &[&[HOTEL], &[TWIN]],
            ..TRIP
        }]
    );
    saga!(
        TooEarly,
        [Definition {
            stages: &[&[FLIGHT], &[CONFIRM], &[HOTEL]],
            ..TRIP
        }]
    );
    const UNASKED: Step = Step {
        refused: &[],
        ..CONFIRM
    };
    saga!(
        Unasked,
        [Definition {
            stages: &[&[FLIGHT], &[UNASKED]],
            ..TRIP
        }]
    );
    saga!(
        OnPurpose,
        [Definition {
            stages: &[&[FLIGHT], &[ON_PURPOSE], &[HOTEL]],
            ..TRIP
        }]
    );
    saga!(
        Lost,
        [
            Definition {
                version: 2,
                stages: &[&[HOTEL]],
                ..TRIP
            },
            TRIP
        ],
        [Migration {
            from: 1,
            to: 2,
            renamed: &[]
        }]
    );
    let cases = [
        (flaws::<None>(), "there is no definition"),
        (flaws::<Versions>(), "a version of its own"),
        (
            flaws::<Unanswered>(),
            "nothing says that book-hotel is done",
        ),
        (
            flaws::<Unanswered>(),
            "book-hotel has no attempt, or no time",
        ),
        (flaws::<Forever>(), "nothing says that book-hotel is undone"),
        (
            flaws::<Forever>(),
            "CancelHotel needs room, which nothing kept",
        ),
        (
            flaws::<Both>(),
            "HotelBooked says of book-hotel both yes and no",
        ),
        (
            flaws::<Later>(),
            "BookHotel needs reason, which nothing kept",
        ),
        (flaws::<Twins>(), "two steps are called book-hotel"),
        (
            flaws::<TooEarly>(),
            "confirm cannot be undone, and book-hotel can still fail",
        ),
        (
            flaws::<Unasked>(),
            "confirm cannot be undone, and is not refused by TripCancelled",
        ),
        (
            flaws::<Lost>(),
            "no step book-flight, which sagas may have begun",
        ),
    ];
    for (flaws, expected) in cases {
        assert!(
            flaws.iter().any(|flaw| flaw.contains(expected)),
            "{expected}: {flaws:?}"
        );
    }
    assert_eq!(flaws::<OnPurpose>(), Vec::<String>::new());
}

const SECOND: Definition = Definition {
    version: 2,
    stages: &[&[HOTEL], &[FLIGHT], &[CONFIRM]],
    ..TRIP
};

#[test]
fn a_saga_in_flight_ends_under_the_definition_that_it_began_with() {
    saga!(Changed, [SECOND, TRIP]);
    let mut old = Play::<Changed>::new();
    old.state = Play::started().state;
    assert_eq!(old.hear("HotelBooked", 1), ["completed book-hotel"]);
    assert_eq!(old.hear("FlightBooked", 1)[1], "started confirm");
    let mut new = Play::<Changed>::new();
    assert_eq!(
        new.hear("TripRequested", 1),
        ["begun", "started book-hotel", "> BookHotel"]
    );
}

#[test]
fn a_definition_that_is_gone_is_an_error_that_says_so() {
    saga!(Gone, [SECOND]);
    let mut old = Play::<Gone>::new();
    old.state = Play::started().state;
    let fired = old.happen(What::TimerFired(old.now));
    assert_eq!(fired, Err(Rejection::UnknownDefinition(1)));
}

#[test]
fn a_rule_takes_sagas_in_flight_over_to_another_definition() {
    const LODGE: Step = Step {
        name: "find-lodging",
        ..HOTEL
    };
    const THIRD: Definition = Definition {
        version: 3,
        stages: &[&[FLIGHT, LODGE], &[CONFIRM]],
        ..TRIP
    };
    saga!(
        Migrated,
        [THIRD, TRIP],
        [Migration {
            from: 1,
            to: 3,
            renamed: &[("book-hotel", "find-lodging")]
        }]
    );
    assert_eq!(flaws::<Migrated>(), Vec::<String>::new());
    let mut play = Play::<Migrated>::new();
    play.state = Play::started().state;
    assert_eq!(
        play.fire(),
        [""; 0],
        "where nothing happens there is nothing to store"
    );
    assert_eq!(
        play.hear("HotelBooked", 1),
        ["migrated from 1 to 3", "completed find-lodging"]
    );
    assert_eq!(play.state.definition, 3);
    assert_eq!(play.hear("FlightBooked", 1)[1], "started confirm");
}

#[test]
fn a_rule_also_takes_over_what_has_ended_so_that_it_knows_what_it_knew() {
    const LODGE: Step = Step {
        name: "find-lodging",
        ..HOTEL
    };
    const THIRD: Definition = Definition {
        version: 3,
        stages: &[&[FLIGHT, LODGE], &[CONFIRM]],
        ..TRIP
    };
    saga!(
        Renamed,
        [THIRD, TRIP],
        [Migration {
            from: 1,
            to: 3,
            renamed: &[("book-hotel", "find-lodging")]
        }]
    );
    let mut ended = Play::started();
    for (event, version) in [
        ("HotelBooked", 1),
        ("FlightRefused", 1),
        ("HotelCancelled", 2),
        ("TripFailed", 3),
    ] {
        ended.hear(event, version);
    }
    let mut play = Play::<Renamed>::new();
    play.state = ended.state;
    assert_eq!(play.hear("HotelBooked", 1), [""; 0]);
    assert_eq!(
        play.hear("HotelBooked", 3)[..2],
        ["migrated from 1 to 3", "completed find-lodging"]
    );
}

#[test]
fn the_last_stage_is_undone_first_and_the_others_wait_for_it() {
    saga!(InLine, [SECOND]);
    let mut play = Play::<InLine>::new();
    for (event, version) in [
        ("TripRequested", 1),
        ("HotelBooked", 1),
        ("FlightBooked", 1),
    ] {
        play.hear(event, version);
    }
    let said = play.hear("TripCancelled", 2);
    assert_eq!(
        said,
        [
            "failed confirm for good",
            "compensating",
            "undone request-trip",
            "undoing book-flight",
            "> CancelFlight"
        ]
    );
    assert_eq!(
        play.hear("FlightCancelled", 2),
        ["undone book-flight", "undoing book-hotel", "> CancelHotel"]
    );
    assert_eq!(
        play.hear("HotelCancelled", 2),
        ["undone book-hotel", "ended badly"]
    );
}

#[test]
fn behind_the_point_of_no_return_nothing_turns_it_back() {
    const LATER: Step = Step {
        refused: &[],
        ..HOTEL
    };
    saga!(
        Behind,
        [Definition {
            stages: &[&[FLIGHT], &[CONFIRM], &[LATER]],
            ..TRIP
        }]
    );
    assert_eq!(flaws::<Behind>(), Vec::<String>::new());
    let mut play = Play::<Behind>::new();
    for (event, version) in [
        ("TripRequested", 1),
        ("FlightBooked", 1),
        ("TripConfirmed", 2),
    ] {
        play.hear(event, version);
    }
    assert_eq!(play.hear("TripCancelled", 3), [""; 0]);
    assert_eq!(play.hear("FlightCancelled", 2), [""; 0]);
    while play.state.stuck().next().is_none() {
        play.sleep(10 * 60_000);
        play.fire();
    }
    assert_eq!(play.state.stuck().collect::<Vec<_>>(), ["book-hotel"]);
    assert_eq!(play.state.phase, Phase::Running);
}

#[test]
fn what_cannot_be_undone_is_not_asked_for_on_the_way_back() {
    const NOTIFY: Step = Step {
        name: "notify",
        undo: Undo::Never {
            because: "it was said",
            others_may_fail: true,
        },
        ..CONFIRM
    };
    saga!(
        Told,
        [Definition {
            stages: &[&[FLIGHT, NOTIFY]],
            start: Start {
                keep: &["tripId", "seat"],
                ..TRIP.start
            },
            ..TRIP
        }]
    );
    let mut play = Play::<Told>::new();
    play.hear("TripRequested", 1);
    assert_eq!(
        play.hear("FlightRefused", 1),
        ["failed book-flight for good", "compensating"]
    );
    play.sleep(10 * 60_000);
    assert_eq!(play.fire(), ["stuck at notify"]);
    assert_eq!(
        play.step_in(Intervention::Resume),
        Err(Rejection::NothingToDo)
    );
    let said = play.step_in(Intervention::Resolve("notify".to_owned()));
    assert_eq!(
        said.expect("it is stuck"),
        ["resolved notify", "undoing request-trip", "> FailTrip"]
    );
}
