//! The sample orders: files in `events/demo`, each an EventBridge entry and what should come of it.
//!
//! `{run}` in a file stands for a few letters that are new in every run, so that the demo can be run again: a second
//! event with the same id would rightly be ignored. `{now}` stands for the time.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::inbound::Entry;

/// The style of an order that a saga conducts.
pub(crate) const ORCHESTRATED: &str = "orchestration";
/// The style of all others.
const CHOREOGRAPHED: &str = "choreography";

/// One run of the demo.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    id: String,
    now: String,
}

/// One event to send.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    /// What is special about it.
    pub(crate) title: String,
    /// As EventBridge takes it.
    pub(crate) entry: Entry,
    /// What should come of it.
    pub(crate) expect: Expect,
    /// The order's id, if there can be an order.
    pub(crate) order: Option<String>,
    /// The event's id.
    pub(crate) event_id: String,
    /// The style of its workflow; nothing if there can be no order.
    pub(crate) style: Option<&'static str>,
    /// Whether an earlier file sends the same event.
    pub(crate) again: bool,
}

/// What should come of a sample.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Expect {
    /// An order that ends like this, with these events in its streams.
    Order {
        /// The status that the API shows in the end.
        status: String,
        /// Types of the stored events.
        events: Vec<String>,
    },
    /// No order, but a dead letter of this function.
    DeadLetter {
        /// The function.
        #[serde(rename = "deadLetter")]
        dead_letter: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    title: String,
    entry: Entry,
    expect: Expect,
}

impl Run {
    /// A run that starts now.
    pub(crate) fn now() -> Self {
        let id = uuid::Uuid::new_v4().simple().to_string()[..6].to_owned();
        let now = OffsetDateTime::now_utc()
            .format(&Rfc3339)
            .unwrap_or_default();
        Self { id, now }
    }

    /// The letters that are new in this run.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The time in the form of the wire.
    pub(crate) fn time(&self) -> &str {
        &self.now
    }

    /// Whether this run sent what is in there.
    pub(crate) fn made(&self, message: &Value) -> bool {
        message.to_string().contains(&self.id)
    }

    fn fill(&self, text: &str) -> String {
        text.replace("{run}", &self.id).replace("{now}", &self.now)
    }
}

impl Sample {
    /// How it is called where it is shown.
    pub(crate) fn label(&self) -> String {
        let name = self.order.as_deref().unwrap_or(&self.event_id);
        if self.again {
            format!("{name} (again)")
        } else {
            name.to_owned()
        }
    }

    /// Whether an order rests in this status. A shipped one is at its end, unless a saga has yet to complete it.
    pub(crate) fn rests(&self, status: &str) -> bool {
        match status {
            "SHIPPED" => self.style != Some(ORCHESTRATED),
            "COMPLETED" | "CANCELLED" | "FAILED" => true,
            _ => false,
        }
    }
}

impl Expect {
    /// The outcome in one word or two.
    pub(crate) fn outcome(&self) -> String {
        match self {
            Self::Order { status, .. } => status.clone(),
            Self::DeadLetter { dead_letter } => super::watch::dead_lettered(dead_letter),
        }
    }
}

/// Reads all samples, in the order of their file names.
pub(crate) fn read(folder: &Path, run: &Run) -> Result<Vec<Sample>> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    files.retain(|file| {
        file.extension()
            .is_some_and(|extension| extension == "json")
    });
    files.sort();
    let mut samples: Vec<Sample> = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file)?;
        let mut sample =
            parse(&run.fill(&text)).with_context(|| format!("in {}", file.display()))?;
        sample.again = samples
            .iter()
            .any(|earlier| earlier.event_id == sample.event_id);
        samples.push(sample);
    }
    if samples.is_empty() {
        bail!("{} has no samples", folder.display());
    }
    Ok(samples)
}

fn parse(text: &str) -> Result<Sample> {
    let Document {
        title,
        entry,
        expect,
    } = serde_json::from_str(text)?;
    let detail = &entry.detail;
    let text_at = |path: &str| {
        detail
            .pointer(path)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let event_id = text_at("/eventId")
        .or_else(|| text_at("/id"))
        .context("the event has no id")?;
    let order = match expect {
        Expect::Order { .. } => {
            Some(text_at("/data/orderId").context("the event has no order id")?)
        }
        Expect::DeadLetter { .. } => None,
    };
    // What a stack does with an order that does not say it; local ones leave that as the template has it.
    let said = text_at("/data/workflow");
    let style = match said.as_deref() {
        Some(ORCHESTRATED) => ORCHESTRATED,
        _ => CHOREOGRAPHED,
    };
    Ok(Sample {
        title,
        style: order.is_some().then_some(style),
        entry,
        expect,
        order,
        event_id,
        again: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> (Run, Vec<Sample>) {
        let run = Run::now();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/demo");
        let samples = read(&folder, &run).expect("samples");
        (run, samples)
    }

    #[test]
    fn every_sample_is_made_for_its_run() {
        let (run, samples) = samples();
        for sample in samples {
            assert!(sample.event_id.ends_with(run.id()), "{}", sample.title);
            assert!(
                sample.order.is_none_or(|order| order.ends_with(run.id())),
                "{}",
                sample.title
            );
            assert!(
                !sample.entry.detail.to_string().contains("{run}"),
                "{}",
                sample.title
            );
        }
    }

    #[test]
    fn the_samples_show_every_way_in_which_an_order_can_go() {
        let (_, samples) = samples();
        let outcomes = |outcome: &str| {
            samples
                .iter()
                .filter(|sample| sample.expect.outcome() == outcome)
                .count()
        };
        assert!(outcomes("SHIPPED") >= 6);
        assert!(outcomes("FAILED") >= 3);
        assert!(outcomes("dead letter of accept-event") >= 1);
        let orchestrated = |outcome: &str| {
            samples.iter().any(|sample| {
                sample.style == Some(ORCHESTRATED) && sample.expect.outcome() == outcome
            })
        };
        assert!(orchestrated("COMPLETED") && orchestrated("FAILED"));
        assert_eq!(samples.iter().filter(|sample| sample.again).count(), 1);
    }
}
