//! The whole system in one process: the real handlers over in-memory ports, with calls that fail or
//! lose their answers, reads that see the past, a bus that loses events, queues that deliver late,
//! twice and in any order, functions that run at the same time, and functions that die after their
//! work.
//!
//! A seed decides everything, so a failing seed fails again:
//! `SIMULATION_SEED=<seed> cargo test -p tests --test simulation`.

mod both_styles;
mod cancelling;
mod check;
mod conducted;
mod faults;
mod ledger;
mod schedule;
mod stories;
mod traffic;
mod world;

use std::collections::BTreeMap;

use cancelling::WAYS;
use conducted::ENDS;
use domain::events::Workflow as Style;
use faults::FAULTS;
use traffic::Told;
use world::World;

/// How many seeds a test run tries; each is a story of its own.
const SEEDS: u64 = 100;

#[test]
fn every_order_ends_right_under_any_schedule() {
    let all = tally(SEEDS);
    println!("{all:#?}");
    if seeds(SEEDS).count() == 1 {
        return;
    }
    for fault in FAULTS {
        let times = all.get(fault).copied().unwrap_or(0);
        assert!(times > 100, "{fault} happened {times} times: too easy");
    }
    for way in WAYS.into_iter().chain(ENDS) {
        let times = all.get(way).copied().unwrap_or(0);
        assert!(times > 10, "{way} {times} times: too seldom");
    }
}

/// Plays the stories of all seeds, on all processors, and adds up what happened in them.
fn tally(count: u64) -> BTreeMap<&'static str, usize> {
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let played = std::thread::scope(|scope| {
        let play = |worker| {
            move || {
                let own = seeds(count).skip(worker).step_by(workers);
                own.map(|seed| block_on(story(seed))).collect::<Vec<_>>()
            }
        };
        let workers: Vec<_> = (0..workers)
            .map(|worker| scope.spawn(play(worker)))
            .collect();
        let played = workers
            .into_iter()
            .map(|worker| worker.join().expect("no seed fails"));
        played.flatten().collect::<Vec<_>>()
    });
    let mut all = BTreeMap::<_, usize>::new();
    for (fault, times) in played.into_iter().flatten() {
        *all.entry(fault).or_default() += times;
    }
    all
}

fn block_on<T>(story: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    runtime.expect("a runtime").block_on(story)
}

/// The seeds from 0 on, or the one that is to be repeated.
fn seeds(count: u64) -> std::ops::Range<u64> {
    let only = std::env::var("SIMULATION_SEED").ok();
    let only = only.and_then(|seed| seed.parse::<u64>().ok());
    only.map_or(0..count, |seed| seed..seed + 1)
}

/// Names the seed when its story fails.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "seed {0} failed; repeat it with SIMULATION_SEED={0}",
                self.0
            );
        }
    }
}

/// Orders that want the same few products, each told to end in its own way, of which most are to be
/// cancelled at some moment. Returns how often each fault struck, and how cancellations went.
async fn story(seed: u64) -> BTreeMap<&'static str, usize> {
    let _named = Named(seed);
    let mut world = World::new(seed);
    world.send_stock();
    world.run_to_rest().await;
    let told = [
        Told::Ship,
        Told::Decline,
        Told::Scarce,
        Told::Ship,
        Told::Undeliverable,
        Told::OutOfStock,
        Told::Scarce,
        Told::FlakyPayment,
        Told::FlakyCarrier,
        Told::Decline,
        Told::Undeliverable,
        Told::Scarce,
        Told::BrokenPayment,
        Told::BrokenPayment,
    ];
    for (price, told) in (1_000..).zip(told) {
        let styles = [None, Some(Style::Choreography), Some(Style::Orchestration)];
        let style = *world.dice.one_of(&styles);
        world.send_order(told, price, style);
    }
    world.draw_cancellations();
    world.send_registration();
    world.send_stock();
    world.send_rubbish();
    world.run_to_rest().await;
    // Long after: the store remembers what its streams have forgotten.
    world.send_stock();
    world.run_to_rest().await;
    world.check().await;
    world.dice.tally()
}
