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

/// Functions to kill while orders are on their way, and how many of them must have been at work.
const KILLS: usize = 24;
const KILLS_AT_WORK_MIN: usize = 5;
/// The longest from one kill, or order, to the next.
const PAUSE_MS_MAX: u64 = 300;
/// What the emulator says of a function that was killed at its work.
const KILLED_AT_WORK: &str = "Runtime exited before returning a response";

pub(crate) async fn orders_in_both_styles_end_right_while_functions_are_killed() {
    if !Path::new("/proc/self").exists() {
        eprintln!("left out: without /proc nobody knows the functions' processes");
        return;
    }
    let parameters = BTreeMap::from([
        // A message may be unlucky more than once.
        ("AttemptsMax".to_owned(), "9".to_owned()),
        // What a killed function leaves comes again after this time.
        ("VisibilitySeconds".to_owned(), "5".to_owned()),
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
    let (mut killed, ()) = tokio::join!(kill(&stack, &all_rest), async {
        carry(&outside, &orders).await;
        all_rest.store(true, Ordering::Relaxed);
    });
    let log = std::fs::read_to_string(stack.emulator_log()).expect("the emulator's log");
    let at_work = log.matches(KILLED_AT_WORK).count();
    killed.sort();
    let text = killed.join(", ");
    println!("killed {}, {at_work} of them at work: {text}", killed.len());
    assert!(
        killed.len() >= KILLS && at_work >= KILLS_AT_WORK_MIN,
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

/// Kills instances of any function, until there were enough or nothing is left to disturb. Returns the functions.
async fn kill(stack: &Stack, all_rest: &AtomicBool) -> Vec<String> {
    let mut killed = Vec::new();
    while killed.len() < KILLS && !all_rest.load(Ordering::Relaxed) {
        pause().await;
        let processes = stack.processes();
        let victim = fastrand::choice(&processes);
        if let Some(victim) = victim.filter(|victim| victim.kill()) {
            killed.push(victim.function.clone());
        }
    }
    killed
}

async fn pause() {
    tokio::time::sleep(Duration::from_millis(fastrand::u64(..PAUSE_MS_MAX))).await;
}
