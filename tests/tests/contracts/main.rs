//! The contract of every event: it has a schema and a sample, the sample is valid and readable, and
//! it reaches the functions that are to react to it, and no other.
//!
//! The rules are the deployed ones, read from the template's plain form and matched by a pattern
//! engine, so a typing error in a pattern is found here and not in an account. Who reacts to what is
//! written down a second time below: a change of the template must be meant.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use envelope::{Envelope, Inbound};
use quamina::Quamina;
use serde_json::{Value, json};

/// All that happens to an order.
const OF_ORDERS: [&str; 14] = [
    "OrderPlaced",
    "OrderFailed",
    "OrderFulfilled",
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

/// Who reacts to what on the domain bus.
const REACTIONS: [(&str, &[&str]); 15] = [
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
    (
        "email-customer",
        &[
            "OrderPlaced",
            "OrderShipped",
            "OrderFailed",
            "OrderCancelled",
        ],
    ),
    (
        "text-customer",
        &[
            "OrderPlaced",
            "OrderShipped",
            "OrderFailed",
            "OrderCancelled",
        ],
    ),
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

/// What the relay publishes under.
const OWN_SOURCE: &str = "event-router";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> Result<Value> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))
}

/// The sample of each event type, by type.
fn samples() -> Result<BTreeMap<&'static str, Value>> {
    let sample = |event: &schemas::EventType| {
        let file = format!(
            "events/samples/{}.v{}.json",
            event.name, event.schema_version
        );
        Ok((event.name, read(&root().join(file))?))
    };
    schemas::catalogue().iter().map(sample).collect()
}

fn validator(file: &str) -> Result<jsonschema::Validator> {
    let schema = read(&root().join("events").join(file))?;
    let options = jsonschema::draft202012::options().should_validate_formats(true);
    options
        .build(&schema)
        .with_context(|| format!("{file} does not compile"))
}

fn ensure_valid(schema_file: &str, value: &Value, what: &str) -> Result<()> {
    let errors: Vec<_> = validator(schema_file)?
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    ensure!(
        errors.is_empty(),
        "{what} breaks {schema_file}: {}",
        errors.join("; ")
    );
    Ok(())
}

/// The form in which a rule sees an event.
fn on_the_bus(source: &str, detail_type: &str, detail: &Value) -> Value {
    json!({
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "source": source,
        "detail-type": detail_type,
        "account": "111122223333",
        "time": "2026-11-21T10:00:00Z",
        "region": "eu-west-1",
        "resources": [],
        "detail": detail,
    })
}

/// The pattern of each rule on a bus, by the function that the rule is for.
fn rules(bus: &str) -> Result<BTreeMap<String, Value>> {
    let template = read(&root().join("infra/cloudformation.json"))?;
    let resources = template["Resources"]
        .as_object()
        .context("a template has resources")?;
    let on_bus = resources.iter().filter(|(_, resource)| {
        resource["Type"] == "AWS::Events::Rule"
            && resource["Properties"]["EventBusName"]["Ref"] == bus
    });
    on_bus
        .map(|(id, rule)| {
            let name = rule["Properties"]["Name"]["Fn::Sub"].as_str();
            let function = name.and_then(|name| name.strip_prefix("${AWS::StackName}-"));
            let function = function
                .with_context(|| format!("{id} is not named after the stack and its function"))?;
            Ok((
                function.to_owned(),
                rule["Properties"]["EventPattern"].clone(),
            ))
        })
        .collect()
}

struct Bus(Quamina<String>);

impl Bus {
    fn deployed(name: &str) -> Result<Self> {
        let mut patterns = Quamina::new();
        for (function, pattern) in rules(name)? {
            patterns
                .add_pattern(function.clone(), &pattern.to_string())
                .with_context(|| format!("the pattern of {function}"))?;
        }
        Ok(Self(patterns))
    }

    fn reached(&self, event: &Value) -> Result<BTreeSet<String>> {
        Ok(self
            .0
            .matches_for_event(event.to_string().as_bytes())?
            .into_iter()
            .collect())
    }
}

fn expected(event_type: &str) -> BTreeSet<String> {
    let reacting = REACTIONS
        .iter()
        .filter(|(_, types)| types.contains(&event_type));
    reacting
        .map(|(function, _)| (*function).to_owned())
        .collect()
}

#[test]
fn every_event_type_has_its_schema_and_its_sample_and_no_file_is_left_over() -> Result<()> {
    let names = |folder: &str, of: fn(&schemas::EventType) -> String, own: &[&str]| -> Result<()> {
        let files = fs::read_dir(root().join(folder))?;
        let is: BTreeSet<_> = files
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .filter(|name: &Result<String>| name.as_ref().is_ok_and(|name| name.ends_with(".json")))
            .collect::<Result<_>>()?;
        let mut should: BTreeSet<_> = schemas::catalogue().iter().map(of).collect();
        should.extend(own.iter().map(|&name| name.to_owned()));
        let missing: Vec<_> = should.difference(&is).collect();
        let left_over: Vec<_> = is.difference(&should).collect();
        ensure!(
            missing.is_empty() && left_over.is_empty(),
            "{folder}: missing {missing:?}, left over {left_over:?}"
        );
        Ok(())
    };
    names(
        "events",
        schemas::EventType::file_name,
        &["Envelope.v1.schema.json", "first-order.json"],
    )?;
    let sample =
        |event: &schemas::EventType| format!("{}.v{}.json", event.name, event.schema_version);
    names(
        "events/samples",
        sample,
        &["OrderPlaced.v1.cloudevent.json"],
    )
}

