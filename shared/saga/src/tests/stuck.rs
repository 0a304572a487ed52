//! What nobody answers in the end waits for a person, and goes on when one steps in.

use super::trip::{MINUTE_MS, Play};
use crate::{Intervention, Phase, Rejection, StepPhase};

/// A trip whose hotel does not answer to its cancellation.
fn stuck_backwards() -> Play {
    let mut play = Play::started();
    play.hear("FlightRefused", 1);
    while play.state.stuck().next().is_none() {
        play.sleep(10 * MINUTE_MS);
        play.fire();
    }
    play
}

/// A trip of which nobody says whether it was confirmed.
fn stuck_forwards() -> Play {
    let mut play = Play::started();
    play.hear("HotelBooked", 1);
    play.hear("FlightBooked", 1);
    while play.state.stuck().next().is_none() {
        play.sleep(10 * MINUTE_MS);
        play.fire();
    }
    play
}

#[test]
fn an_undo_that_keeps_failing_is_parked_after_its_last_attempt() {
    let mut play = Play::started();
    play.hear("FlightRefused", 1);
    for version in 1..=2 {
        assert_eq!(
            play.hear("HotelWillNotCancel", version),
            ["undo failed book-hotel"]
        );
        play.sleep(10 * MINUTE_MS);
        assert_eq!(play.fire(), ["undoing book-hotel", "> CancelHotel"]);
    }
    assert_eq!(play.hear("HotelWillNotCancel", 3), ["stuck at book-hotel"]);
    assert!(!play.state.has_ended());
    play.sleep(600 * MINUTE_MS);
    assert_eq!(
        play.fire(),
        [""; 0],
        "it waits for a person, and for nothing else"
    );
}

#[test]
fn what_is_stuck_goes_on_by_itself_when_the_answer_comes_after_all() {
    let mut play = stuck_backwards();
    assert_eq!(play.hear("HotelCancelled", 2)[0], "undone book-hotel");
    let mut play = stuck_forwards();
    assert_eq!(
        play.hear("TripConfirmed", 2),
        ["completed confirm", "ended well"]
    );
    let mut play = stuck_forwards();
    assert_eq!(
        play.hear("TripCancelled", 2)[..2],
        ["failed confirm for good", "compensating"]
    );
}

#[test]
fn what_cannot_be_undone_and_is_not_answered_is_not_turned_back_on() {
    let play = stuck_forwards();
    assert_eq!(play.state.phase, Phase::Running);
    assert_eq!(play.state.step("confirm"), Some(StepPhase::Stuck));
}

#[test]
fn it_is_resumed_with_all_its_attempts() {
    let mut play = stuck_backwards();
    let said = play.step_in(Intervention::Resume);
    let expected = ["resumed book-hotel", "undoing book-hotel", "> CancelHotel"];
    assert_eq!(said, Ok(expected.map(str::to_owned).to_vec()));
    let attempt = play
        .state
        .step("book-hotel")
        .and_then(|phase| phase.attempt());
    assert_eq!(attempt.map(|attempt| attempt.number), Some(1));
    let mut play = stuck_forwards();
    let said = play.step_in(Intervention::Resume).expect("it is stuck");
    assert_eq!(
        said,
        ["resumed confirm", "started confirm", "> ConfirmTrip"]
    );
}

#[test]
fn it_is_resolved_by_hand_and_goes_on_behind_it() {
    let mut play = stuck_backwards();
    let said = play.step_in(Intervention::Resolve("book-hotel".to_owned()));
    let said = said.expect("it is stuck there");
    assert_eq!(
        said,
        ["resolved book-hotel", "undoing request-trip", "> FailTrip"]
    );
    let mut play = stuck_forwards();
    let said = play.step_in(Intervention::Resolve("confirm".to_owned()));
    assert_eq!(
        said.expect("it is stuck there"),
        ["resolved confirm", "ended well"]
    );
}

#[test]
fn one_step_is_asked_for_again_at_once_with_all_its_attempts_also_before_it_is_stuck() {
    let mut play = Play::started();
    play.hear("FlightRefused", 1);
    play.sleep(10 * MINUTE_MS);
    play.fire();
    let retry = || Intervention::Retry("book-hotel".to_owned());
    let said = play.step_in(retry()).expect("it is waited for");
    let expected = ["resumed book-hotel", "undoing book-hotel", "> CancelHotel"];
    assert_eq!(said, expected);
    let mut play = Play::started();
    let said = play.step_in(retry()).expect("it is waited for");
    let expected = ["resumed book-hotel", "started book-hotel", "> BookHotel"];
    assert_eq!(said, expected);
    assert_eq!(
        stuck_backwards().step_in(retry()).map(|said| said.len()),
        Ok(3)
    );
}

#[test]
fn a_saga_whose_timer_is_lost_is_woken() {
    let mut play = Play::started();
    play.sleep(60 * MINUTE_MS);
    let said = play.step_in(Intervention::Resume).expect("it waits");
    let failed = ["failed book-flight for now", "failed book-hotel for now"];
    assert_eq!(said, ["resumed ", failed[0], failed[1]]);
    let mut play = Play::started();
    let happened = play.happen_with_timers(Intervention::Resume);
    assert_eq!(happened, ["resumed ", "timer"], "though one was set before");
}

#[test]
fn what_is_stuck_is_looked_at_every_hour() {
    for mut play in [stuck_backwards(), stuck_forwards()] {
        for _ in 0..3 {
            play.sleep(60 * MINUTE_MS);
            assert_eq!(play.fire_with_timers(), ["timer"]);
            assert_eq!(play.fire_with_timers(), [""; 0]);
        }
    }
}

#[test]
fn nobody_steps_in_where_nothing_is_waited_for() {
    let resolve = |step: &str| Intervention::Resolve(step.to_owned());
    let absent = Play::<super::Trip>::new().step_in(Intervention::Resume);
    assert_eq!(absent, Err(Rejection::Absent));
    let mut ended = Play::started();
    for (event, version) in [
        ("HotelBooked", 1),
        ("FlightBooked", 1),
        ("TripConfirmed", 2),
    ] {
        ended.hear(event, version);
    }
    assert_eq!(
        ended.step_in(Intervention::Resume),
        Err(Rejection::NothingToDo)
    );
    let other = |step: &str| Err(Rejection::OtherStep(step.to_owned()));
    assert_eq!(
        Play::started().step_in(resolve("book-hotel")),
        other("book-hotel")
    );
    let mut stuck = stuck_backwards();
    for step in ["book-flight", "request-trip", "nothing"] {
        assert_eq!(stuck.step_in(resolve(step)), other(step));
        let retry = Intervention::Retry(step.to_owned());
        assert_eq!(stuck.step_in(retry), other(step));
    }
}

#[test]
fn a_refusal_that_was_the_last_one_is_known_when_it_comes_again() {
    let mut play = Play::started();
    play.hear("FlightRefused", 1);
    for version in 1..=3 {
        play.hear("HotelWillNotCancel", version);
        play.sleep(10 * MINUTE_MS);
        play.fire();
    }
    play.step_in(Intervention::Resume).expect("it is stuck");
    assert_eq!(play.hear("HotelWillNotCancel", 3), [""; 0]);
    assert_eq!(
        play.hear("HotelWillNotCancel", 4),
        ["undo failed book-hotel"]
    );
}
