//! The world of a simulation: queues and schedule; what is checked is in `check.rs`.
//!
//! Which function hears which event is read from the template that is deployed, so that a missing
//! rule is found here, too.

use std::collections::BTreeMap;

use domain::OrderView;
use envelope::{Envelope, Sealer, Timestamp};
use event_store::Memory;
use futures::future::LocalBoxFuture;
use partners::{SandboxCarrier, SandboxPayments, SentNotices};
use ports::{
    Clock, Consistency, LoadView, ManualClock, MemoryBus, MemoryDeadLetters, MemoryRedeliveries,
    MemoryViews, PublishError,
};
use reaction::{Consume, Host, React, Verified};
use serde_json::{Value, json};

#[path = "check.rs"]
mod check;

/// What an order's data asks the outside parties to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    Ship,
    Decline,
    Undeliverable,
    OutOfStock,
    FlakyPayment,
    FlakyCarrier,
}

/// Units of each product at the start.
const STOCK: u64 = 1_000;
const PRODUCTS: [&str; 3] = ["prod-1", "prod-2", "prod-3"];
/// Attempts before an event is given up; more than a message's crashes, so that none is given up by bad luck.
const ATTEMPTS_MAX: u32 = 60;
/// A world that is not at rest after so many steps never will be.
const STEPS_MAX: usize = 60_000;

type Function = Box<dyn Fn(Value, Timestamp) -> LocalBoxFuture<'static, Value>>;

/// A message in a queue, and how often it was delivered.
struct Queued {
    id: String,
    body: Value,
    attempt: u32,
}

pub(crate) struct World {
    random: fastrand::Rng,
    clock: ManualClock,
    store: Memory,
    views: MemoryViews,
    bus: MemoryBus,
    notices: SentNotices,
    letters: MemoryDeadLetters,
    functions: BTreeMap<&'static str, Function>,
    queues: BTreeMap<&'static str, Vec<Queued>>,
    rules: BTreeMap<String, Vec<String>>,
    relay: relay_events::RelayEvents<MemoryBus, MemoryDeadLetters, ManualClock>,
    relayed: usize,
    next_id: u64,
    orders: BTreeMap<String, Told>,
}

impl World {
    pub(crate) async fn new(seed: u64) -> Self {
        let clock = ManualClock::at(Timestamp::from_millis(1_700_000_000_000));
        let (store, views, letters) = Default::default();
        let (bus, sealer) = (MemoryBus::default(), Sealer::new(b"simulation"));
        let mut failing = fastrand::Rng::with_seed(seed ^ 1);
        bus.fail_with(move |_| {
            let fails = failing.u8(..) < 50;
            fails.then(|| PublishError::Transient("ThrottlingException".to_owned()))
        });
        let relay = relay_events::RelayEvents::new(
            bus.clone(),
            Clone::clone(&letters),
            sealer.clone(),
            clock.clone(),
        );
        let mut world = Self {
            random: fastrand::Rng::with_seed(seed),
            clock,
            store,
            views,
            bus,
            notices: SentNotices::default(),
            letters,
            functions: BTreeMap::new(),
            queues: BTreeMap::new(),
            rules: rules(),
            relay,
            relayed: 0,
            next_id: 0,
            orders: BTreeMap::new(),
        };
        world.install(&sealer);
        world.seed_data();
        world.run_to_rest().await;
        world
    }

    fn install(&mut self, sealer: &Sealer) {
        let (s, c) = (self.store.clone(), self.clock.clone());
        let payments = SandboxPayments::new(c.clone());
        let carrier = SandboxCarrier::new(c.clone());
        let notices = self.notices.clone();
        self.consumer(accept_event::AcceptEvent::new(s.clone(), c.clone()));
        self.reaction(
            sealer,
            reserve_inventory::ReserveInventory::new(s.clone(), c.clone()),
        );
        self.reaction(
            sealer,
            release_inventory::ReleaseInventory::new(s.clone(), c.clone()),
        );
        self.reaction(
            sealer,
            charge_payment::ChargePayment::new(s.clone(), payments.clone(), c.clone()),
        );
        self.reaction(
            sealer,
            refund_payment::RefundPayment::new(s.clone(), payments, c.clone()),
        );
        self.reaction(
            sealer,
            ship_order::ShipOrder::new(s.clone(), carrier, c.clone()),
        );
        self.reaction(
            sealer,
            conclude_order::ConcludeOrder::new(s.clone(), c.clone()),
        );
        self.reaction(
            sealer,
            email_customer::EmailCustomer::new(s.clone(), notices.clone(), c.clone()),
        );
        self.reaction(
            sealer,
            text_customer::TextCustomer::new(s.clone(), notices, c.clone()),
        );
        self.reaction(
            sealer,
            project_order::ProjectOrder::new(s, self.views.clone(), c),
        );
    }

