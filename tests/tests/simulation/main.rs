//! The whole system in one process: the real handlers over in-memory ports, with a bus that loses
//! calls, queues that deliver late, twice and in any order, and functions that die after their work.
//!
//! A seed decides everything, so a failing seed fails again:
//! `SIMULATION_SEED=<seed> cargo test -p tests --test simulation`.

mod world;

use world::{Told, World};

/// How many seeds a test run tries; each is a story of its own.
const SEEDS: u64 = 150;

#[test]
fn every_order_ends_right_under_any_schedule() {
    let only = std::env::var("SIMULATION_SEED")
        .ok()
        .and_then(|seed| seed.parse::<u64>().ok());
    let seeds = only.map_or(0..SEEDS, |seed| seed..seed + 1);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let runtime = runtime.expect("a runtime");
    for seed in seeds {
        println!("seed {seed}");
        runtime.block_on(story(seed));
    }
}

/// Ten orders that want the same few products, each told to end in its own way.
async fn story(seed: u64) {
    let mut world = World::new(seed).await;
    let told = [
        Told::Ship,
        Told::Decline,
        Told::Ship,
        Told::Undeliverable,
        Told::OutOfStock,
        Told::FlakyPayment,
        Told::Ship,
        Told::FlakyCarrier,
        Told::Decline,
        Told::Undeliverable,
    ];
    for (index, told) in told.into_iter().enumerate() {
        world.order(&format!("ord-{index}"), told);
    }
    world.send_rubbish();
    world.run_to_rest().await;
    world.check().await;
}
