//! Functions that are killed in the middle of what they do, as a host that fails kills them: no order is lost, and none
//! is carried out by half or twice.
//!
//! They are of a stack of its own, because the other flows count attempts, and a message whose function dies has one
//! more. (What the partners saw is in the simulation's books; the sandbox ones of a stack keep none.)

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dev::stack::{Stack, StackOptions};
use futures::future::join_all;

use crate::conducting::{KINDS, SLOW, Told};
use crate::outside::Outside;

/// How often one function is killed at most, and how often a message is tried: each has attempts left, also on a machine
/// that is too slow for the visibility below.
const KILLS_EACH_MAX: usize = 3;
const ATTEMPTS_MAX: usize = 9;
/// What must have been killed while orders were on their way: so many in all, so many of them at their work, and
/// instances of so many functions.
const KILLS_MIN: usize = 20;
const AT_WORK_MIN: usize = 5;
const FUNCTIONS_MIN: usize = 10;
/// The longest from one kill, or order, to the next.
const PAUSE_MS_MAX: u64 = 300;
/// What the emulator says once of each function that was killed at its work. (Who invoked it says so too, without a
/// colon.)
const KILLED_AT_WORK: &str = ": Runtime exited before returning a response";

pub(crate) async fn orders_in_both_styles_end_right_while_functions_are_killed() {
    if !Path::new("/proc/self").exists() {
        eprintln!("left out: without /proc nobody knows the functions' processes");
        return;
    }
    let parameters = BTreeMap::from([
        ("AttemptsMax".to_owned(), ATTEMPTS_MAX.to_string()),
        // What a killed function leaves comes again after this time.
        ("VisibilitySeconds".to_owned(), "3".to_owned()),
    ]);
    let options = StackOptions {
        parameters,
        ..StackOptions::default()
    };
    let stack = Stack::start(options).await.expect("a stack");
    let outside = Outside::of(&stack).await;
    let kinds: Vec<_> = KINDS.into_iter().chain([SLOW]).collect();
    let orders = Told::all("flow-killed", &kinds);
    let all_rest = AtomicBool::new(false);
    let (killed, ()) = tokio::join!(kill(&stack, &all_rest), async {
        carry(&outside, &orders).await;
        all_rest.store(true, Ordering::Relaxed);
    });
    let log = std::fs::read_to_string(stack.emulator_log()).expect("the emulator's log");
    let at_work = log.matches(KILLED_AT_WORK).count();
    let kills: usize = killed.values().sum();
    println!("killed {kills}, {at_work} of them at work: {killed:?}");
    assert!(
        kills >= KILLS_MIN && at_work >= AT_WORK_MIN && killed.len() >= FUNCTIONS_MIN,
        "too few were killed while orders were on their way"
    );
    join_all(orders.iter().map(|order| order.ends_right(&outside))).await;
    for queue in stack
        .variables()
        .keys()
        .filter(|name| name.starts_with("DLQ_"))
    {
        assert_eq!(outside.waiting(queue).await, 0, "messages in {queue}");
    }
}

/// Sends the orders one after the other, so that at any time some are at their beginning, and waits until all rest. It
/// looks into the store: the functions that answer queries are among those that are killed.
async fn carry(outside: &Outside<'_>, orders: &[Told]) {
    for order in orders {
        order.send(outside).await;
        pause().await;
    }
    let rest = orders.iter().map(async |order| {
        outside.story_with(&order.id, &order.last()).await;
    });
    join_all(rest).await;
}

/// Kills instances of any function until nothing is left to disturb. Returns how many of each.
async fn kill(stack: &Stack, all_rest: &AtomicBool) -> BTreeMap<String, usize> {
    let mut killed = BTreeMap::new();
    while !all_rest.load(Ordering::Relaxed) {
        pause().await;
        let mut processes = stack.processes();
        processes.retain(|process| {
            killed.get(&process.function).copied().unwrap_or_default() < KILLS_EACH_MAX
        });
        let victim = fastrand::choice(&processes);
        if let Some(victim) = victim.filter(|victim| victim.kill()) {
            *killed.entry(victim.function.clone()).or_default() += 1;
        }
    }
    killed
}

async fn pause() {
    tokio::time::sleep(Duration::from_millis(fastrand::u64(..PAUSE_MS_MAX))).await;
}
