//! A small shop: the deployed handlers over a store and views in memory.

use cancel_order::CancelOrder;
use domain::{Customer, Order, OrderSaga, StockItem, customer, order, stock_item};
use envelope::{Aggregate, Cause, CommandId, Envelope, Timestamp};
use event_store::{Decider, Memory};
use issue_ticket::IssueTicket;
use place_order::PlaceOrder;
use ports::{Clock, ManualClock, MemoryViews, SeededIds};
use projection_kit::{Projection, Projector};
use projections::{CustomerOrders, ReadyOrders, Sales, Stock, Workflow};
use push::Tickets;
use query_lists::QueryLists;
use query_order::QueryOrder;
use reaction::ReactTogether;
use restock_product::RestockProduct;
use saga::{Conducted, Happening, Heard, What};
use serde_json::{Value, json};
use steer_workflow::SteerWorkflow;
use testkit::Faulty;
use tests::document::Document;
use update_customer::UpdateCustomer;

use crate::asking::{Answer, Ask};

type Store = Faulty<Memory>;
type Views = Faulty<MemoryViews>;

/// With two customers, a product, an order that is under way, one that is done, one that waits for the
/// carrier, two that a saga conducts, of which one is stuck, and one that no read model has seen.
pub(crate) struct Shop {
    store: Store,
    views: Views,
    clock: ManualClock,
}

const OPENED: &str = "2026-11-21T10:00:00Z";

impl Shop {
    pub(crate) async fn open() -> Self {
        let memory = Memory::default();
        let shop = Self {
            store: Faulty::new(memory.clone()),
            views: Faulty::new(MemoryViews::default()),
            clock: ManualClock::at(Timestamp::parse(OPENED).expect("a time")),
        };
        for id in ["cust-1", "cust-2"] {
            let ada = json!({ "customerId": id, "name": "Ada", "email": "ada@example.com", "phone": "+441632960961" });
            let register = customer::Command::Register(read(&ada));
            shop.tell::<Customer>(id, &register).await;
        }
        let goods = json!({ "productId": "prod-1", "quantity": 7 });
        let replenish = stock_item::Command::Replenish(read(&goods));
        shop.tell::<StockItem>("prod-1", &replenish).await;
        for id in ["ord-open", "ord-done", "ord-ready"] {
            shop.place(id).await;
        }
        let fulfil = order::Command::Fulfil {
            tracking_number: "T-1".to_owned(),
        };
        shop.tell::<Order>("ord-done", &fulfil).await;
        shop.conduct().await;
        let stored = memory.log_from(0);
        for event in stored.iter().flat_map(event_store::Commit::envelopes) {
            shop.project(&event).await;
        }
        for (id, kind, event, data) in of_services() {
            shop.project(&happened(id, kind, event, &data)).await;
        }
        shop.place("ord-stored").await;
        shop
    }

    /// From now on nothing that it depends on answers.
    pub(crate) fn fail(&self) {
        self.store.be_unavailable(1_000);
        self.views.be_unavailable(1_000);
    }

    /// Where its sales are to be asked for.
    pub(crate) fn sales(&self) -> String {
        let day = &OPENED[..10];
        format!("/sales?from={day}&to={day}")
    }

    /// What the function that is deployed for the request answers.
    pub(crate) async fn answer(&self, ask: &Ask) -> Answer {
        let route = Document::read().operation(ask.method, &ask.path);
        let payload = ask.payload(&route);
        let (store, views, clock) = (self.store.clone(), self.views.clone(), self.clock.clone());
        let ids = SeededIds::default();
        let (_, template) = route.split_once(' ').expect("two words");
        let answered = match (ask.method, template) {
            ("POST", "/orders") => {
                let usual = domain::events::Workflow::Choreography;
                PlaceOrder::new(store, clock, ids, usual)
                    .handle(payload)
                    .await
            }
            ("POST", "/orders/{id}/cancellation") => {
                CancelOrder::new(store, clock, ids).handle(payload).await
            }
            ("POST", "/orders/{id}/workflow/interventions") => {
                SteerWorkflow::new(store, clock, ids).handle(payload).await
            }
            ("POST", "/customers") | ("PUT", _) => {
                UpdateCustomer::new(store, clock, ids).handle(payload).await
            }
            ("POST", "/push-tickets") => {
                let tickets = Tickets::new(b"a key of this test's own");
                IssueTicket::new(tickets, "wss://socket.example.com/live", clock).handle(payload)
            }
            ("POST", "/stock/{id}/deliveries") => {
                RestockProduct::new(store, clock, ids).handle(payload).await
            }
            (_, "/openapi.json" | "/docs" | "/docs/{file}") => describe_api::handle(payload),
            (_, template) if template.starts_with("/orders/") => {
                QueryOrder::new(store, views, clock).handle(payload).await
            }
            _ => QueryLists::new(views, clock).handle(payload).await,
        };
        Answer::of(&answered.expect("JSON"))
    }

