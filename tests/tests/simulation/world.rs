//! A world: the functions as they are deployed, each in two processes, over ports that fail.
//!
//! Which function hears which event is read from the template that is deployed, so that a missing
//! rule is found here, too.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::events::Workflow as Style;
use envelope::{Sealer, Timestamp};
use event_store::Memory;
use futures::future::LocalBoxFuture;
use partners::SentNotices;
use ports::{
    Consistency, ManualClock, MemoryBus, MemoryDeadLetters, MemoryRedeliveries, MemoryTimers,
    MemoryViews, PublishError,
};
use projection_kit::{Projection, Projector, load_row};
use projections::{CustomerOrders, Order, ReadyOrders, Sales, Stock, Workflow};
use reaction::{Consume, Done, Failure, Host, Message, React, Verified, VerifiedTogether};
use serde_json::Value;
use tests::rules::Rules;

use crate::cancelling::{self, Cancellation};
use crate::faults::{Dice, Remote};
use crate::ledger::Ledger;
use crate::schedule::Queued;
use crate::traffic::Told;

/// When a world begins: at midnight, since sales are told by the day.
pub(crate) const BEGAN: i64 = 1_700_006_400_000;
/// Processes of each function, each with caches of its own.
const PROCESSES: usize = 2;
/// How long an order may stay unpaid: longer than anything here takes, unless somebody turns the clock; and
/// perhaps longer than any saga waits.
const UNPAID: [Duration; 2] = [
    Duration::from_secs(30 * 60),
    Duration::from_secs(30 * 24 * 60 * 60),
];
/// Attempts before an event is given up: so many that none is given up by bad luck.
const ATTEMPTS_MAX: u32 = 1_000;

pub(crate) type Function = Box<dyn Fn(Value, Timestamp) -> LocalBoxFuture<'static, Value>>;

