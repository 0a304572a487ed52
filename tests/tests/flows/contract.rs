//! The event store's own contract, against the emulator's tables: the same suite that the embedded
//! database and the in-memory store pass.
//!
//! Three cases are left out, because MiniStack differs from DynamoDB there: in a scan it sorts numbers
//! as text, so that a stream of ten commits is in order within a page only; and it counts the bytes
//! of a transaction as they are on the wire, in Base64.

use std::process::Command;

use crate::outside::Outside;

pub(crate) async fn the_event_store_obeys_its_contract_on_the_emulator(outside: &Outside<'_>) {
    let endpoint = outside.stack.endpoint().to_owned();
    let suite = tokio::task::spawn_blocking(move || {
        Command::new(env!("CARGO"))
            // From the root, where all default members are built, for their features: nothing is compiled again.
            .args([
                "test",
                "--test",
                "contract",
                "--test",
                "malformed",
                "--test",
                "views",
                "--",
            ])
            .args(["--skip", "a_scan_goes_on_behind_its_cursor"])
            .args([
                "--skip",
                "every_commit_is_scanned_exactly_once_and_each_stream_in_order",
            ])
            .args(["--skip", "a_transaction_with_large_commits_is_all_or_none"])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .env("EVENT_STORE_TEST_ENDPOINT", endpoint)
            .output()
            .expect("cargo runs")
    });
    let output = suite.await.expect("it ends");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let case = "eight_writers_on_one_stream_apply_each_command_exactly_once ... ok";
    assert!(text.contains(case), "the suite was run: {text}");
}
