//! Whom each event reaches.
//!
//! The rules are the deployed ones, so a typing error in a pattern is found here and not in an account.
//! Who reacts to what is written down a second time: a change of the template must be meant.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use domain::OrderSaga;
use saga::Saga as _;
use serde_json::{Value, json};
use tests::rules::{Rules, on_the_bus};

use crate::{read, root, samples};

/// All that happens to an order.
const OF_ORDERS: [&str; 15] = [
    "OrderPlaced",
    "OrderFailed",
    "OrderFulfilled",
    "OrderCompleted",
    "OrderCancelled",
    "InventoryReserved",
    "InventoryReserveFailed",
    "InventoryReleased",
    "PaymentCompleted",
    "PaymentFailed",
    "PaymentRefunded",
    "PaymentCancelled",
    "OrderShipped",
    "ShipmentFailed",
    "ShipmentCancelled",
];

/// A function, and the types of the events that it reacts to.
type Reaction = (&'static str, &'static [&'static str]);

/// What customers are told.
const TOLD: [&str; 4] = [
    "OrderPlaced",
    "OrderShipped",
    "OrderFailed",
    "OrderCancelled",
];

/// Who reacts to what in every order.
const ALWAYS: [Reaction; 9] = [
    ("expire-order", &["OrderPlaced"]),
    ("email-customer", &TOLD),
    ("text-customer", &TOLD),
    ("project-order", &OF_ORDERS),
    ("project-customer-orders", &OF_ORDERS),
    ("project-ready-orders", &OF_ORDERS),
    ("project-workflow", &OF_ORDERS),
    ("project-sales", &OF_ORDERS),
    (
        "project-stock",
        &["StockReplenished", "StockReserved", "StockReleased"],
    ),
];

/// Who else in an order in which the services react to each other.
const CHOREOGRAPHED: [Reaction; 7] = [
    ("reserve-inventory", &["OrderPlaced"]),
    (
        "release-inventory",
        &["PaymentFailed", "ShipmentFailed", "OrderCancelled"],
    ),
    ("charge-payment", &["InventoryReserved"]),
    ("refund-payment", &["ShipmentFailed", "OrderCancelled"]),
    ("ship-order", &["PaymentCompleted"]),
    ("recall-shipment", &["OrderCancelled"]),
    (
        "conclude-order",
        &[
            "InventoryReserveFailed",
            "PaymentFailed",
            "ShipmentFailed",
            "OrderShipped",
        ],
    ),
];

/// Who else in an order in which a saga commands them.
const ORCHESTRATED: [Reaction; 1] = [(
    "conduct-order",
    &[
        "OrderPlaced",
        "OrderCancelled",
        "InventoryReserved",
        "InventoryReserveFailed",
        "InventoryReleased",
        "PaymentCompleted",
        "PaymentFailed",
        "PaymentRefunded",
        "PaymentCancelled",
        "OrderShipped",
        "ShipmentFailed",
        "ShipmentCancelled",
        "OrderCompleted",
        "OrderFailed",
    ],
)];

/// The aggregate in whose stream a saga is.
const SAGA: &str = "OrderSaga";

/// Who gets what the saga stores, besides the read model of workflows, which gets all of it.
const OF_SAGAS: [Reaction; 8] = [
    ("reserve-inventory", &["ReserveInventory"]),
    ("charge-payment", &["ChargePayment"]),
    ("ship-order", &["ShipOrder"]),
    ("conclude-order", &["CompleteOrder", "FailOrder"]),
    ("release-inventory", &["ReleaseInventory"]),
    ("refund-payment", &["RefundPayment"]),
    ("recall-shipment", &["RecallShipment"]),
    ("conduct-order", &["SagaTimerSet"]),
];

/// What the relay publishes under.
const OWN_SOURCE: &str = "event-router";

/// An event as it is in a choreographed order: it says no style, as old ones do.
fn choreographed(sample: &Value) -> Value {
    let mut event = sample.clone();
    for part in ["data", "metadata"] {
        if let Some(fields) = event[part].as_object_mut() {
            fields.retain(|name, _| !["workflow", "saga"].contains(&name.as_str()));
        }
    }
    event
}

/// An event as it is in an orchestrated order: it says so itself, or a command of the saga caused it.
fn orchestrated(sample: &Value) -> Value {
    let mut event = choreographed(sample);
    if ["OrderPlaced", "OrderCancelled"].contains(&text(sample, "eventType")) {
        event["data"]["workflow"] = json!("orchestration");
    } else {
        event["metadata"]["saga"] = json!(SAGA);
    }
    event
}

/// What the saga itself stores, as far as a rule looks at it.
fn of_saga(event_type: &str) -> Value {
    json!({ "eventType": event_type, "aggregateType": SAGA, "data": {}, "metadata": { "saga": SAGA } })
}

fn text<'a>(event: &'a Value, name: &str) -> &'a str {
    event[name].as_str().unwrap_or_default()
}

/// The functions that are to be reached by an event of this type, by these tables.
fn expected(event_type: &str, tables: &[&[Reaction]]) -> BTreeSet<String> {
    let reactions = tables.iter().flat_map(|table| table.iter());
    let reacting = reactions.filter(|(_, types)| types.contains(&event_type));
    reacting
        .map(|(function, _)| (*function).to_owned())
        .collect()
}

