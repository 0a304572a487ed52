//! The transition table, row by row, on a saga with everything: steps side by side, a refusal after which
//! it is worth to ask again, and a step that cannot be undone.

mod definitions;
mod stuck;
mod trip;

use serde_json::json;
use testkit::layout::assert_up_to_date;

use crate::{Conducted, Heard, StepPhase};
use trip::{MINUTE_MS, Play, Trip};

#[test]
fn the_layout_of_the_state_is_up_to_date() {
    assert_up_to_date::<Conducted<Trip>>();
}

#[test]
fn steps_side_by_side_begin_together_and_the_next_stage_waits_for_both() {
    let mut play = Play::started();
    assert_eq!(play.hear("HotelBooked", 1), ["completed book-hotel"]);
    assert_eq!(
        play.hear("FlightBooked", 1),
        ["completed book-flight", "started confirm", "> ConfirmTrip"]
    );
    assert_eq!(
        play.hear("TripConfirmed", 2),
        ["completed confirm", "ended well"]
    );
    assert!(play.state.has_ended());
}

#[test]
fn an_answer_that_comes_twice_or_late_in_its_stream_changes_nothing() {
    let mut play = Play::started();
    play.hear("TripRequested", 1);
    play.hear("HotelBooked", 1);
    let before = play.state.clone();
    assert_eq!(play.hear("HotelBooked", 1), [""; 0]);
    assert_eq!(play.hear("TripRequested", 1), [""; 0]);
    assert_eq!(play.state, before);
}

#[test]
fn what_is_kept_of_an_answer_goes_into_later_commands() {
    let mut play = Play::started();
    play.hear("HotelBooked", 1);
    let booked = Heard {
        event: "FlightBooked".to_owned(),
        version: 1,
        data: json!({ "seat": "7A", "crew": "not kept" }),
    };
    play.hear_all(booked);
    assert_eq!(play.sent(), json!({ "tripId": "t", "seat": "7A" }));
}

#[test]
fn a_final_refusal_undoes_what_is_done_and_what_may_be_and_then_says_that_it_failed() {
    let mut play = Play::started();
    assert_eq!(
        play.hear("FlightRefused", 1),
        [
            "failed book-flight for good",
            "compensating",
            "undoing book-hotel",
            "> CancelHotel"
        ]
    );
    assert_eq!(
        play.hear("HotelCancelled", 2),
        ["undone book-hotel", "undoing request-trip", "> FailTrip"]
    );
    assert_eq!(
        play.sent(),
        json!({ "tripId": "t", "reason": "no seat: full" })
    );
    assert_eq!(
        play.hear("TripFailed", 3),
        ["undone request-trip", "ended badly"]
    );
}

#[test]
fn a_refusal_that_may_pass_is_asked_again_later_each_time_and_in_the_end_for_good() {
    let mut play = Play::started();
    let mut waits = Vec::new();
    for version in 1..=2 {
        assert_eq!(
            play.hear("HotelFull", version)[0],
            "failed book-hotel for now"
        );
        let attempt = play
            .state
            .step("book-hotel")
            .and_then(|phase| phase.attempt());
        let until = attempt.expect("it waits").until;
        waits.push(until.millis_since(play.now));
        play.sleep_until(until);
        assert!(play.fire().contains(&"> BookHotel".to_owned()));
    }
    assert!((30_000..=60_000).contains(&waits[0]), "{waits:?}");
    assert!((60_000..=120_000).contains(&waits[1]), "{waits:?}");
    assert_eq!(
        play.hear("HotelFull", 3)[..2],
        ["failed book-hotel for good", "compensating"]
    );
}

#[test]
fn who_does_not_answer_is_asked_again_and_then_undone_since_it_may_have_been_done() {
    let mut play = Play::started();
    play.hear("HotelBooked", 1);
    for _ in 0..2 {
        play.sleep(10 * MINUTE_MS);
        assert_eq!(play.fire()[0], "failed book-flight for now");
        play.sleep(10 * MINUTE_MS);
        assert!(play.fire().contains(&"> BookFlight".to_owned()));
    }
    play.sleep(10 * MINUTE_MS);
    let said = play.fire();
    assert_eq!(said[..2], ["failed book-flight for good", "compensating"]);
    assert!(said.contains(&"> CancelFlight".to_owned()), "{said:?}");
    assert!(said.contains(&"> CancelHotel".to_owned()), "{said:?}");
}

#[test]
fn a_timer_that_fires_late_twice_or_after_the_answer_changes_nothing() {
    let mut play = Play::started();
    play.hear("HotelBooked", 1);
    play.hear("FlightBooked", 1);
    play.hear("TripConfirmed", 2);
    play.sleep(60 * MINUTE_MS);
    assert_eq!(play.fire(), [""; 0]);

    let mut play = Play::started();
    play.sleep(10 * MINUTE_MS);
    assert!(!play.fire().is_empty());
    assert_eq!(play.fire(), [""; 0]);
}

