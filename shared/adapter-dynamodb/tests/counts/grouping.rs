//! What commands cost that come at the same time.

use std::sync::Arc;

use event_store::contract::Command;
use tokio::sync::Barrier;

use super::{Bench, assert_cost, event_of_310_bytes, fresh_id, reaction};

#[tokio::test]
async fn sixty_four_concurrent_commands_use_under_ten_writes_and_share_their_units() {
    let bench = Bench::new().await;
    let (process, id) = (bench.process(), fresh_id());
    super::add(&process, &id, 1).await;
    bench.meter.take();
    let begin = Arc::new(Barrier::new(64));
    let commands = (0..64).map(|_| {
        let (process, id, begin) = (process.clone(), id.clone(), Arc::clone(&begin));
        tokio::spawn(async move {
            begin.wait().await;
            let command = Command::Add(vec![event_of_310_bytes()]);
            process.execute(&id, &reaction(), &command).await
        })
    });
    for command in commands.collect::<Vec<_>>() {
        command.await.expect("not cancelled").expect("applied");
    }
    let usage = bench.meter.take();
    assert!(usage.requests < 10, "{} writes", usage.requests);
    // With ids, trace and correlation a command of 310 bytes takes about 560.
    assert!(usage.write_units <= 42.0, "{} units", usage.write_units);
    assert_cost(usage, usage.requests, usage.write_units, 0.0);
    bench.meter.take();
    super::add(&process, &id, 1).await;
    // The ring remembers the shared commit: a kilobyte of digests, which does not ride for free.
    assert_cost(bench.meter.take(), 1, 1.0, 0.0);
}

#[tokio::test]
async fn a_command_that_comes_alone_is_stored_as_if_there_were_no_groups() {
    let bench = Bench::new().await;
    let (process, id) = (bench.process(), fresh_id());
    super::add(&process, &id, 1).await;
    for _ in 0..20 {
        bench.meter.take();
        super::add(&process, &id, 1).await;
        assert_cost(bench.meter.take(), 1, 1.0, 0.0);
    }
}
