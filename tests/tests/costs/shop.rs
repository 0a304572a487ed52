//! A shop in which one order is carried out at a time, and everything is counted.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use adapter_dynamodb::{EventStore, Views};
use domain::events::Workflow as Style;
use envelope::{Cause, Envelope, Timestamp};
use event_store::Commit;
use futures::future::LocalBoxFuture;
use partners::{SandboxCarrier, SandboxPayments, SentNotices};
use ports::{ManualClock, MemoryTimers};
use projection_kit::{Projection, Projector};
use projections::{CustomerOrders, Order, ReadyOrders, Sales, Stock, Workflow};
use reaction::{Consume, Message, React, ReactTogether};
use serde_json::{Value, json};
use testkit::{Dynamo, Meter, Usage, dynamo};
use tests::rules::{Rules, on_the_bus};

use crate::logged::Logged;

/// What was counted.
pub(crate) struct Counted {
    pub(crate) events: Usage,
    pub(crate) views: Usage,
    pub(crate) published: usize,
    pub(crate) to_services: usize,
    pub(crate) to_read_models: usize,
    pub(crate) timers: usize,
}

type Function = Rc<dyn Fn(Envelope) -> LocalBoxFuture<'static, ()>>;

pub(crate) struct Shop {
    store: Logged,
    clock: ManualClock,
    timers: [(&'static str, MemoryTimers); 2],
    rules: Rules,
    functions: BTreeMap<&'static str, Function>,
    accept: accept_event::AcceptEvent<Logged, ManualClock>,
    meters: [Meter; 2],
    published: usize,
    to_services: usize,
    to_read_models: usize,
    timers_set: usize,
    _dynamo: Dynamo,
}

impl Shop {
    /// With a customer, and enough in stock.
    pub(crate) async fn open() -> Self {
        let dynamo = Dynamo::embedded().await;
        let meters = [Meter::default(), Meter::default()];
        let store = EventStore::new(dynamo.metered_client(&meters[0]), dynamo::EVENTS_TABLE);
        let views = Views::new(dynamo.metered_client(&meters[1]), dynamo::VIEWS_TABLE);
        let (store, clock) = (
            Logged::new(store),
            ManualClock::at(Timestamp::from_millis(1_795_212_345_678)),
        );
        let mut shop = Self {
            accept: accept_event::AcceptEvent::new(
                store.clone(),
                clock.clone(),
                Style::Choreography,
            ),
            store,
            clock,
            timers: ["expire-order", "conduct-order"].map(|name| (name, MemoryTimers::default())),
            rules: Rules::deployed("DomainBus").expect("the template has rules"),
            functions: BTreeMap::new(),
            meters,
            published: 0,
            to_services: 0,
            to_read_models: 0,
            timers_set: 0,
            _dynamo: dynamo,
        };
        shop.start_functions(&views);
        shop.send(
            "cust-7",
            "UserRegistered",
            json!({ "customerId": "cust-7", "name": "Ada Example",
            "email": "ada@example.com", "phone": "+353861234567" }),
        )
        .await;
        for product in ["prod-3", "prod-8"] {
            let data = json!({ "productId": product, "quantity": 1_000 });
            shop.send(product, "StockReplenished", data).await;
        }
        shop
    }

    fn start_functions(&mut self, views: &Views) {
        let (s, c, notices) = (
            self.store.clone(),
            self.clock.clone(),
            SentNotices::default(),
        );
        let [unpaid, sagas] = self.timers.clone().map(|(_, timers)| timers);
        let payments = || SandboxPayments::new(c.clone());
        let carrier = || SandboxCarrier::new(c.clone());
        self.reaction(reserve_inventory::ReserveInventory::new(
            s.clone(),
            c.clone(),
        ));
        self.reaction(charge_payment::ChargePayment::new(
            s.clone(),
            payments(),
            c.clone(),
        ));
        self.reaction(ship_order::ShipOrder::new(s.clone(), carrier(), c.clone()));
        self.reaction(conclude_order::ConcludeOrder::new(s.clone(), c.clone()));
        self.reaction(conduct_order::ConductOrder::new(
            s.clone(),
            sagas,
            c.clone(),
        ));
        let half_an_hour = Duration::from_secs(1_800);
        self.reaction(expire_order::ExpireOrder::new(
            s.clone(),
            unpaid,
            c.clone(),
            half_an_hour,
        ));
        self.reaction(email_customer::EmailCustomer::new(
            s.clone(),
            notices.clone(),
            c.clone(),
        ));
        self.reaction(text_customer::TextCustomer::new(s, notices, c));
        self.projection::<Order>(views);
        self.projection::<CustomerOrders>(views);
        self.projection::<ReadyOrders>(views);
        self.projection::<Stock>(views);
        self.projection::<Workflow>(views);
        self.projection::<Sales>(views);
    }

    fn reaction<R: React>(&mut self, reaction: R) {
        let function: Function = Rc::new(move |event| {
            let reaction = reaction.clone();
            Box::pin(async move {
                let cause = Cause::reaction(&event, R::NAME).expect("a short story");
                reaction.react(&event, &cause, 1).await.expect("handled");
            })
        });
        self.functions.insert(R::NAME, function);
    }

    fn projection<P: Projection>(&mut self, views: &Views) {
        let (store, clock) = (self.store.clone(), self.clock.clone());
        let projector = Projector::<P, _, _, _>::new(store, views.clone(), clock);
        let function: Function = Rc::new(move |event| {
            let projector = projector.clone();
            Box::pin(async move {
                let answers = projector.react(std::slice::from_ref(&event)).await;
                for answer in answers {
                    answer.expect("folded");
                }
            })
        });
        self.functions.insert(P::FUNCTION, function);
    }

    /// An order of two products, until nothing more happens.
    pub(crate) async fn order(&mut self, id: &str, style: Style) {
        let sample = include_str!("../../../events/samples/OrderPlaced.v1.json");
        let mut order: Value = serde_json::from_str(sample).expect("a sample");
        let mut data = order["data"].take();
        data["orderId"] = json!(id);
        data["workflow"] = json!(style);
        self.send(&format!("web-5b0d7e64-{id}"), "OrderPlaced", data)
            .await;
    }

    async fn send(&mut self, id: &str, kind: &str, data: Value) {
        let detail = json!({ "eventId": id, "eventType": kind, "data": data });
        let message = Message::bare(json!({ "source": "shop.web", "detail": detail }));
        self.accept.consume(&message).await.expect("taken");
        self.run_to_rest().await;
    }

    async fn run_to_rest(&mut self) {
        let mut waiting: VecDeque<(&'static str, Envelope)> = VecDeque::new();
        loop {
            let commits = self.store.take();
            for event in commits.iter().flat_map(Commit::envelopes) {
                self.published += 1;
                let detail = serde_json::to_value(&event).expect("JSON");
                let on_bus = on_the_bus("event-router", &event.event_type, &detail);
                let reached = self.rules.reached(&on_bus).expect("an event");
                let names = reached.iter().map(|name| {
                    let known = self.functions.get_key_value(name.as_str());
                    *known
                        .unwrap_or_else(|| panic!("{name} is not in the shop"))
                        .0
                });
                waiting.extend(names.map(|name| (name, event.clone())));
            }
            if let Some((name, event)) = waiting.pop_front() {
                self.deliver(name, event).await;
            } else if !self.ring(&mut waiting) {
                return;
            }
        }
    }

    async fn deliver(&mut self, name: &'static str, event: Envelope) {
        if name.starts_with("project-") {
            self.to_read_models += 1;
        } else {
            self.to_services += 1;
        }
        self.functions[name](event).await;
    }

    /// The next timers go off, if any are set.
    fn ring(&mut self, waiting: &mut VecDeque<(&'static str, Envelope)>) -> bool {
        let next = self
            .timers
            .iter()
            .filter_map(|(_, timers)| timers.next())
            .min();
        let Some(next) = next else { return false };
        self.clock.advance_to(next);
        for (name, timers) in &self.timers {
            for message in timers.due(next) {
                self.timers_set += 1;
                let event = serde_json::from_value(message["detail"].clone()).expect("an event");
                waiting.push_back((*name, event));
            }
        }
        true
    }

    /// What was counted since the last call.
    pub(crate) fn count(&mut self) -> Counted {
        Counted {
            events: self.meters[0].take(),
            views: self.meters[1].take(),
            published: std::mem::take(&mut self.published),
            to_services: std::mem::take(&mut self.to_services),
            to_read_models: std::mem::take(&mut self.to_read_models),
            timers: std::mem::take(&mut self.timers_set),
        }
    }
}
