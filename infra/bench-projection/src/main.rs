//! The benchmark of the projections: how fast each read model is rebuilt while new events arrive, whether the result
//! is right, and what an event costs, alone and in a batch.
//!
//! It is a program of its own, which `cargo dev bench projection` starts, because the embedded DynamoDB would otherwise
//! be compiled with the tool.

mod cost;
mod rebuilding;
mod shop;

use std::process::ExitCode;

use adapter_dynamodb::EventStore;
use anyhow::Result;
use clap::Parser;
use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};
use projections::{CustomerOrders, Order, ReadyOrders, Sales, Stock, Workflow};
use serde::Serialize;
use testkit::{Dynamo, dynamo};

use crate::cost::Cost;
use crate::rebuilding::Rebuilding;

/// Measures the projections.
#[derive(Debug, Parser)]
#[command(name = "cargo dev bench projection", max_term_width = 110)]
struct Arguments {
    /// Orders in the store before the rebuilds; each has six events
    #[arg(long, value_name = "N", default_value_t = 17_000, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    orders: u32,
    /// Prints JSON instead of tables
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    events: u64,
    rebuilds: Vec<Rebuilding>,
    costs: Vec<Cost>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Measures, reports, and says whether every result is right.
async fn run(arguments: &Arguments) -> Result<bool> {
    let dynamo = Dynamo::embedded().await;
    let store = EventStore::new(dynamo.client(), dynamo::EVENTS_TABLE);
    let events = shop::fill(&store, arguments.orders).await?;
    let rebuilds = vec![
        rebuilding::measure::<Order>(&dynamo, 0).await?,
        rebuilding::measure::<CustomerOrders>(&dynamo, 1).await?,
        rebuilding::measure::<ReadyOrders>(&dynamo, 2).await?,
        rebuilding::measure::<Stock>(&dynamo, 3).await?,
        rebuilding::measure::<Workflow>(&dynamo, 4).await?,
        rebuilding::measure::<Sales>(&dynamo, 5).await?,
    ];
    let costs = vec![
        cost::measure::<Order>(&dynamo).await?,
        cost::measure::<CustomerOrders>(&dynamo).await?,
        cost::measure::<Workflow>(&dynamo).await?,
        cost::measure::<Sales>(&dynamo).await?,
    ];
    let report = Report {
        events,
        rebuilds,
        costs,
    };
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print(&report);
    }
    Ok(report.rebuilds.iter().all(|rebuild| rebuild.right))
}

fn print(report: &Report) {
    println!(
        "Rebuilds from {} stored events, on an embedded DynamoDB",
        report.events
    );
    let mut table = table([
        "read model",
        "events",
        "seconds",
        "events/s",
        "live meanwhile",
        "result",
    ]);
    for one in &report.rebuilds {
        let result = if one.right {
            "the fold of the store"
        } else {
            "WRONG"
        };
        table.add_row([
            one.model.to_owned(),
            one.events.to_string(),
            format!("{:.1}", one.seconds),
            format!("{:.0}", one.events as f64 / one.seconds),
            one.live.to_string(),
            result.to_owned(),
        ]);
    }
    println!("{table}\n");
    println!("Cost of an event, where one write for each event would be 1.00");
    let mut table = self::table([
        "read model",
        "delivered",
        "requests",
        "writes",
        "WCU",
        "RCU",
        "events/s",
    ]);
    for one in &report.costs {
        table.add_row([
            one.model.to_owned(),
            "one by one".to_owned(),
            format!("{:.2}", one.single.requests),
            format!("{:.2}", one.single.writes),
            format!("{:.2}", one.single.write_units),
            format!("{:.2}", one.single.read_units),
            format!("{:.0}", one.single.events_per_second),
        ]);
        table.add_row([
            String::new(),
            format!("{} of a view together", shop::EVENTS_OF_AN_ORDER),
            format!("{:.2}", one.together.requests),
            format!("{:.2}", one.together.writes),
            format!("{:.2}", one.together.write_units),
            format!("{:.2}", one.together.read_units),
            format!("{:.0}", one.together.events_per_second),
        ]);
    }
    println!("{table}");
}

fn table<const N: usize>(header: [&str; N]) -> Table {
    let style = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));
    let mut table = Table::new();
    table.load_style(style).set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