    fn reaction<R: React>(&mut self, sealer: &Sealer, reaction: R) {
        self.consumer(Verified::new(reaction, sealer.clone()));
    }

    fn consumer<H: Consume>(&mut self, handler: H) {
        let host = Host::new(
            handler,
            MemoryRedeliveries::default(),
            self.letters.clone(),
            self.clock.clone(),
            ATTEMPTS_MAX,
        );
        let function: Function = Box::new(move |payload, deadline| {
            let host = host.clone();
            Box::pin(async move { host.handle(payload, deadline).await.expect("a batch") })
        });
        self.functions.insert(H::NAME, function);
        self.queues.insert(H::NAME, Vec::new());
    }

    fn seed_data(&mut self) {
        for product in PRODUCTS {
            let data = json!({"productId": product, "quantity": STOCK});
            self.put_inbound(&json!({"eventId": format!("stock-{product}"), "eventType": "StockReplenished", "data": data}));
        }
        let data = json!({"customerId": "cust-1", "name": "Ada", "email": "ada@example.com", "phone": "+441234567"});
        self.put_inbound(
            &json!({"eventId": "cust-1", "eventType": "UserRegistered", "data": data}),
        );
    }

    /// Puts an order on the inbound bus; what is on a bus may be delivered twice.
    pub(crate) fn order(&mut self, order_id: &str, told: Told) {
        let product = if told == Told::OutOfStock {
            "prod-out"
        } else {
            self.product()
        };
        let (first, second) = (self.random.u32(1..4), self.random.u32(1..4));
        let items = [(product, first), (self.product(), second)].map(|(product, quantity)| {
            json!({"productId": product, "quantity": quantity, "unitPrice": {"amount": 100, "currency": "EUR"}})
        });
        let method = match told {
            Told::Decline => "sandbox-decline",
            Told::FlakyPayment => "sandbox-fail-2",
            _ => "sandbox-approve",
        };
        let line = match told {
            Told::Undeliverable => "sandbox-undeliverable",
            Told::FlakyCarrier => "sandbox-fail-3",
            _ => "1 High Street",
        };
        let event = json!({"eventId": format!("placed-{order_id}"), "eventType": "OrderPlaced", "data": {
            "orderId": order_id, "customerId": "cust-1", "items": items,
            "total": {"amount": 100 * (first + second), "currency": "EUR"},
            "shippingAddress": {"line1": line}, "payment": {"method": method},
        }});
        for _ in 0..self.random.usize(1..4) {
            self.put_inbound(&event);
        }
        self.orders.insert(order_id.to_owned(), told);
    }

    /// Messages that must end as dead letters, one each, and disturb nobody.
    pub(crate) fn send_rubbish(&mut self) {
        self.put_inbound(&json!({"eventType": "OrderPlaced", "data": {}}));
        self.put_inbound(
            &json!({"eventId": "forged-1", "eventType": "PaymentCompleted", "data": {}}),
        );
        let unsealed = json!({"eventId": "forged-2", "eventType": "OrderPlaced", "schemaVersion": 1,
            "timestamp": "2026-01-01T00:00:00Z", "aggregateType": "Order", "aggregateId": "ord-x", "version": 1,
            "data": {}, "metadata": {"correlationId": "x"}});
        self.enqueue(
            "reserve-inventory",
            json!({"detail-type": "OrderPlaced", "detail": unsealed}),
        );
    }

