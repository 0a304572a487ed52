//! What claim checks cost: nothing, until something is too large for an item.

use event_store::contract::{Added, Command, Tally};
use event_store::{ClaimChecked, Decider};
use ports::{Consistency, MemoryPayloads, SystemClock};

use super::{Bench, assert_cost, event_of_310_bytes, fresh_id, reaction};

#[tokio::test]
async fn claim_checks_cost_nothing_until_something_is_too_large() {
    let (bench, payloads) = (Bench::new().await, MemoryPayloads::default());
    let store = ClaimChecked::new(bench.store.clone(), payloads.clone());
    let process = || Decider::<Tally, _, _>::new(store.clone(), SystemClock);
    let (warm, id) = (process(), fresh_id());
    let small = Command::Add(vec![event_of_310_bytes()]);
    let begun = warm.execute(&id, &reaction(), &small).await;
    begun.expect("applied");
    bench.meter.take();
    let executed = warm.execute(&id, &reaction(), &small).await;
    executed.expect("applied");
    assert_cost(bench.meter.take(), 1, 1.0, 0.0);
    let executed = process().execute(&id, &reaction(), &small).await;
    executed.expect("applied");
    assert_cost(bench.meter.take(), 2, 1.0, 0.5);
    assert_eq!(payloads.take_requests(), 0);

    let large = Command::Add(vec![Added::amount(1).padded(410 * 1024)]);
    let again = process();
    let loaded = again.load(&id, Consistency::Strong).await;
    loaded.expect("foldable");
    bench.meter.take();
    let executed = again.execute(&id, &reaction(), &large).await;
    executed.expect("applied");
    assert_cost(bench.meter.take(), 1, 1.0, 0.0);
    assert_eq!(payloads.take_requests(), 1, "one put");
    let loaded = process().load(&id, Consistency::Eventual).await;
    loaded.expect("foldable");
    assert_cost(bench.meter.take(), 1, 0.0, 0.5);
    assert_eq!(payloads.take_requests(), 1, "one get");
}
