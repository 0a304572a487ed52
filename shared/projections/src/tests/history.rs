//! What happens in a shop, decided by the domain itself.

use std::time::Duration;

use domain::events::{InventoryReserved, OrderPlaced, PaymentCompleted, StockReplenished};
use domain::{
    Aggregate, Payment, ProductId, Reservation, Shipment, StockItem, order, payment, reservation,
    shipment, stock_item,
};
use envelope::{Cause, CommandId, Envelope, Timestamp};
use event_store::{Commit, Decider, Memory};
use ports::{Clock, ManualClock};
use serde_json::json;

use super::conducted::Conducted;

/// How an order ends.
#[derive(Debug, Clone, Copy)]
enum End {
    Placed,
    SoldOut,
    Declined,
    Paid,
    Shipped,
    Refused,
    /// Cancelled before it is reserved, which no service has heard of yet.
    CancelledUnheard,
    /// Cancelled before it is reserved.
    CancelledAtOnce,
    /// Cancelled while it is reserved, before it is charged.
    CancelledInTime,
    /// Cancelled when it is paid, and nothing is undone yet.
    CancelledPaid,
    /// Cancelled when the carrier has it, before the order heard of that.
    CancelledShipped,
}

/// What happened, as a store has it.
pub(super) struct History {
    pub(super) memory: Memory,
    pub(super) clock: ManualClock,
    commands: u32,
}

impl History {
    pub(super) fn new() -> Self {
        Self {
            memory: Memory::default(),
            clock: ManualClock::at(Timestamp::from_millis(1_700_000_000_000)),
            commands: 0,
        }
    }

    pub(super) async fn happen<A: Aggregate>(&mut self, id: &str, command: A::Command) -> Envelope {
        let events = self.tell::<A>(id, command).await;
        events.into_iter().next().expect("something happened")
    }

    pub(super) async fn tell<A: Aggregate>(
        &mut self,
        id: &str,
        command: A::Command,
    ) -> Vec<Envelope> {
        self.commands += 1;
        // Orders go on for hours.
        self.clock.sleep(Duration::from_secs(1_000)).await;
        let cause = CommandId::new(self.commands.to_string()).expect("an id");
        let decider = Decider::<A, _, _>::new(self.memory.clone(), self.clock.clone());
        let executed = decider.execute(id, &Cause::command(&cause), &command).await;
        executed.expect("accepted").events()
    }

    async fn order(&mut self, id: &str, customer: &str, end: End) {
        let placed = placed(id, customer);
        let fail = |reason: &str| order::Command::Fail {
            reason: reason.to_owned(),
        };
        self.happen::<domain::Order>(id, order::Command::Place(placed.clone()))
            .await;
        match end {
            End::Placed => return,
            End::CancelledUnheard | End::CancelledAtOnce => return self.cancel(id, end).await,
            _ => {}
        }
        if let End::SoldOut = end {
            let (order, reason) = (placed.into(), "sold out".to_owned());
            self.happen::<Reservation>(id, reservation::Command::Refuse { order, reason })
                .await;
            self.happen::<domain::Order>(id, fail("sold out")).await;
            return;
        }
        let reserve = reservation::Command::Reserve(placed.into());
        let due: InventoryReserved = read(&self.happen::<Reservation>(id, reserve).await);
        let provider_reference = format!("ref-{id}");
        if let End::Declined = end {
            let reason = "no money".to_owned();
            self.happen::<Payment>(
                id,
                payment::Command::RecordDecline {
                    due: due.into(),
                    reason,
                },
            )
            .await;
            self.happen::<Reservation>(id, reservation::Command::Release)
                .await;
            self.happen::<domain::Order>(id, fail("no money")).await;
            return;
        }
        if let End::CancelledInTime = end {
            return self.cancel(id, end).await;
        }
        let charge = payment::Command::RecordCharge {
            due: due.into(),
            provider_reference: provider_reference.clone(),
        };
        let paid: PaymentCompleted = read(&self.happen::<Payment>(id, charge).await);
        match end {
            End::Shipped | End::CancelledShipped => {
                let tracking_number = format!("track-{id}");
                let pickup = shipment::Command::RecordPickup {
                    order: paid.into(),
                    tracking_number: tracking_number.clone(),
                };
                self.happen::<Shipment>(id, pickup).await;
                if let End::CancelledShipped = end {
                    return self.cancel(id, end).await;
                }
                let fulfil = order::Command::Fulfil { tracking_number };
                self.happen::<domain::Order>(id, fulfil).await;
            }
            End::CancelledPaid => self.cancel(id, end).await,
            End::Refused => {
                let reason = "no such address".to_owned();
                self.happen::<Shipment>(
                    id,
                    shipment::Command::RecordRefusal {
                        order: paid.into(),
                        reason,
                    },
                )
                .await;
                self.happen::<Payment>(id, payment::Command::RecordRefund { provider_reference })
                    .await;
                self.happen::<Reservation>(id, reservation::Command::Release)
                    .await;
                self.happen::<domain::Order>(id, fail("not deliverable"))
                    .await;
            }
            _ => {}
        }
    }

