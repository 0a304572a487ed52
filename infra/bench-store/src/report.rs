//! The results as JSON and as tables.

use std::collections::BTreeMap;

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use serde::Serialize;

use crate::contention::Contended;
use crate::loading::Loaded;
use crate::statistics::{Cost, Speed, USD_PER_MILLION_READS, USD_PER_MILLION_WRITES};
use crate::store::Name;
use crate::surroundings::Surroundings;
use crate::writing::{Written, ahead};

const STYLE: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// All results of a run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    #[serde(flatten)]
    surroundings: Surroundings,
    usd_per_million_writes: f64,
    usd_per_million_reads: f64,
    commands: u32,
    rounds: u32,
    written: Vec<Written>,
    loaded: Vec<Loaded>,
    contended: Vec<Contended>,
    ratios: Ratios,
}

/// Throughput of ours over that of the others, one event a command.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Ratios {
    warm_of_floor: Option<f64>,
    cold_of_cold_floor: Option<f64>,
    warm_over_peers: BTreeMap<String, f64>,
    cold_over_peers: BTreeMap<String, f64>,
}

impl Report {
    /// From the results of the workloads.
    pub(crate) fn new(
        arguments: &crate::arguments::Arguments,
        written: Vec<Written>,
        loaded: Vec<Loaded>,
        contended: Vec<Contended>,
    ) -> Self {
        Self {
            surroundings: Surroundings::now(arguments.endpoint.as_deref()),
            usd_per_million_writes: USD_PER_MILLION_WRITES,
            usd_per_million_reads: USD_PER_MILLION_READS,
            commands: arguments.commands,
            rounds: arguments.rounds,
            ratios: Ratios::of(&written),
            written,
            loaded,
            contended,
        }
    }

    /// Prints the head, the tables and the ratios.
    pub(crate) fn print(&self) {
        println!("{}", self.surroundings.line());
        println!(
            "{} commands of each store in each of {} rounds; USD is per million, at on-demand list prices",
            self.commands, self.rounds
        );
        for events in [1, 5] {
            let rows = self.written.iter();
            let rows: Vec<_> = rows
                .filter(|row| row.events_per_command == events)
                .collect();
            println!("\nA command of {events} × 310 bytes\n{}", written(&rows));
        }
        println!(
            "\nA load by a process that knows nothing of the stream (floor and ours read eventually, all others strongly)\n{}",
            loaded(&self.loaded)
        );
        println!(
            "\n8 writers on one stream, one event a command\n{}",
            contended(&self.contended)
        );
        println!("\n{}", self.ratios.text());
    }
}

impl Ratios {
    fn of(written: &[Written]) -> Self {
        let single: Vec<Written> = written
            .iter()
            .filter(|row| row.events_per_command == 1)
            .cloned()
            .collect();
        let of_floor = |name: Name| single.iter().find(|row| row.store == name)?.of_floor;
        let cold = of_floor(Name::OursCold).zip(of_floor(Name::FloorCold));
        Self {
            warm_of_floor: of_floor(Name::OursWarm),
            cold_of_cold_floor: cold.map(|(ours, floor)| ours / floor),
            warm_over_peers: ahead(&single, Name::OursWarm),
            cold_over_peers: ahead(&single, Name::OursCold),
        }
    }

    fn text(&self) -> String {
        let share =
            |share: Option<f64>| share.map_or("–".to_owned(), |share| format!("{share:.2}"));
        let peers = |ratios: &BTreeMap<String, f64>| -> String {
            let each = ratios
                .iter()
                .map(|(peer, times)| format!("; {times:.1} × {peer}"));
            each.collect()
        };
        format!(
            "Throughput, one event a command\n  ours-warm is {} of floor-warm{}\n  ours-cold is {} of floor-cold{}",
            share(self.warm_of_floor),
            peers(&self.warm_over_peers),
            share(self.cold_of_cold_floor),
            peers(&self.cold_over_peers),
        )
    }
}

fn table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(STYLE)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(head);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn cost(cost: &Cost) -> [String; 5] {
    [
        format!("{:.2}", cost.requests),
        format!("{:.2}", cost.write_units),
        format!("{:.2}", cost.read_units),
        format!("{:.0}", cost.bytes_sent),
        format!("{:.2}", cost.usd_per_million),
    ]
}

fn speed(speed: &Speed) -> [String; 3] {
    [
        format!("{:.0}", speed.per_second),
        format!("{:.2}", speed.p50_ms),
        format!("{:.2}", speed.p99_ms),
    ]
}

fn written(rows: &[&Written]) -> Table {
    let mut table = table(&[
        "store",
        "requests",
        "WCU",
        "RCU",
        "bytes",
        "USD",
        "commands/s",
        "p50 ms",
        "p99 ms",
        "of floor",
        "loaded state",
    ]);
    for row in rows {
        let floor = row
            .of_floor
            .map_or(String::new(), |share| format!("{share:.2}"));
        let state = match row.streams_wrong {
            0 => "right".to_owned(),
            wrong => format!("WRONG on {wrong} of {}", row.streams),
        };
        let cells = [row.store.text()].into_iter();
        let cells = cells.chain(cost(&row.cost)).chain(speed(&row.speed));
        table.add_row(cells.chain([floor, state]));
    }
    table
}

fn loaded(rows: &[Loaded]) -> Table {
    let mut table = table(&[
        "store",
        "events",
        "requests",
        "WCU",
        "RCU",
        "bytes",
        "USD",
        "loads/s",
        "p50 ms",
        "p99 ms",
        "loaded state",
    ]);
    for row in rows {
        let state = if row.right { "right" } else { "WRONG" };
        let state = match row.refused_after {
            Some(events) => format!("takes no command after {events} events"),
            None => state.to_owned(),
        };
        let cells = [row.store.text(), row.events.to_string()].into_iter();
        let cells = cells.chain(cost(&row.cost)).chain(speed(&row.speed));
        table.add_row(cells.chain([state]));
    }
    table
}

fn contended(rows: &[Contended]) -> Table {
    let mut table = table(&[
        "store",
        "requests",
        "WCU",
        "RCU",
        "bytes",
        "USD",
        "commands/s",
        "p50 ms",
        "p99 ms",
        "calls",
        "lost",
        "doubled",
        "loaded state",
    ]);
    for row in rows {
        let state = if row.right { "right" } else { "WRONG" };
        let cells = [row.store.text()].into_iter();
        let cells = cells.chain(cost(&row.cost)).chain(speed(&row.speed));
        let calls = format!("{:.2}", row.calls);
        let rest = [
            calls,
            row.lost.to_string(),
            row.doubled.to_string(),
            state.to_owned(),
        ];
        table.add_row(cells.chain(rest));
    }
    table
}
