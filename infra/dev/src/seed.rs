//! Gives a new stack products to sell and customers to sell to; `cargo dev seed` does it for one on AWS.
//!
//! They come in as events on the inbound bus, like everything else: what can be seeded is what another system could
//! send. The ids of the events are fixed, so sending them again changes nothing. `prod-out` is a known product that
//! nothing is left of.
//!
//! Nobody can be reached at what is made up here: example.com is reserved (RFC 2606), and so are the telephone numbers
//! +44 7700 900000 to 900999, for drama (Ofcom, "Telephone numbers for use in TV and radio drama programmes").

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::args;
use crate::cloud::Cloud;
use crate::deploy;
use crate::env_file::Variables;
use crate::inbound::{Entry, send_all};
use crate::progress::Step;
use crate::project::Project;
use crate::running::Running;
use crate::streams;

/// Products in stock: prod-1, prod-2 and so on.
pub(crate) const PRODUCTS: u32 = 20;
/// Customers: cust-1, cust-2 and so on.
pub(crate) const CUSTOMERS: u32 = 50;
const STOCK: u32 = 1_000_000;
const STORED_MAX: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(200);

/// An event to send, and the stream that it begins.
struct Seed {
    stream: String,
    entry: Entry,
}

/// `cargo dev seed`
pub(crate) async fn run(project: &Project, options: &args::Seed) -> Result<ExitCode> {
    let Some(stack) = &options.stack else {
        let running = Running::find(project).await?;
        plant(&running.cloud, &running.variables).await?;
        return Ok(ExitCode::SUCCESS);
    };
    let cloud = Cloud::of_environment().await?;
    let Some(outputs) = deploy::outputs(&cloud, stack).await? else {
        bail!("there is no stack {stack} at {}", cloud.endpoint);
    };
    let output = |key: &str| {
        let value = outputs.get(key);
        value.with_context(|| {
            format!("the stack {stack} has no output {key}: is it one of this project, and is it complete?")
        })
    };
    let (bus, table) = (output("InboundBus")?, output("EventsTable")?);
    sow(&cloud, bus, table).await.with_context(|| {
        format!("the stack {stack} has not all its seeds; its queue {stack}-accept-event-dead-letters may tell why")
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Seeds a local stack.
pub(crate) async fn plant(cloud: &Cloud, variables: &Variables) -> Result<()> {
    let (bus, table) = (&variables["INBOUND_BUS"], &variables["EVENTS_TABLE"]);
    sow(cloud, bus, table).await.context(
        "the stack has not all its seeds; `cargo dev dead-letters accept-event` or `cargo dev logs accept-event` may \
         tell why",
    )
}

/// Sends what is missing and waits until it is stored.
async fn sow(cloud: &Cloud, bus: &str, table: &str) -> Result<()> {
    let seeds = seeds();
    let step = Step::counted("Seeding stock and customers", seeds.len() as u64);
    let mut missing = missing(cloud, table, &seeds).await?;
    if missing.is_empty() {
        step.done("already there");
        return Ok(());
    }
    let entries: Vec<Entry> = missing.iter().map(|seed| seed.entry.clone()).collect();
    send_all(cloud, bus, &entries).await?;
    let started = Instant::now();
    while !missing.is_empty() {
        step.at((seeds.len() - missing.len()) as u64);
        if started.elapsed() > STORED_MAX {
            bail!(
                "{} of {} events were not stored within {} s, {} among them",
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
    let streams: Vec<&str> = seeds.iter().map(|seed| seed.stream.as_str()).collect();
    let found = streams::with_commit(cloud, table, &streams, 1).await?;
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
            "phone": format!("+447700900{number:03}"),
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
    fn every_seed_has_an_id_of_its_own_no_phone_rings_and_prod_out_has_nothing() {
        let seeds = seeds();
        let mut ids: Vec<String> = seeds
            .iter()
            .map(|seed| seed.entry.detail["eventId"].to_string())
            .collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 71);
        let customers = seeds
            .iter()
            .filter(|seed| seed.stream.starts_with("Customer#"));
        for customer in customers {
            let phone = customer.entry.detail["data"]["phone"].as_str();
            let number = phone.and_then(|phone| phone.strip_prefix("+447700900"));
            assert_eq!(number.map(str::len), Some(3), "{phone:?}");
        }
        let out = seeds
            .iter()
            .find(|seed| seed.stream == "StockItem#prod-out")
            .expect("a seed");
        assert_eq!(out.entry.detail["data"]["quantity"], 0);
    }
}
