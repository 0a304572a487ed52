//! Every event type of the domain, and the JSON Schema that is made from its Rust type.
//!
//! The list is closed and written by hand, because Rust cannot enumerate the types of a module. A
//! test reads the source of `domain::events` and fails when a type is missing here.

use domain::{commands, events};
use envelope::EventData;
use saga::events as progress;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform as _};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

/// One version of one event type.
#[derive(Debug, Clone, Copy)]
pub struct EventType {
    /// The name on the wire.
    pub name: &'static str,
    /// Version of the schema, from 1.
    pub schema_version: u32,
    schema: fn() -> Schema,
    rewrite: fn(&Value) -> Option<Value>,
}

impl EventType {
    fn of<D: EventData + JsonSchema>() -> Self {
        Self {
            name: D::TYPE,
            schema_version: D::SCHEMA_VERSION,
            schema: schema_of::<D>,
            rewrite: rewrite::<D>,
        }
    }

    /// The name of its file in `events/`.
    #[must_use]
    pub fn file_name(&self) -> String {
        file_name(self.name, self.schema_version)
    }

    /// Its JSON Schema, made from the Rust type.
    #[must_use]
    pub fn schema(&self) -> Value {
        let Self {
            name,
            schema_version,
            ..
        } = self;
        let mut made = (self.schema)();
        RecursiveTransform(plain).transform(&mut made);
        let made = made.to_value();
        let mut schema = Map::from_iter([
            (
                "$schema".to_owned(),
                json!("https://json-schema.org/draft/2020-12/schema"),
            ),
            (
                "$id".to_owned(),
                json!(format!("urn:event-router:event:{name}:v{schema_version}")),
            ),
            ("title".to_owned(), json!(name)),
        ]);
        for (key, value) in made.as_object().into_iter().flatten() {
            schema.entry(key).or_insert_with(|| value.clone());
        }
        Value::Object(schema)
    }

    /// The data as its Rust type reads and writes it; `None` when it cannot read it.
    #[must_use]
    pub fn rewrite(&self, data: &Value) -> Option<Value> {
        (self.rewrite)(data)
    }
}

/// `OrderPlaced`, 1 → `OrderPlaced.v1.schema.json`.
#[must_use]
pub fn file_name(event_type: &str, schema_version: u32) -> String {
    format!("{event_type}.v{schema_version}.schema.json")
}

/// Every event type, at the version that the Rust type has now.
#[must_use]
pub fn catalogue() -> Vec<EventType> {
    vec![
        EventType::of::<events::OrderPlaced>(),
        EventType::of::<events::OrderFulfilled>(),
        EventType::of::<events::OrderCompleted>(),
        EventType::of::<events::OrderFailed>(),
        EventType::of::<events::OrderCancelled>(),
        EventType::of::<events::InventoryReserved>(),
        EventType::of::<events::InventoryReserveFailed>(),
        EventType::of::<events::InventoryReleased>(),
        EventType::of::<events::StockReplenished>(),
        EventType::of::<events::StockReserved>(),
        EventType::of::<events::StockReleased>(),
        EventType::of::<events::PaymentCompleted>(),
        EventType::of::<events::PaymentFailed>(),
        EventType::of::<events::PaymentRefunded>(),
        EventType::of::<events::PaymentCancelled>(),
        EventType::of::<events::OrderShipped>(),
        EventType::of::<events::ShipmentFailed>(),
        EventType::of::<events::ShipmentCancelled>(),
        EventType::of::<events::UserRegistered>(),
        EventType::of::<events::UserAddressChanged>(),
        EventType::of::<commands::ReserveInventory>(),
        EventType::of::<commands::ReleaseInventory>(),
        EventType::of::<commands::ChargePayment>(),
        EventType::of::<commands::RefundPayment>(),
        EventType::of::<commands::ShipOrder>(),
        EventType::of::<commands::RecallShipment>(),
        EventType::of::<commands::CompleteOrder>(),
        EventType::of::<commands::FailOrder>(),
        EventType::of::<progress::SagaStarted>(),
        EventType::of::<progress::SagaStepStarted>(),
        EventType::of::<progress::SagaStepCompleted>(),
        EventType::of::<progress::SagaStepFailed>(),
        EventType::of::<progress::SagaCompensating>(),
        EventType::of::<progress::SagaUndoStarted>(),
        EventType::of::<progress::SagaUndoCompleted>(),
        EventType::of::<progress::SagaUndoFailed>(),
        EventType::of::<progress::SagaStuck>(),
        EventType::of::<progress::SagaResumed>(),
        EventType::of::<progress::SagaStepResolved>(),
        EventType::of::<progress::SagaMigrated>(),
        EventType::of::<progress::SagaTimerSet>(),
        EventType::of::<progress::SagaCompleted>(),
        EventType::of::<progress::SagaCompensated>(),
    ]
}

/// The name and contents of every file in `events/` that is made from a Rust type.
#[must_use]
pub fn generated() -> Vec<(String, Value)> {
    catalogue()
        .iter()
        .map(|event| (event.file_name(), event.schema()))
        .collect()
}

fn schema_of<D: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<D>()
}

fn rewrite<D: EventData>(data: &Value) -> Option<Value> {
    D::deserialize(data)
        .ok()
        .and_then(|read| serde_json::to_value(read).ok())
}

/// Says in plain JSON Schema what schemars says in formats that only Rust knows.
fn plain(schema: &mut Schema) {
    let format = schema
        .get("format")
        .and_then(Value::as_str)
        .map(str::to_owned);
    match format.as_deref() {
        Some("uint32") => {
            schema.remove("format");
            if schema.get("maximum").is_none() {
                schema.insert("maximum".to_owned(), json!(u32::MAX));
            }
        }
        Some("int64" | "uint64") => {
            schema.remove("format");
        }
        _ => {}
    }
}