    /// The order is cancelled, and each service that has heard of it undoes what it has done so far.
    async fn cancel(&mut self, id: &str, end: End) {
        let order_id = || domain::OrderId::new(id);
        let reason = Some("found it cheaper".to_owned());
        self.happen::<domain::Order>(id, order::Command::Cancel { reason })
            .await;
        let (payment, shipment) = match end {
            End::CancelledPaid | End::CancelledUnheard => return,
            End::CancelledShipped => (
                payment::Command::RecordRefund {
                    provider_reference: format!("ref-{id}"),
                },
                shipment::Command::RecordRecall {
                    order_id: order_id(),
                },
            ),
            _ => (
                payment::Command::Cancel {
                    order_id: order_id(),
                },
                shipment::Command::Cancel {
                    order_id: order_id(),
                },
            ),
        };
        let release = reservation::Command::Cancel {
            order_id: order_id(),
        };
        self.happen::<Reservation>(id, release).await;
        self.happen::<Payment>(id, payment).await;
        self.happen::<Shipment>(id, shipment).await;
    }

    async fn stock(&mut self, product: &str) {
        let (product_id, order_id) = (ProductId::new(product), domain::OrderId::new("ord-1"));
        let replenished = StockReplenished {
            product_id: product_id.clone(),
            quantity: 10,
        };
        let reserve = stock_item::Command::Reserve {
            product_id: product_id.clone(),
            order_id: order_id.clone(),
            quantity: 4,
        };
        let release = stock_item::Command::Release {
            product_id,
            order_id,
            quantity: 1,
        };
        for command in [
            stock_item::Command::Replenish(replenished),
            reserve,
            release,
        ] {
            self.happen::<StockItem>(product, command).await;
        }
    }

    /// Orders with every end, of two customers, and two products.
    pub(super) async fn of_a_shop() -> Self {
        let mut history = Self::new();
        let ends = [
            End::Placed,
            End::SoldOut,
            End::Declined,
            End::Paid,
            End::Shipped,
            End::Refused,
            End::CancelledAtOnce,
            End::CancelledInTime,
            End::CancelledPaid,
            End::CancelledShipped,
            End::CancelledUnheard,
        ];
        for (number, end) in ends.into_iter().enumerate() {
            let customer = format!("cust-{}", number % 2);
            history
                .order(&format!("ord-{number}"), &customer, end)
                .await;
        }
        for end in Conducted::ALL {
            history.conducted(end).await;
        }
        history.stock("p-1").await;
        history.stock("p-2").await;
        history
    }

    pub(super) fn events(&self) -> Vec<Envelope> {
        let commits = self.memory.log_from(0);
        commits.iter().flat_map(Commit::envelopes).collect()
    }
}

/// The data of an order that was placed, without a word of its workflow.
pub(super) fn placed(id: &str, customer: &str) -> OrderPlaced {
    let placed = serde_json::from_value(json!({
        "orderId": id, "customerId": customer,
        "items": [{ "productId": "p-1", "quantity": 2, "unitPrice": { "amount": 5, "currency": "EUR" } }],
        "total": { "amount": 10, "currency": "EUR" },
        "shippingAddress": { "line1": "x" }, "payment": { "method": "m" },
    }));
    placed.expect("an order")
}

pub(super) fn read<D: envelope::EventData>(event: &Envelope) -> D {
    event.read().expect("of this type")
}
