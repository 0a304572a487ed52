//! That something does not exist is said only after a strongly consistent read.

use envelope::{Cause, CommandId, Timestamp, Version};
use event_store::contract::{Added, Command, Tally};
use event_store::{Decider, Memory};
use ports::ManualClock;
use testkit::Faulty;

fn process(store: &Faulty<Memory>) -> Decider<Tally<1>, Faulty<Memory>, ManualClock> {
    let clock = ManualClock::at(Timestamp::from_millis(0));
    Decider::new(store.clone(), clock)
}

#[tokio::test]
async fn what_a_stale_read_does_not_show_yet_is_found_all_the_same() {
    let store = Faulty::new(Memory::default());
    let cause = Cause::command(&CommandId::new("add-1").expect("an id"));
    let add = Command::Add(vec![Added::amount(1)]);
    process(&store)
        .execute("one", &cause, &add)
        .await
        .expect("stored");

    store.serve_a_stale_load(1);
    let found = process(&store).find("one").await.expect("readable");
    assert_eq!(found.expect("it is there").version, Version::new(1));
    assert!(
        process(&store)
            .find("another")
            .await
            .expect("readable")
            .is_none()
    );
}