#[test]
fn one_timer_is_set_for_the_first_moment_at_which_anything_is_due() {
    let mut play = Play::<Trip>::new();
    let timers = |said: &[String]| said.iter().filter(|said| *said == "timer").count();
    assert_eq!(timers(&play.hear_with_timers("TripRequested", 1)), 1);
    assert_eq!(
        timers(&play.hear_with_timers("HotelBooked", 1)),
        0,
        "that one is enough"
    );
    play.sleep(10 * MINUTE_MS);
    assert_eq!(timers(&play.fire_with_timers()), 1, "it goes on");
}

#[test]
fn what_is_done_too_late_is_undone_also_after_the_end() {
    let mut play = Play::started();
    play.hear("FlightRefused", 1);
    play.hear("HotelCancelled", 1);
    play.hear("TripFailed", 3);
    assert!(play.state.has_ended());
    assert_eq!(
        play.hear("HotelBooked", 2),
        [
            "completed book-hotel",
            "compensating",
            "undoing book-hotel",
            "> CancelHotel"
        ]
    );
    assert_eq!(
        play.hear("HotelCancelled", 3),
        ["undone book-hotel", "ended badly"]
    );
}

#[test]
fn an_undo_from_before_a_late_answer_does_not_count_for_it() {
    let mut play = Play::started();
    play.hear("FlightRefused", 1);
    assert_eq!(play.hear("HotelBooked", 2), ["completed book-hotel"]);
    assert_eq!(
        play.hear("HotelCancelled", 1),
        [""; 0],
        "it closed nothing that came after it"
    );
    play.sleep(10 * MINUTE_MS);
    assert_eq!(play.fire(), ["undo failed book-hotel"]);
    play.sleep(10 * MINUTE_MS);
    assert_eq!(play.fire(), ["undoing book-hotel", "> CancelHotel"]);
    assert_eq!(play.hear("HotelCancelled", 3)[0], "undone book-hotel");
}

#[test]
fn an_answer_that_is_overtaken_by_its_own_undo_is_not_late() {
    let mut play = Play::started();
    play.hear("FlightRefused", 1);
    assert_eq!(play.hear("HotelCancelled", 2)[0], "undone book-hotel");
    assert_eq!(play.hear("HotelBooked", 1), [""; 0]);
    assert_eq!(play.state.step("book-hotel"), Some(StepPhase::Undone));
}

#[test]
fn a_second_undo_that_overtakes_what_it_undid_counts_for_it() {
    let mut play = Play::started();
    play.hear("FlightRefused", 1);
    play.hear("HotelCancelled", 1);
    assert_eq!(play.hear("HotelCancelled", 3), ["undone book-hotel"]);
    assert_eq!(play.hear("HotelBooked", 2), [""; 0]);
    assert_eq!(play.hear("HotelCancelled", 3), [""; 0]);
    assert_eq!(
        play.hear("TripFailed", 3),
        ["undone request-trip", "ended badly"]
    );
}

#[test]
fn a_refusal_says_of_a_step_that_is_being_undone_that_there_is_nothing_to_undo() {
    let mut play = Play::started();
    play.hear("TripCancelled", 2);
    assert_eq!(
        play.state.reason.as_deref(),
        Some("full"),
        "what whoever cancelled says"
    );
    assert_eq!(play.hear("FlightRefused", 1), ["undone book-flight"]);
    assert_eq!(
        play.hear("HotelCancelled", 1),
        ["undone book-hotel", "ended badly"],
        "whoever cancelled knows"
    );
}

#[test]
fn what_is_called_off_before_it_began_never_begins() {
    let mut play = Play::<Trip>::new();
    assert_eq!(play.hear("TripCancelled", 2), ["ended badly"]);
    assert_eq!(play.hear("TripRequested", 1), [""; 0]);
    assert_eq!(play.hear("TripCancelled", 2), [""; 0]);
}

#[test]
fn what_somebody_else_undoes_is_a_reason_to_undo_the_rest() {
    let mut play = Play::started();
    play.hear("HotelBooked", 1);
    let said = play.hear("HotelCancelled", 2);
    assert_eq!(
        said[..3],
        ["undone book-hotel", "compensating", "undoing book-flight"]
    );
    let mut play = Play::started();
    for (event, version) in [
        ("HotelBooked", 1),
        ("FlightBooked", 1),
        ("TripConfirmed", 2),
    ] {
        play.hear(event, version);
    }
    assert_eq!(
        play.hear("HotelCancelled", 2),
        [""; 0],
        "after the end it is other people's business"
    );
}
