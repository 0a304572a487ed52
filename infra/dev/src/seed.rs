//! Gives a new stack products to sell and customers to sell to.
//!
//! They come in as events on the inbound bus, like everything else: what can be seeded is what another system could
//! send. The ids of the events are fixed, so sending them again changes nothing. `prod-out` is a known product that
//! nothing is left of.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::env_file::Variables;
use crate::inbound::{Entry, send_all};
use crate::progress::Step;

const PRODUCTS: u32 = 20;
const CUSTOMERS: u32 = 50;
const STOCK: u32 = 1_000_000;
const STORED_MAX: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(200);
/// BatchGetItem takes this many keys (docs.aws.amazon.com/amazondynamodb, "BatchGetItem").
const KEYS_MAX: usize = 100;

/// An event to send, and the stream that it begins.
struct Seed {
    stream: String,
    entry: Entry,
}

/// Sends what is missing and waits until it is stored.
pub(crate) async fn plant(cloud: &Cloud, variables: &Variables) -> Result<()> {
    let table = &variables["EVENTS_TABLE"];
    let seeds = seeds();
    let step = Step::counted("Seeding stock and customers", seeds.len() as u64);
    let mut missing = missing(cloud, table, &seeds).await?;
    if missing.is_empty() {
        step.done("already there");
        return Ok(());
    }
    let entries: Vec<Entry> = missing.iter().map(|seed| seed.entry.clone()).collect();
    send_all(cloud, &variables["INBOUND_BUS"], &entries).await?;
    let started = Instant::now();
    while !missing.is_empty() {
        step.at((seeds.len() - missing.len()) as u64);
        if started.elapsed() > STORED_MAX {
            bail!(
                "{} of {} seed events were not stored within {} s, {} among them. Why may be in the dead-letter queue of \
                 accept-event (`cargo dev dead-letters accept-event`) or in its logs (`cargo dev logs accept-event`)",
                missing.len(),
                seeds.len(),
                STORED_MAX.as_secs(),
                missing[0].stream
            );
        }
        tokio::time::sleep(POLL).await;
        missing = self::missing(cloud, table, &seeds).await?;
    }
    step.done(format!("{} products, {CUSTOMERS} customers", PRODUCTS + 1));
    Ok(())
}

/// Those whose stream has no first commit yet.
async fn missing<'a>(cloud: &Cloud, table: &str, seeds: &'a [Seed]) -> Result<Vec<&'a Seed>> {
    let client = cloud.dynamodb();
    let mut found = Vec::new();
    for chunk in seeds.chunks(KEYS_MAX) {
        let mut keys = KeysAndAttributes::builder()
            .consistent_read(true)
            .projection_expression("p");
        for seed in chunk {
            keys = keys.keys(HashMap::from([
                ("p".to_owned(), AttributeValue::S(seed.stream.clone())),
                ("v".to_owned(), AttributeValue::N("1".to_owned())),
            ]));
        }
        let answer = client
            .batch_get_item()
            .request_items(table, keys.build()?)
            .send()
            .await;
        let answer = answer.with_context(|| format!("cannot read the table {table}"))?;
        let items = answer
            .responses()
            .and_then(|tables| tables.get(table))
            .cloned()
            .unwrap_or_default();
        found.extend(
            items
                .iter()
                .filter_map(|item| item.get("p")?.as_s().ok().cloned()),
        );
    }
    Ok(seeds
        .iter()
        .filter(|seed| !found.contains(&seed.stream))
        .collect())
}

fn seeds() -> Vec<Seed> {
    let ample = (1..=PRODUCTS).map(|number| (format!("prod-{number}"), STOCK));
    let products = ample
        .chain([("prod-out".to_owned(), 0)])
        .map(|(id, quantity)| {
            let data = json!({ "productId": id, "quantity": quantity });
            seed(
                "StockItem",
                &id,
                "warehouse.seed",
                "StockReplenished",
                &data,
            )
        });
    let customers = (1..=CUSTOMERS).map(|number| {
        let id = format!("cust-{number}");
        let data = json!({
            "customerId": id,
            "name": format!("Customer {number}"),
            "email": format!("{id}@example.com"),
            "phone": format!("+4915550{number:05}"),
            "active": true,
        });
        seed("Customer", &id, "accounts.seed", "UserRegistered", &data)
    });
    products.chain(customers).collect()
}

fn seed(aggregate: &str, id: &str, source: &str, event_type: &str, data: &Value) -> Seed {
    let event_id = format!("seed-{id}");
    let detail = json!({
        "eventId": event_id,
        "eventType": event_type,
        "schemaVersion": 1,
        "timestamp": "2026-01-01T00:00:00Z",
        "aggregateType": aggregate,
        "aggregateId": id,
        "version": 1,
        "data": data,
        "metadata": { "correlationId": event_id },
    });
    let entry = Entry {
        source: source.to_owned(),
        detail_type: event_type.to_owned(),
        detail,
    };
    Seed {
        stream: format!("{aggregate}#{id}"),
        entry,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_has_an_id_of_its_own_and_prod_out_has_nothing() {
        let seeds = seeds();
        let mut ids: Vec<String> = seeds
            .iter()
            .map(|seed| seed.entry.detail["eventId"].to_string())
            .collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 71);
        let out = seeds
            .iter()
            .find(|seed| seed.stream == "StockItem#prod-out")
            .expect("a seed");
        assert_eq!(out.entry.detail["data"]["quantity"], 0);
    }
}
