//! What an order costs in each style, counted exactly: requests and capacity units of the tables, events
//! published, deliveries, schedules.
//!
//! The handlers are the deployed ones over the real adapter and an embedded DynamoDB, with the deployed
//! rules between them. Each function is one warm process, which has seen one order before; each
//! event is delivered alone. So this is the dearest that an order without trouble can be: batches
//! and shared writes only make it cheaper. The README's table is compared with what is counted.

mod logged;
mod shop;

use domain::events::Workflow as Style;
use shop::{Counted, Shop};

#[tokio::test]
async fn an_order_costs_what_the_readme_says() {
    let mut rows = Vec::new();
    for style in [Style::Choreography, Style::Orchestration] {
        let mut shop = Shop::open().await;
        shop.order("ord-1", style).await;
        shop.count();
        shop.order("ord-2", style).await;
        rows.push(shop.count());
    }
    let [choreography, orchestration] = [&rows[0], &rows[1]];
    let table = table(choreography, orchestration);
    let readme = include_str!("../../../README.md");
    assert!(
        readme.contains(&table),
        "the README has another table than\n{table}"
    );
}

fn table(choreography: &Counted, orchestration: &Counted) -> String {
    let row = |what: &str, of: fn(&Counted) -> String| {
        format!(
            "| {what} | {} | {} |\n",
            of(choreography),
            of(orchestration)
        )
    };
    let rows = [
        row("events table", |c| units(&c.events)),
        row(
            "views table, for the five read models of an order and one of stock",
            |c| units(&c.views),
        ),
        row("published (entries of PutEvents)", |c| {
            c.published.to_string()
        }),
        row("delivered to services, sagas and mailers (messages)", |c| {
            c.to_services.to_string()
        }),
        row("delivered to read models (messages)", |c| {
            c.to_read_models.to_string()
        }),
        row("timers", |c| c.timers.to_string()),
    ];
    rows.concat()
}

fn units(usage: &testkit::Usage) -> String {
    let testkit::Usage {
        requests,
        write_units,
        read_units,
        ..
    } = usage;
    format!("{requests} requests, {write_units} write units, {read_units} read units")
}