fn ensure_reaches(rules: &Rules, event: &Value, expected: &BTreeSet<String>) -> Result<()> {
    let event_type = text(event, "eventType");
    let reached = rules.reached(&on_the_bus(OWN_SOURCE, event_type, event))?;
    ensure!(
        reached == *expected,
        "{event_type} reaches {reached:?}, and it should reach {expected:?}: correct the rule in infra/template.yaml, \
         or, if the change is meant, the tables in this test"
    );
    Ok(())
}

#[test]
fn every_sample_reaches_the_functions_that_react_to_it_in_its_style_and_no_other() -> Result<()> {
    let rules = Rules::deployed("DomainBus")?;
    let of_orders = |sample: &&Value| text(sample, "aggregateType") != SAGA;
    for sample in samples()?.values().filter(of_orders) {
        let event_type = text(sample, "eventType");
        let free = expected(event_type, &[&ALWAYS, &CHOREOGRAPHED]);
        let mut said = choreographed(sample);
        ensure_reaches(&rules, &said, &free)?;
        said["data"]["workflow"] = json!("choreography");
        ensure_reaches(&rules, &said, &free)?;
        let led = expected(event_type, &[&ALWAYS, &ORCHESTRATED]);
        ensure_reaches(&rules, &orchestrated(sample), &led)?;
    }
    Ok(())
}

#[test]
fn every_command_of_a_saga_reaches_the_function_that_it_is_for_and_no_other() -> Result<()> {
    let rules = Rules::deployed("DomainBus")?;
    let types = OF_SAGAS.iter().flat_map(|(_, types)| types.iter());
    for event_type in types.copied().chain(["SagaStarted"]) {
        let mut functions = expected(event_type, &[&OF_SAGAS]);
        assert!(functions.len() < 2, "{event_type} is for {functions:?}");
        functions.insert("project-workflow".to_owned());
        ensure_reaches(&rules, &of_saga(event_type), &functions)?;
    }
    Ok(())
}

/// By the definition itself, so that a step more is missed if its rule is.
#[test]
fn each_command_of_the_order_saga_reaches_one_function_and_each_answer_the_saga() -> Result<()> {
    let rules = Rules::deployed("DomainBus")?;
    let samples = samples()?;
    let sample = |name: &str| {
        samples
            .get(name)
            .with_context(|| format!("no sample of {name}"))
    };
    let reached =
        |event: &Value| rules.reached(&on_the_bus(OWN_SOURCE, text(event, "eventType"), event));
    for definition in OrderSaga::DEFINITIONS {
        for command in definition.commands() {
            let mut functions = reached(sample(command.name)?)?;
            functions.remove("project-workflow");
            ensure!(
                functions.len() == 1,
                "{} is for {functions:?}",
                command.name
            );
        }
        let undos = definition.undos();
        let undos: Vec<_> = undos.filter_map(|(_, undo)| undo.compensation()).collect();
        let back = undos
            .iter()
            .flat_map(|undo| undo.done.iter().chain(undo.failed));
        let refusals = definition.steps().flat_map(|step| step.refused);
        let forth = definition.steps().flat_map(|step| step.done);
        let answers = forth.chain(back).chain(definition.called_off_by).copied();
        let answers = answers.chain(refusals.map(|refusal| refusal.event));
        for answer in answers.chain([definition.start.event]) {
            let functions = reached(&orchestrated(sample(answer)?))?;
            ensure!(
                functions.contains(OrderSaga::FUNCTION),
                "nobody conducts {answer}"
            );
        }
    }
    Ok(())
}

#[test]
fn every_rule_of_the_domain_bus_is_spoken_for_and_matches_some_event() -> Result<()> {
    let tables: [&[Reaction]; 3] = [&ALWAYS, &CHOREOGRAPHED, &ORCHESTRATED];
    let reactions = || tables.iter().flat_map(|table| table.iter());
    let known: BTreeSet<_> = reactions().map(|(name, _)| (*name).to_owned()).collect();
    let rules = Rules::deployed("DomainBus")?;
    ensure!(
        *rules.functions() == known,
        "rules for {:?}, and the tables of this test name {known:?}",
        rules.functions()
    );
    let samples = samples()?;
    for (function, types) in reactions() {
        let unknown: Vec<_> = types
            .iter()
            .filter(|name| !samples.contains_key(**name))
            .collect();
        ensure!(
            unknown.is_empty(),
            "{function} waits for events that do not exist: {unknown:?}"
        );
    }
    Ok(())
}

#[test]
fn an_event_of_another_source_reaches_nobody_on_the_domain_bus() -> Result<()> {
    let rules = Rules::deployed("DomainBus")?;
    for (event_type, sample) in samples()? {
        for source in [
            "com.example.web-shop",
            "Event-Router",
            "event-router.evil",
            "",
        ] {
            let reached = rules.reached(&on_the_bus(source, event_type, &sample))?;
            ensure!(
                reached.is_empty(),
                "{event_type} from {source:?} reaches {reached:?}"
            );
        }
    }
    Ok(())
}

#[test]
fn whatever_comes_in_from_outside_reaches_the_function_that_checks_it() -> Result<()> {
    let rules = Rules::deployed("InboundBus")?;
    let checked = BTreeSet::from(["accept-event".to_owned()]);
    let mut events: Vec<_> = samples()?.into_values().collect();
    events.push(read(
        &root().join("events/samples/OrderPlaced.v1.cloudevent.json"),
    )?);
    events.push(json!({"neither": "form"}));
    for event in &events {
        for detail_type in ["OrderPlaced", "order.placed", "Whatever"] {
            let reached = rules.reached(&on_the_bus("com.example.web-shop", detail_type, event))?;
            ensure!(reached == checked, "{event} reaches {reached:?}");
        }
    }
    Ok(())
}
