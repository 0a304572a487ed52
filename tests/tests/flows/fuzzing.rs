//! A fuzzer that knows the API's document finds no answer outside of it, and no error of the server's.

use dev::fuzzer::{self, Effort};
use dev::issuer::Caller;
use serde_json::json;

use crate::outside::Outside;

/// What the document names in its examples.
const CUSTOMER: &str = "cust-1";
const ORDER: &str = "ord-1";

/// Fixed, so that a failure comes again.
const SEED: u32 = 20_261_121;

pub(crate) async fn the_fuzzer_finds_nothing_outside_the_document(outside: &Outside<'_>) {
    let mut order = Outside::order(ORDER, "sandbox-approve", "prod-1");
    order["data"]["customerId"] = json!(CUSTOMER);
    outside.put_inbound(&order).await;
    outside.wait_for(ORDER, "SHIPPED").await;
    let customer = Caller::Customer(CUSTOMER.to_owned());
    // Of what a customer does, one thing leads to the next; an operator may ask everything.
    for (caller, phases) in [
        (Caller::Operator, "examples,coverage,fuzzing"),
        (customer, "examples,fuzzing,stateful"),
    ] {
        let effort = Effort {
            phases,
            examples: 10,
            seed: SEED,
        };
        let report = fuzzer::run(outside.stack, &caller, effort).await;
        let report = report.unwrap_or_else(|error| panic!("{error:#}"));
        println!("{report}");
    }
}
