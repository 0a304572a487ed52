//! `cargo dev workflows`: the workflows that have not ended, the most urgent first, as operators get them over HTTP.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::Value;

use crate::args::Workflows;
use crate::progress::say;
use crate::project::Project;
use crate::table::{Table, cut};
use crate::workflow::{Api, age};

/// Characters of a reason; `cargo dev workflow` has the whole.
const REASON_CHARS: usize = 60;

pub(crate) async fn show(project: &Project, options: &Workflows) -> Result<ExitCode> {
    let api = Api::of(project).await?;
    let state = options
        .state
        .map(|state| format!("&state={}", state.name()));
    let mut next = Some(format!("/workflows?limit=100{}", state.unwrap_or_default()));
    let mut entries = Vec::new();
    while let Some(path) = next {
        let mut page: Value = serde_json::from_str(&api.get(&path).await?)?;
        if let Value::Array(page) = page["entries"].take() {
            entries.extend(page);
        }
        next = page["_links"]["next"]["href"].as_str().map(str::to_owned);
    }
    if options.output.json {
        say!("{:#}", Value::from(entries));
    } else if entries.is_empty() {
        say!("no workflow is open");
    } else {
        say!("{}", table(&entries));
    }
    Ok(ExitCode::SUCCESS)
}

fn table(entries: &[Value]) -> Table {
    let mut table = Table::new(["order", "style", "state", "age", "step", "it is", "reason"]);
    for entry in entries {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        table.row([
            text(&entry["orderId"]),
            text(&entry["style"]),
            text(&entry["state"]),
            age(entry),
            text(&entry["step"]["name"]),
            text(&entry["step"]["state"]),
            cut(&text(&entry["reason"]), REASON_CHARS),
        ]);
    }
    table
}
