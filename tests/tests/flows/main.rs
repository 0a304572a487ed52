//! End to end: the deployed template, the real binaries, the emulator, and other systems that know
//! nothing but the AWS API.
//!
//! One stack serves all flows but one, because starting it costs more than any of them; they run side by
//! side, as on any busy system. Those that break a function come last.

mod api;
mod breaking;
mod commanding;
mod conducting;
mod contract;
mod failing;
mod forging;
mod fuzzing;
mod killing;
mod large;
mod listing;
mod ordering;
mod outside;
mod pushing;
mod rebuilding;
mod timing;

use std::collections::BTreeMap;

use dev::stack::{Stack, StackOptions};
use outside::Outside;

/// Attempts before an event is given up, in these tests.
pub(crate) const ATTEMPTS_MAX: u32 = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_flow_ends_as_it_should() {
    let parameters = BTreeMap::from([
        ("AttemptsMax".to_owned(), ATTEMPTS_MAX.to_string()),
        // Short, so that what comes back from a function that never answers comes back soon; and longer than a function
        // takes to answer on a busy machine, because some flows count attempts.
        ("VisibilitySeconds".to_owned(), "10".to_owned()),
        ("RelayRecordAgeSeconds".to_owned(), "60".to_owned()),
    ]);
    let options = StackOptions {
        parameters,
        ..StackOptions::default()
    };
    let stack = Stack::start(options).await.expect("a stack");
    let outside = Outside::of(&stack).await;
    tokio::join!(
        ordering::an_order_event_of_another_system_becomes_a_shipped_order(&outside),
        ordering::an_order_over_http_can_be_followed_by_its_links(&outside),
        ordering::a_cloud_event_is_an_order_like_any_other(&outside),
        ordering::the_first_order_of_the_readme_is_shipped(&outside),
        ordering::twenty_deliveries_are_one_order_one_charge_one_shipment(&outside),
        ordering::a_declined_card_releases_the_stock(&outside),
        ordering::an_undeliverable_parcel_refunds_and_releases(&outside),
        ordering::what_is_out_of_stock_fails_and_reserves_nothing(&outside),
        ordering::bad_requests_are_told_why(&outside),
        commanding::an_order_is_placed_followed_and_read_by_whoever_placed_it(&outside),
        commanding::an_order_is_cancelled_in_time_and_not_too_late(&outside),
        commanding::a_key_is_for_one_request_and_is_answered_the_same(&outside),
        commanding::customers_register_and_move_and_goods_come_in(&outside),
        commanding::nobody_sees_what_is_not_his(&outside),
        commanding::tokens_that_are_not_valid_open_nothing(&outside),
        commanding::the_document_and_its_page_are_open_to_everyone(&outside),
        conducting::orders_in_both_styles_end_right(&outside),
        conducting::an_orchestrated_order_is_cancelled_on_its_way_and_undone(&outside),
        timing::timers_bring_back_the_event_that_asked_for_them(&outside),
        failing::a_malformed_event_is_a_dead_letter_with_its_reason(&outside),
        failing::an_event_that_fails_every_attempt_is_a_dead_letter_with_its_reason(&outside),
        failing::a_provider_that_recovers_in_time_loses_no_order(&outside),
        forging::a_forged_event_on_the_domain_bus_changes_nothing(&outside),
        forging::an_internal_event_on_the_inbound_bus_is_refused(&outside),
        large::an_event_of_410_kb_is_stored_beside_the_table_and_reads_back(&outside),
        listing::what_happened_is_in_every_list(&outside),
        pushing::what_happens_to_an_order_is_pushed_to_whom_it_concerns(&outside),
        rebuilding::a_lost_view_is_rebuilt_and_the_query_answers_as_before(&outside),
        contract::the_event_store_obeys_its_contract_on_the_emulator(&outside),
    );
    tokio::join!(
        fuzzing::the_fuzzer_finds_nothing_outside_the_document(&outside),
        timing::what_is_not_paid_in_time_is_cancelled(&outside),
    );
    outside.no_log_quotes_a_payload().await;
    breaking::a_slow_provider_and_dead_e_mail_hold_up_no_order(&outside).await;
    tokio::join!(
        breaking::what_a_crashing_function_leaves_is_in_its_dead_letter_queue(&outside),
        breaking::what_a_broken_relay_leaves_is_in_its_dead_letter_queue(&outside),
        // A stack of its own; the relay's dead letter is waited for in any case.
        killing::orders_in_both_styles_end_right_while_functions_are_killed(),
    );
}
