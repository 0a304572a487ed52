//! How fast a rebuild goes, by a clock that the test moves.

use std::num::NonZeroU32;
use std::time::Duration;

use event_store::rebuild::{Progress, Rate};
use event_store::{Commit, read_units};
use ports::Clock;

use crate::world::{MemoryRebuild, Sums, World};

const ACCOUNTS: [(&str, u64); 3] = [("a", 20), ("b", 20), ("c", 20)];

fn per_second(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).expect("not zero")
}

/// How long it takes, and what it says after each page.
async fn timed(world: &World, rebuild: MemoryRebuild) -> (Duration, Vec<Progress>) {
    let before = world.clock.now();
    let mut said = Vec::new();
    rebuild
        .run::<Sums>(|progress| said.push(progress.clone()))
        .await
        .expect("nothing is broken");
    let millis = world.clock.now().as_millis() - before.as_millis();
    (
        Duration::from_millis(u64::try_from(millis).expect("forward")),
        said,
    )
}

#[tokio::test]
async fn commits_are_read_at_the_rate_and_the_last_page_is_not_waited_for() {
    let world = World::with_accounts(&ACCOUNTS).await;
    let rebuild = world.rebuild().segments(1).page(7);
    let (unlimited, _) = timed(&world, rebuild.clone()).await;
    assert_eq!(unlimited, Duration::ZERO);
    // Eight pages of seven, and one of four at their end.
    let (took, said) = timed(&world, rebuild.rate(Rate::Commits(per_second(10)))).await;
    assert_eq!((took, said.len()), (Duration::from_millis(5_600), 9));
}

#[tokio::test]
async fn several_segments_keep_to_one_rate_together() {
    let world = World::with_accounts(&ACCOUNTS).await;
    let rebuild = world.rebuild().segments(5).page(2);
    let (took, said) = timed(&world, rebuild.rate(Rate::Commits(per_second(20)))).await;
    let last_page = Duration::from_millis(100);
    let all = Duration::from_secs(3);
    assert!(took <= all && took >= all - last_page, "{took:?}");
    assert_eq!(said.last().expect("some").commits, 60);
}

#[tokio::test]
async fn read_units_are_spent_at_the_rate() {
    let world = World::with_accounts(&ACCOUNTS).await;
    let commits = world.memory.log_from(0);
    let pages = commits
        .chunks(20)
        .map(|page| page.iter().map(Commit::item_bytes).sum());
    let units: Vec<f64> = pages.map(read_units).collect();
    assert_eq!(units, [0.5, 0.5, 0.5], "up to 4 KB each");
    let rebuild = world.rebuild().segments(1).page(20);
    let (took, _) = timed(&world, rebuild.rate(Rate::ReadUnits(per_second(1)))).await;
    // Full pages do not know that they are the last ones: an empty one follows, for nothing.
    assert_eq!(took, Duration::from_millis(1_500));
}

#[tokio::test]
async fn progress_counts_what_was_done_and_estimates_the_rest() {
    let world = World::with_accounts(&ACCOUNTS).await;
    let rebuild = world.rebuild().segments(1).page(15);
    let (_, said) = timed(&world, rebuild.rate(Rate::Commits(per_second(10)))).await;
    let stood = |progress: &Progress| (progress.commits, progress.elapsed, progress.time_left);
    let millis = Duration::from_millis;
    assert_eq!(stood(&said[1]), (30, millis(1_500), Some(millis(1_500))));
    assert_eq!(stood(&said[2]), (45, millis(3_000), Some(millis(1_000))));
    assert!(
        said.iter()
            .all(|progress| progress.estimated_total == Some(60))
    );
    let ended = said.last().expect("some");
    assert_eq!((ended.commits, ended.events, ended.unreadable), (60, 60, 0));
    assert_eq!(ended.time_left, Some(Duration::ZERO));
}
