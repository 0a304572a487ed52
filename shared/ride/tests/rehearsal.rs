//! The saga of a ride has no flaws, and goes through the rehearsal of all sagas.

use ride::RideSaga;
use saga_kit::rehearsal;
use serde_json::{Value, json};

fn ride() -> Value {
    json!({ "rideId": "s-1", "riderId": "r-7", "pickUpAt": "Market Square", "goTo": "Harbour",
        "fareAtMost": { "amount": 2_500, "currency": "EUR" } })
}

#[test]
fn the_definition_has_no_flaws() {
    assert_eq!(saga::flaws::<RideSaga>(), Vec::<String>::new());
}

#[test]
fn every_step_and_every_undo_repeated_has_the_effect_of_one() {
    rehearsal::repeat_everything::<RideSaga>(&ride());
}

#[test]
fn a_failure_of_any_kind_at_any_step_ends_clean() {
    rehearsal::fail_at_each_step::<RideSaga>(&ride());
}

#[test]
fn thousands_of_stories_end_clean() {
    rehearsal::seeds::<RideSaga>(&ride(), 0..2_000);
}
