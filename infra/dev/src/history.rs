//! `cargo dev history`: who did what in one aggregate, when, and why.
//!
//! It knows no aggregate: the account is made from what every event has, so that it also tells of
//! types that this program was built without.

use std::process::ExitCode;

use adapter_dynamodb::EventStore;
use anyhow::{Context as _, Result, bail};
use envelope::{StreamId, Version};
use event_store::{Entry, Load as _};
use ports::Consistency;

use crate::args::History;
use crate::progress::say;
use crate::project::Project;
use crate::running::Running;
use crate::table::Table;

/// `cargo dev history`
pub(crate) async fn show(project: &Project, options: &History) -> Result<ExitCode> {
    let stream =
        StreamId::new(&options.aggregate, &options.id).context("no aggregate has such a name")?;
    let to = options.to_version.map_or(Version::MAX, Version::new);
    let versions = Version::new(options.from_version)..=to;
    if versions.is_empty() {
        bail!("--from-version is behind --to-version");
    }
    let running = Running::find(project).await?;
    let store = EventStore::new(running.cloud.dynamodb(), &running.variables["EVENTS_TABLE"]);
    let commits = store
        .read(&stream, *versions.start(), to, Consistency::Strong)
        .await?;
    let account = Entry::of(&commits, &versions)?;
    if account.is_empty() {
        bail!(
            "nothing is stored about {stream} in these versions; types are written as in the events: Order"
        );
    }
    if options.output.json {
        say!("{:#}", serde_json::to_value(&account)?);
    } else {
        say!("{}", table(&account));
    }
    Ok(ExitCode::SUCCESS)
}

fn table(account: &[Entry]) -> Table {
    let mut table = Table::new([
        "version",
        "when",
        "what",
        "who",
        "because of",
        "correlation",
    ]);
    for entry in account {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let who = entry.actor.as_ref().or(entry.reaction.as_ref());
        table.row([
            entry.version.to_string(),
            entry.when.to_string(),
            entry.event_type.clone(),
            who.cloned().unwrap_or_default(),
            text(&entry.caused_by),
            entry.correlation_id.to_string(),
        ]);
    }
    table
}
