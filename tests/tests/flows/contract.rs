//! The event store's own contract, against the emulator's tables: the same suite that the embedded
//! database and the in-memory store pass.

use std::process::Command;

use crate::outside::Outside;

pub(crate) async fn the_event_store_obeys_its_contract_on_the_emulator(outside: &Outside<'_>) {
    let endpoint = outside.stack.endpoint().to_owned();
    let suite = tokio::task::spawn_blocking(move || {
        Command::new(env!("CARGO"))
            // From the root, where all default members are built, for their features: nothing is compiled again.
            .args(["test", "--test", "contract"])
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