pub(crate) struct World {
    pub(crate) dice: Dice,
    pub(crate) clock: ManualClock,
    /// The timers of each function that sets any.
    pub(crate) timers: [(&'static str, MemoryTimers); 2],
    /// How long an order may stay unpaid.
    unpaid: Duration,
    /// The style of orders that name none.
    usual: Style,
    /// At one of how many steps the clock is turned, so that time is up for what is still on its way.
    pub(crate) haste: Option<usize>,
    pub(crate) store: Memory,
    pub(crate) views: MemoryViews,
    pub(crate) bus: MemoryBus,
    pub(crate) ledger: Ledger,
    pub(crate) notices: SentNotices,
    pub(crate) letters: MemoryDeadLetters,
    /// The processes of each function.
    pub(crate) functions: BTreeMap<&'static str, Vec<Function>>,
    pub(crate) queues: BTreeMap<&'static str, Vec<Queued>>,
    pub(crate) rules: Rules,
    pub(crate) relay: relay_events::RelayEvents<MemoryBus, Remote<MemoryDeadLetters>, ManualClock>,
    /// Commits that the change stream need not deliver again.
    pub(crate) relayed: usize,
    pub(crate) messages: u64,
    pub(crate) orders: BTreeMap<String, (Told, i64)>,
    /// Requests to cancel that have not been answered.
    pub(crate) cancellations: Vec<Cancellation>,
    /// What customers were told who wanted to cancel.
    pub(crate) told: Vec<(String, cancelling::Told)>,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let clock = ManualClock::at(Timestamp::from_millis(BEGAN));
        let dice = Dice::new(seed);
        let (store, views, letters) = Default::default();
        let (bus, sealer) = (MemoryBus::default(), Sealer::new(b"simulation"));
        let failing = dice.clone();
        bus.fail_with(move |_| {
            let fails = failing.below(5) == 0;
            fails.then(|| PublishError::Transient("ThrottlingException".to_owned()))
        });
        let graves = Remote::new(Clone::clone(&letters), &dice);
        let relay =
            relay_events::RelayEvents::new(bus.clone(), graves, sealer.clone(), clock.clone());
        let mut world = Self {
            ledger: Ledger::new(&clock, &dice),
            haste: *dice.one_of(&[None, None, None, Some(60), Some(20), Some(6)]),
            clock,
            timers: ["expire-order", "conduct-order"].map(|name| (name, MemoryTimers::default())),
            unpaid: *dice.one_of(&UNPAID),
            usual: *dice.one_of(&[Style::Choreography, Style::Orchestration]),
            store,
            views,
            bus,
            notices: SentNotices::default(),
            letters,
            functions: BTreeMap::new(),
            queues: BTreeMap::new(),
            rules: Rules::deployed("DomainBus").expect("the template has rules"),
            relay,
            relayed: 0,
            messages: 0,
            orders: BTreeMap::new(),
            cancellations: Vec::new(),
            told: Vec::new(),
            dice,
        };
        for _ in 0..PROCESSES {
            world.start_processes(&sealer);
        }
        world
    }

    fn start_processes(&mut self, sealer: &Sealer) {
        let s = Remote::new(self.store.clone(), &self.dice);
        let views = Remote::new(self.views.clone(), &self.dice);
        let (c, ledger, notices) = (
            self.clock.clone(),
            self.ledger.clone(),
            self.notices.clone(),
        );
        self.consumer(accept_event::AcceptEvent::new(
            s.clone(),
            c.clone(),
            self.usual,
        ));
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
            charge_payment::ChargePayment::new(s.clone(), ledger.clone(), c.clone()),
        );
        self.reaction(
            sealer,
            refund_payment::RefundPayment::new(s.clone(), ledger.clone(), c.clone()),
        );
        self.reaction(
            sealer,
            ship_order::ShipOrder::new(s.clone(), ledger.clone(), c.clone()),
        );
        self.reaction(
            sealer,
            recall_shipment::RecallShipment::new(s.clone(), ledger, c.clone()),
        );
        let [unpaid, sagas] = self.timers.clone();
        let [unpaid, sagas] = [unpaid, sagas].map(|(_, timers)| Remote::new(timers, &self.dice));
        self.reaction(
            sealer,
            expire_order::ExpireOrder::new(s.clone(), unpaid, c.clone(), self.unpaid),
        );
        self.reaction(
            sealer,
            conduct_order::ConductOrder::new(s.clone(), sagas, c.clone()),
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
        self.projection::<Order>(sealer, &s, &views);
        self.projection::<CustomerOrders>(sealer, &s, &views);
        self.projection::<ReadyOrders>(sealer, &s, &views);
        self.projection::<Stock>(sealer, &s, &views);
        self.projection::<Workflow>(sealer, &s, &views);
        self.projection::<Sales>(sealer, &s, &views);
    }

    fn projection<P: Projection>(
        &mut self,
        sealer: &Sealer,
        store: &Remote<Memory>,
        views: &Remote<MemoryViews>,
    ) {
        let projector =
            Projector::<P, _, _, _>::new(store.clone(), views.clone(), self.clock.clone());
        self.consumer(VerifiedTogether::new(projector, sealer.clone()));
    }

    fn reaction<R: React>(&mut self, sealer: &Sealer, reaction: R) {
        self.consumer(Verified::new(reaction, sealer.clone()));
    }

    fn consumer<H: Consume>(&mut self, handler: H) {
        let host = Host::new(
            Watched(handler),
            MemoryRedeliveries::default(),
            Remote::new(self.letters.clone(), &self.dice),
            self.clock.clone(),
            ATTEMPTS_MAX,
        );
        let process: Function = Box::new(move |payload, deadline| {
            let host = host.clone();
            Box::pin(async move { host.handle(payload, deadline).await.expect("a batch") })
        });
        self.functions.entry(H::NAME).or_default().push(process);
        self.queues.entry(H::NAME).or_default();
    }

    /// A view of a read model.
    pub(crate) async fn view<P: Projection>(&self, id: &str) -> P::View {
        let row = load_row::<P, _>(&self.views, id, Consistency::Strong).await;
        row.expect("memory").expect("a view of everything").view
    }
}

/// A handler that is tried again only for reasons that lie outside of it. What it refuses for good
/// is a dead letter, and those are looked at in the end.
#[derive(Clone)]
struct Watched<H>(H);

impl<H: Consume> Watched<H> {
    fn watch(&self, result: &Result<Done, Failure>) {
        if let Err(Failure::Transient(error)) = result {
            let text = format!("{error:?}");
            let excused = [
                "faulty",
                "simulation",
                "the sandbox was told to fail",
                "Contended",
                // Another delivery may release an order between two reads.
                "NotReserved",
                // An order may overtake its customer's registration.
                "NoSuchCustomer",
                "Unknown",
            ];
            let known = excused.iter().any(|excuse| text.contains(excuse));
            assert!(known, "{}: {text}", H::NAME);
        }
    }
}

impl<H: Consume> Consume for Watched<H> {
    const NAME: &'static str = H::NAME;
    const CONCURRENCY: usize = H::CONCURRENCY;

    fn key(&self, message: &Message) -> Option<String> {
        self.0.key(message)
    }

    async fn consume(&self, message: &Message) -> Result<Done, Failure> {
        let result = self.0.consume(message).await;
        self.watch(&result);
        result
    }

    async fn consume_together(&self, messages: &[Message]) -> Vec<Result<Done, Failure>> {
        let results = self.0.consume_together(messages).await;
        for result in &results {
            self.watch(result);
        }
        results
    }
}