    fn product(&mut self) -> &'static str {
        PRODUCTS[self.random.usize(..PRODUCTS.len())]
    }

    fn put_inbound(&mut self, detail: &Value) {
        self.enqueue(
            "accept-event",
            json!({"source": "shop.test", "detail": detail}),
        );
    }

    fn enqueue(&mut self, function: &'static str, body: Value) {
        self.next_id += 1;
        let message = Queued {
            id: self.next_id.to_string(),
            body,
            attempt: 1,
        };
        self.queues
            .get_mut(function)
            .expect("a queue for each function")
            .push(message);
    }

    /// Until nothing is left to relay or to deliver.
    pub(crate) async fn run_to_rest(&mut self) {
        for _ in 0..STEPS_MAX {
            let waiting: Vec<_> = self
                .queues
                .iter()
                .filter(|(_, queue)| !queue.is_empty())
                .map(|(name, _)| *name)
                .collect();
            let behind = !self.store.log_from(self.relayed).is_empty();
            match (behind, waiting.len()) {
                (false, 0) => return,
                (true, 0) => self.relay().await,
                (true, _) if self.random.u8(..4) == 0 => self.relay().await,
                _ => {
                    let chosen = self.random.usize(..waiting.len());
                    self.deliver(waiting[chosen]).await;
                }
            }
        }
        panic!("the world does not come to rest: something waits for ever");
    }

    fn deadline(&self) -> Timestamp {
        Timestamp::from_millis(self.clock.now().as_millis() + 30_000)
    }

    /// One invocation of the relay: some of the records, and on from where it says it got.
    async fn relay(&mut self) {
        let take = self.random.usize(1..20);
        let commits: Vec<_> = self
            .store
            .log_from(self.relayed)
            .into_iter()
            .take(take)
            .collect();
        let records: Vec<_> = commits
            .iter()
            .enumerate()
            .map(|(index, commit)| adapter_dynamodb::record_of_commit(commit, &index.to_string()))
            .collect();
        let answer = self
            .relay
            .handle(json!({"Records": records}), self.deadline(), true)
            .await
            .expect("partial");
        let failed = answer["batchItemFailures"][0]["itemIdentifier"].as_str();
        self.relayed += failed.map_or(commits.len(), |index| index.parse().expect("an index"));
        for event in self.bus.take() {
            self.route(&event);
        }
    }

    /// At least once, to everyone whose rule says so.
    fn route(&mut self, event: &Envelope) {
        let body =
            json!({"source": "event-router", "detail-type": event.event_type, "detail": event});
        let names: Vec<&'static str> = self.functions.keys().copied().collect();
        for name in names {
            if self
                .rules
                .get(name)
                .is_some_and(|types| types.contains(&event.event_type))
            {
                let copies = if self.random.u8(..8) == 0 { 2 } else { 1 };
                for _ in 0..copies {
                    self.enqueue(name, body.clone());
                }
            }
        }
    }

    /// A batch of whatever is in the queue, in any order. Sometimes the function dies after its work:
    /// everything in the batch comes again.
    async fn deliver(&mut self, name: &'static str) {
        let queue = self.queues.get_mut(name).expect("a queue");
        self.random.shuffle(queue);
        let batch: Vec<_> = queue
            .drain(..queue.len().min(self.random.usize(1..=10)))
            .collect();
        let record = |message: &Queued| {
            json!({"messageId": message.id, "body": message.body.to_string(),
                   "attributes": {"ApproximateReceiveCount": message.attempt.to_string()}})
        };
        let payload = json!({"Records": batch.iter().map(record).collect::<Vec<_>>()});
        let answer = self.functions[name](payload, self.deadline()).await;
        let died = self.random.u8(..10) == 0;
        let failed: Vec<_> = answer["batchItemFailures"]
            .as_array()
            .expect("a list")
            .iter()
            .collect();
        for mut message in batch {
            let again = failed.iter().any(|f| f["itemIdentifier"] == message.id);
            if died || again {
                message.attempt += 1;
                self.queues.get_mut(name).expect("a queue").push(message);
            }
        }
    }

    /// The view of an order.
    async fn view(&self, order_id: &str) -> OrderView {
        let key = OrderView::key(order_id);
        self.views
            .load(&key, Consistency::Strong)
            .await
            .expect("memory")
            .expect("a view of every order")
            .view
    }
}

/// Function → event types, from the rules of the deployed template.
fn rules() -> BTreeMap<String, Vec<String>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/cloudformation.json");
    let text = std::fs::read_to_string(path).expect("the template");
    let template: Value = serde_json::from_str(&text).expect("JSON");
    let resources = template["Resources"].as_object().expect("resources");
    let rules = resources
        .values()
        .filter(|resource| resource["Type"] == "AWS::Events::Rule");
    rules
        .filter_map(|rule| {
            let types = rule["Properties"]["EventPattern"]["detail-type"].as_array()?;
            let types = types
                .iter()
                .filter_map(|t| t.as_str().map(str::to_owned))
                .collect();
            let name = rule["Properties"]["Name"]["Fn::Sub"].as_str()?;
            Some((
                name.trim_start_matches("${AWS::StackName}-").to_owned(),
                types,
            ))
        })
        .collect()
}
