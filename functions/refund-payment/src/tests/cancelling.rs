//! No money of a cancelled order is kept, whether its charge was recorded, is just being, or never was.

use super::*;

impl World {
    fn voids(&self) -> usize {
        let desk = self.provider.0.lock().expect("no user panicked");
        assert!(desk.voided.iter().all(|key| key == "charge-ord-1"));
        desk.voided.len()
    }

    fn cancellations(&self) -> Vec<Value> {
        self.happened("PaymentCancelled")
    }
}

#[tokio::test]
async fn a_payment_that_nobody_asked_for_is_closed_and_whatever_was_charged_is_voided() {
    let world = World::new(None).await;
    let first = world.react("OrderCancelled").await.expect("cancelled");
    assert_eq!(first, Done::Handled);
    assert_eq!(world.cancellations(), [json!({ "orderId": "ord-1" })]);
    assert_eq!(world.voids(), 1);
    let again = world.react("OrderCancelled").await.expect("known");
    assert_eq!(again, Done::Duplicate);
    assert_eq!(world.cancellations().len(), 1);
    assert!(world.asked().is_empty(), "nothing was recorded as charged");
}

#[tokio::test]
async fn a_void_that_was_not_answered_is_asked_for_again() {
    let world = World::new(None).await;
    world.provider.0.lock().expect("no user panicked").silent = 1;
    let lost = world.react("OrderCancelled").await;
    assert!(matches!(lost, Err(Failure::Transient(_))), "{lost:?}");
    assert_eq!(world.cancellations().len(), 1);
    world.react("OrderCancelled").await.expect("voided");
    assert_eq!((world.cancellations().len(), world.voids()), (1, 2));
}

#[tokio::test]
async fn a_payment_whose_cancellation_was_stored_without_an_answer_is_voided_by_the_next_delivery()
{
    let world = World::new(None).await;
    world.store.lose_an_answer();
    let lost = world.react("OrderCancelled").await;
    assert!(matches!(lost, Err(Failure::Transient(_))), "{lost:?}");
    let again = world.react("OrderCancelled").await.expect("known");
    assert_eq!(again, Done::Duplicate);
    assert_eq!((world.cancellations().len(), world.voids()), (1, 1));
}

#[tokio::test]
async fn a_recorded_charge_of_a_cancelled_order_is_refunded_and_not_voided() {
    let world = World::charged().await;
    let first = world.react("OrderCancelled").await.expect("refunded");
    assert_eq!(first, Done::Handled);
    let again = world.react("OrderCancelled").await.expect("known");
    assert_eq!(again, Done::Duplicate);
    world.expect_one_refund(1);
    assert_eq!((world.cancellations().len(), world.voids()), (0, 0));
}

#[tokio::test]
async fn a_charge_that_is_recorded_at_that_moment_is_refunded_and_not_voided() {
    let world = World::new(None).await;
    let memory = world.memory.clone();
    world.store.race(move || record(memory, charge));
    let done = world.react("OrderCancelled").await.expect("refunded");
    assert_eq!(done, Done::Handled);
    world.expect_one_refund(1);
    assert_eq!((world.cancellations().len(), world.voids()), (0, 0));
}

#[tokio::test]
async fn a_declined_payment_of_a_cancelled_order_is_left_alone() {
    let world = World::new(Some(decline)).await;
    let done = world.react("OrderCancelled").await.expect("nothing to do");
    assert_eq!(done, Done::Duplicate);
    assert!(world.asked().is_empty());
    assert_eq!((world.cancellations().len(), world.voids()), (0, 0));
}

#[tokio::test]
async fn a_cancellation_and_a_refused_parcel_refund_once_in_either_order_and_at_once() {
    let both = ["OrderCancelled", "ShipmentFailed"];
    for [first, second] in [both, [both[1], both[0]]] {
        let world = World::charged().await;
        world.react(first).await.expect("refunded");
        let later = world.react(second).await.expect("refunded before");
        assert_eq!(later, Done::Duplicate);
        world.expect_one_refund(1);
    }
    let world = World::charged().await;
    let (one, other) = tokio::join!(world.react(both[0]), world.react(both[1]));
    one.expect("refunded or known");
    other.expect("refunded or known");
    let asked = world.asked().len();
    world.expect_one_refund(asked);
}
