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
fn it_is_retried_from_a_step_with_all_that_is_undone_behind_it() {
    let mut play = Play::started();
    play.hear("FlightRefused", 1);
    play.hear("HotelCancelled", 1);
    while play.state.stuck().next().is_none() {
        play.sleep(10 * MINUTE_MS);
        play.fire();
    }
    assert_eq!(play.state.stuck().collect::<Vec<_>>(), ["request-trip"]);
    let said = play.step_in(Intervention::RetryFrom("book-hotel".to_owned()));
    let said = said.expect("it was undone");
    assert_eq!(
        said,
        [
            "resumed request-trip, book-hotel",
            "undoing book-hotel",
            "> CancelHotel"
        ]
    );
}

#[test]
fn nobody_steps_in_where_nothing_is_stuck() {
    let resolve = |step: &str| Intervention::Resolve(step.to_owned());
    assert_eq!(
        Play::<super::Trip>::new().step_in(Intervention::Resume),
        Err(Rejection::Absent)
    );
    let mut running = Play::started();
    assert_eq!(
        running.step_in(Intervention::Resume),
        Err(Rejection::NotStuck)
    );
    let mut stuck = stuck_backwards();
    for step in ["book-flight", "nothing"] {
        let other = Err(Rejection::OtherStep(step.to_owned()));
        assert_eq!(stuck.step_in(resolve(step)), other);
        assert_eq!(
            stuck.step_in(Intervention::RetryFrom(step.to_owned())),
            other
        );
    }
}