    async fn place(&self, id: &str) {
        self.place_with(id, None).await;
    }

    async fn place_with(&self, id: &str, workflow: Option<&str>) {
        let placed = json!({
            "workflow": workflow,
            "orderId": id, "customerId": "cust-1", "payment": { "method": "sandbox-approve" }, "items": items(),
            "total": { "amount": 5, "currency": "EUR" }, "shippingAddress": { "line1": "x" },
        });
        self.tell::<Order>(id, &order::Command::Place(read(&placed)))
            .await;
    }

    /// What the saga of two orders does; of one of them nobody answers, whoever is asked to undo.
    async fn conduct(&self) {
        for id in ["ord-saga", "ord-stuck"] {
            let placed =
                json!({ "orderId": id, "customerId": "cust-1", "workflow": "orchestration" });
            self.place_with(id, Some("orchestration")).await;
            self.hear(id, "OrderPlaced", 1, &placed).await;
        }
        let cancel = order::Command::Cancel { reason: None };
        self.tell::<Order>("ord-stuck", &cancel).await;
        self.hear("ord-stuck", "OrderCancelled", 2, &json!({}))
            .await;
        for hours in 1..40 {
            let now = self.clock.now().as_millis() + hours * 3_600_000;
            let fired = What::TimerFired(Timestamp::from_millis(now));
            self.happen("ord-stuck", fired).await;
        }
    }

    async fn hear(&self, id: &str, event: &str, version: u64, data: &Value) {
        let (event, data) = (event.to_owned(), data.clone());
        let heard = Heard {
            event,
            version,
            data,
        };
        self.happen(id, What::Heard(heard)).await;
    }

    async fn happen(&self, id: &str, what: What) {
        let (now, seed) = (self.clock.now(), 0);
        let happening = Happening { what, now, seed };
        self.tell::<Conducted<OrderSaga>>(id, &happening).await;
    }

    async fn tell<A: Aggregate>(&self, id: &str, command: &A::Command) {
        let decider = Decider::<A, _, _>::new(self.store.clone(), self.clock.clone());
        let cause = format!("{id}-{}", self.store_len());
        let cause = Cause::command(&CommandId::new(cause).expect("an id"));
        let executed = decider.execute(id, &cause, command).await;
        executed.expect("carried out");
    }

    fn store_len(&self) -> usize {
        self.store.inner().log_from(0).len()
    }

    async fn project(&self, event: &Envelope) {
        self.fold::<projections::Order>(event).await;
        self.fold::<CustomerOrders>(event).await;
        self.fold::<ReadyOrders>(event).await;
        self.fold::<Workflow>(event).await;
        self.fold::<Stock>(event).await;
        self.fold::<Sales>(event).await;
    }

    async fn fold<P: Projection>(&self, event: &Envelope) {
        let (store, views) = (self.store.clone(), self.views.clone());
        let stream = envelope::StreamId::new(&event.aggregate_type, &event.aggregate_id);
        if P::view_of(&stream.expect("an id")).is_none() {
            return;
        }
        let projector = Projector::<P, _, _, _>::new(store, views, self.clock.clone());
        let mut answers = projector.react(std::slice::from_ref(event)).await;
        answers.remove(0).expect("folded");
    }
}

fn read<D: serde::de::DeserializeOwned>(json: &Value) -> D {
    serde_json::from_value(json.clone()).expect("the data of an event")
}

fn items() -> Value {
    json!([{ "productId": "prod-1", "quantity": 1, "unitPrice": { "amount": 5, "currency": "EUR" } }])
}

/// What the services say of the orders.
fn of_services() -> Vec<(&'static str, &'static str, &'static str, Value)> {
    let all = |id: &str| {
        json!({
            "orderId": id, "customerId": "cust-1", "items": items(), "total": { "amount": 5, "currency": "EUR" },
            "amount": { "amount": 5, "currency": "EUR" }, "shippingAddress": { "line1": "x" },
            "payment": { "method": "sandbox-approve" }, "providerReference": "R-1", "trackingNumber": "T-1",
        })
    };
    let mut happened = Vec::new();
    for id in ["ord-ready", "ord-done"] {
        happened.push((id, "Reservation", "InventoryReserved", all(id)));
        happened.push((id, "Payment", "PaymentCompleted", all(id)));
    }
    happened.push(("ord-done", "Shipment", "OrderShipped", all("ord-done")));
    happened
}

fn happened(id: &str, kind: &str, event: &str, data: &Value) -> Envelope {
    read(&json!({
        "eventId": format!("{id}-{event}"), "eventType": event, "schemaVersion": 1, "timestamp": OPENED,
        "aggregateType": kind, "aggregateId": id, "version": 1, "data": data,
        "metadata": { "correlationId": "story" },
    }))
}
