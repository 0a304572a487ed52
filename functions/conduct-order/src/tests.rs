//! The order's saga goes through the rehearsal of all sagas.

use domain::OrderSaga;
use saga_kit::rehearsal;
use serde_json::{Value, json};

fn order() -> Value {
    json!({ "orderId": "s-1", "customerId": "c-1", "items": [], "total": { "amount": 1, "currency": "EUR" },
        "payment": { "method": "m" }, "shippingAddress": { "line1": "x" } })
}

#[test]
fn every_step_and_every_undo_repeated_has_the_effect_of_one() {
    rehearsal::repeat_everything::<OrderSaga>(&order());
}

#[test]
fn a_failure_of_any_kind_at_any_step_ends_clean() {
    rehearsal::fail_at_each_step::<OrderSaga>(&order());
}

#[test]
fn thousands_of_stories_end_clean() {
    rehearsal::seeds::<OrderSaga>(&order(), 0..2_000);
}
