//! What the demo says in the end.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use crate::dead_letters::{self, DeadLetter};
use crate::demo::samples::ORCHESTRATED;
use crate::progress::seconds;
use crate::table::Table;

/// What became of one sample.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Row {
    /// The order.
    pub(crate) order: String,
    /// What is special about it.
    pub(crate) title: String,
    /// The style of its workflow, if it is an order.
    pub(crate) style: Option<&'static str>,
    /// How it ended.
    pub(crate) outcome: String,
    /// How it should have ended.
    pub(crate) expected: String,
    /// Types of the events in its streams.
    pub(crate) events: Vec<String>,
    /// From sent to done.
    pub(crate) milliseconds: Option<u128>,
    /// Whether outcome and events are those that the sample asks for.
    pub(crate) as_expected: bool,
}

/// For programs.
pub(crate) fn json(rows: &[Row], letters: &[DeadLetter]) -> Value {
    json!({ "orders": rows, "deadLetters": letters })
}

/// Which orders a saga conducted: in the table all look alike, and are meant to.
fn styles(rows: &[Row]) -> String {
    let of_a_saga = rows.iter().filter(|row| row.style == Some(ORCHESTRATED));
    let orders: Vec<_> = of_a_saga.map(|row| row.order.as_str()).collect();
    if orders.is_empty() {
        return String::new();
    }
    format!(
        "\nOrchestrated, a saga commands the services: {}\n\
         Choreographed, they react to each other's events: all others\n",
        orders.join(", ")
    )
}

/// For people.
pub(crate) fn text(rows: &[Row], letters: &[DeadLetter], well: bool) -> String {
    let mut table = Table::new([
        "",
        "order",
        "what",
        "outcome",
        "events stored",
        "sent to done",
    ]);
    for row in rows {
        let mark = if row.as_expected { "✓" } else { "✗" };
        let took = row
            .milliseconds
            .and_then(|millis| u64::try_from(millis).ok());
        let took = took.map_or_else(
            || "-".to_owned(),
            |millis| seconds(Duration::from_millis(millis)),
        );
        let stored = row.events.len().to_string();
        table.row([
            mark.to_owned(),
            row.order.clone(),
            row.title.clone(),
            row.outcome.clone(),
            stored,
            took,
        ]);
    }
    let mut text = format!("{table}\n{}", styles(rows));
    for row in rows.iter().filter(|row| !row.as_expected) {
        text += &format!(
            "✗ {}: expected {}, stored are {}\n",
            row.order,
            row.expected,
            row.events.join(", ")
        );
    }
    if !letters.is_empty() {
        text += &format!(
            "\nDead letters of this run, each still in its queue:\n{}\n",
            dead_letters::table(letters)
        );
    }
    let order = rows.first().map_or("<order>", |row| row.order.as_str());
    text += "\nLook further:\n";
    let conducted = rows
        .iter()
        .find(|row| row.style == Some(ORCHESTRATED))
        .map_or(order, |row| row.order.as_str());
    for (command, what) in [
        (format!("cargo dev story {order}"), "what caused what"),
        (
            format!("cargo dev workflow {conducted}"),
            "how its saga went, step by step",
        ),
        (
            "cargo dev dead-letters --json".to_owned(),
            "dead letters, whole",
        ),
        (
            "cargo dev logs --follow".to_owned(),
            "what the functions say",
        ),
    ] {
        text += &format!("  {command:34} {what}\n");
    }
    text += if well {
        "\nEvery order ended as expected."
    } else {
        "\nNot every order ended as expected."
    };
    text
}
