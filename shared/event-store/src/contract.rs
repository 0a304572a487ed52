//! What every implementation of the port must do, as one suite of tests that all of them run.
//!
//! The cases are ordinary functions, and each uses streams of its own: so the suite also runs
//! against a table that is not empty, and a fake is held to the same rules as the real thing.
//!
//! ```
//! # use event_store::Memory;
//! // In a test target of the implementation's crate, with tokio among its dev-dependencies:
//! event_store::contract!(Memory::default());
//! ```
//!
//! What a store says to a commit that is too large for it depends on whether it is one with
//! claim checks: that is what the cases differ in between `contract!(store)` and
//! `contract!(claim_checked store)`, which puts the claim checks around the store itself.

mod appending;
mod claim_limits;
mod claiming;
mod deciding;
mod grouping;
mod reading;
mod scanning;
mod snapshots;
mod tally;
mod transacting;
mod travelling;

pub use appending::*;
pub use claim_limits::*;
pub use claiming::*;
pub use deciding::*;
pub use grouping::*;
pub use reading::*;
pub use scanning::*;
pub use snapshots::*;
pub use tally::{Added, Command, Over, State, Tally};
pub use transacting::*;
pub use travelling::*;

/// Makes a test of each case of the contract. The expression makes a store; it may `.await`.
#[macro_export]
macro_rules! contract {
    (claim_checked $store:expr) => {
        $crate::contract! { any $crate::contract::claim_checked($store) }
        $crate::contract! { $store;
            an_event_of_410_kb_is_stored_and_reads_back
            a_thousand_events_of_a_kilobyte_in_one_command_are_one_commit
            a_large_commit_whose_answer_was_lost_is_recognised
            of_two_large_commits_for_one_place_neither_spoils_the_other
            a_stream_of_large_commits_loads_from_the_newest_one
            an_object_that_is_missing_or_changed_is_corrupt_and_named
            a_store_without_claim_checks_refuses_to_fold_what_lies_elsewhere
            without_its_object_no_large_commit_is_stored
            a_state_that_makes_a_commit_too_large_does_not_ride
            what_a_bus_or_a_reader_could_not_take_is_refused
            a_transaction_with_large_commits_is_all_or_none
            a_snapshot_of_a_megabyte_round_trips_and_can_be_lost
            what_fits_into_items_never_asks_for_an_object
        }
    };
    ($store:expr) => {
        $crate::contract! { any $store }
        $crate::contract! { $store;
            a_commit_whose_data_are_elsewhere_reads_back_as_it_was_stored
            an_event_of_410_kb_is_refused
            a_thousand_events_that_do_not_fit_are_refused
            a_transaction_over_the_limits_is_refused
            a_snapshot_over_the_limit_is_refused
        }
    };
    (any $store:expr) => {
        $crate::contract! { $store;
            of_two_writers_at_one_version_one_wins_and_the_loser_learns_what_won
            the_same_commit_again_conflicts_with_itself
            a_commit_reads_back_as_it_was_stored
            a_commit_just_under_the_limit_is_stored
            many_events_in_one_command_are_one_commit
            a_stream_that_does_not_exist_is_empty
            a_stream_over_a_megabyte_is_read_whole
            reading_starts_with_the_commit_that_holds_the_version
            streams_with_similar_names_stay_apart
            a_load_stops_at_the_newest_carried_state
            an_outdated_snapshot_is_ignored_and_folded_anew
            a_snapshot_that_cannot_be_read_is_folded_anew
            the_state_after_a_load_is_the_fold_of_all_events
            a_commit_across_a_snapshot_point_carries_the_state_of_its_end
            the_same_command_again_is_a_duplicate
            a_command_that_meets_its_own_commit_has_succeeded
            eight_writers_on_one_stream_apply_each_command_exactly_once
            a_stale_first_read_decides_nothing
            several_streams_are_appended_all_or_none_and_the_winners_are_named
            a_transaction_whose_answer_was_lost_succeeds_when_it_is_sent_again
            a_transaction_counts_once_for_each_cause
            a_transaction_on_the_middle_of_a_commit_is_refused
            a_claim_counts_once
            a_command_that_counts_once_is_answered_with_the_first_note
            two_commits_in_one_place_are_refused
            sixty_four_concurrent_commands_use_under_ten_writes
            each_command_of_a_shared_commit_again_is_a_duplicate
            commands_that_share_a_write_are_judged_one_by_one
            processes_that_group_their_commands_race_without_loss
            commands_too_large_to_share_are_written_one_after_the_other
            a_load_starts_from_the_snapshot_beside_the_commits
            an_older_snapshot_never_replaces_a_newer_one
            a_snapshot_of_another_layout_is_ignored_and_replaced
            a_saved_snapshot_that_cannot_be_read_is_folded_anew
            a_state_too_large_to_ride_is_saved_on_its_own
            the_state_at_each_version_and_each_moment_is_the_fold_of_the_events_up_to_it
            a_snapshot_newer_than_the_version_is_not_used
            times_never_go_back_even_if_the_clock_does
            times_that_go_back_all_the_same_have_a_definite_answer
            the_events_between_two_points_are_all_there_and_in_order
            every_commit_is_scanned_exactly_once_and_each_stream_in_order
            a_stream_lies_in_one_segment
            a_scan_goes_on_behind_its_cursor
            what_is_no_commit_is_passed_over
            a_cursor_that_no_store_has_made_is_refused
        }
    };
    ($store:expr; $($case:ident)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                $crate::contract::$case($store).await;
            }
        )*
    };
}