#[test]
fn every_sample_is_an_envelope_that_is_read_and_written_without_loss() -> Result<()> {
    for (event_type, sample) in samples()? {
        ensure_valid("Envelope.v1.schema.json", &sample, event_type)?;
        let envelope: Envelope = serde_json::from_value(sample.clone()).context(event_type)?;
        ensure!(
            envelope.event_type == event_type,
            "the sample of {event_type} is of {}",
            envelope.event_type
        );
        envelope.stream().context(event_type)?;
        ensure!(
            serde_json::to_value(&envelope)? == sample,
            "{event_type}: the envelope loses something"
        );
    }
    Ok(())
}

#[test]
fn the_data_of_every_sample_is_valid_and_is_read_and_written_without_loss() -> Result<()> {
    let samples = samples()?;
    for event in schemas::catalogue() {
        let data = &samples[event.name]["data"];
        ensure_valid(&event.file_name(), data, event.name)?;
        let again = event
            .rewrite(data)
            .with_context(|| format!("{} cannot be read", event.name))?;
        ensure!(
            again == *data,
            "{}: the Rust type loses something",
            event.name
        );
    }
    Ok(())
}

#[test]
fn every_sample_reaches_the_functions_that_react_to_it_and_no_other() -> Result<()> {
    let bus = Bus::deployed("DomainBus")?;
    for (event_type, sample) in samples()? {
        let reached = bus.reached(&on_the_bus(OWN_SOURCE, event_type, &sample))?;
        ensure!(
            reached == expected(event_type),
            "{event_type} reaches {reached:?}, and it should reach {:?}: correct the rule in infra/template.yaml, \
             or, if the change is meant, REACTIONS in this test",
            expected(event_type)
        );
    }
    Ok(())
}

#[test]
fn every_rule_of_the_domain_bus_is_spoken_for_and_matches_some_event() -> Result<()> {
    let deployed: BTreeSet<_> = rules("DomainBus")?.into_keys().collect();
    let known: BTreeSet<_> = REACTIONS
        .iter()
        .map(|(function, _)| (*function).to_owned())
        .collect();
    ensure!(
        deployed == known,
        "rules for {deployed:?}, and REACTIONS of this test names {known:?}"
    );
    let samples = samples()?;
    for (function, types) in REACTIONS {
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
    let bus = Bus::deployed("DomainBus")?;
    for (event_type, sample) in samples()? {
        for source in [
            "com.example.web-shop",
            "Event-Router",
            "event-router.evil",
            "",
        ] {
            let reached = bus.reached(&on_the_bus(source, event_type, &sample))?;
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
    let bus = Bus::deployed("InboundBus")?;
    let checked = BTreeSet::from(["accept-event".to_owned()]);
    let mut events: Vec<_> = samples()?.into_values().collect();
    events.push(read(
        &root().join("events/samples/OrderPlaced.v1.cloudevent.json"),
    )?);
    events.push(json!({"neither": "form"}));
    for event in &events {
        for detail_type in ["OrderPlaced", "order.placed", "Whatever"] {
            let reached = bus.reached(&on_the_bus("com.example.web-shop", detail_type, event))?;
            ensure!(reached == checked, "{event} reaches {reached:?}");
        }
    }
    Ok(())
}

#[test]
fn the_samples_of_what_other_systems_send_pass_the_boundary_and_no_other_sample_does() -> Result<()>
{
    let accepted: BTreeSet<_> = schemas::accepted_types().collect();
    for (event_type, sample) in samples()? {
        let inbound = Inbound::read(&sample).context(event_type)?;
        let verdict = schemas::validate(&inbound.event_type, inbound.schema_version, &inbound.data);
        ensure!(
            verdict.is_ok() == accepted.contains(event_type),
            "{event_type}: {verdict:?}"
        );
    }
    Ok(())
}

#[test]
fn the_cloud_events_sample_says_the_same_as_the_sample_in_the_own_form() -> Result<()> {
    let own = Inbound::read(&samples()?["OrderPlaced"])?;
    let mut cloud = Inbound::read(&read(
        &root().join("events/samples/OrderPlaced.v1.cloudevent.json"),
    )?)?;
    // Its id is made of its source and its own id, which is kept beside it.
    let id = cloud.metadata.extra.remove("cloudEventId");
    assert_eq!(id, Some(json!(own.event_id)));
    cloud.event_id = own.event_id.clone();
    assert_eq!(cloud, own);
    Ok(())
}
