//! What states cost that are too large to ride in commits.

use event_store::contract::{Added, Command};
use ports::Consistency;

use super::{Bench, assert_cost, fresh_id, reaction};

/// A state of 100 KB: no command pays for it, a load takes one request, and saving it costs what it weighs.
#[tokio::test]
async fn a_large_state_is_written_beside_the_commands_and_loaded_in_one_request() {
    let bench = Bench::new().await;
    let (process, id) = (bench.process(), fresh_id());
    let first = Command::Add(vec![Added::amount(1).with_ballast(100 * 1024)]);
    let executed = process.execute(&id, &reaction(), &first).await;
    executed.expect("applied");
    bench.meter.take();
    for _ in 0..50 {
        let executed = super::add(&process, &id, 1).await;
        assert!(!executed.snapshot_due);
    }
    assert_cost(bench.meter.take(), 50, 50.0, 0.0);

    assert!(process.save_snapshot(&id).await.expect("saved"));
    assert_cost(bench.meter.take(), 1, 101.0, 0.0);
    super::add(&process, &id, 1).await;
    bench.meter.take();
    let loaded = bench.process().load(&id, Consistency::Eventual).await;
    assert_eq!(loaded.expect("foldable").state.events, 52);
    // The snapshot, the commit behind it, and the first two in front of it, in half units of 4 KB.
    assert_cost(bench.meter.take(), 1, 0.0, 13.0);
}
