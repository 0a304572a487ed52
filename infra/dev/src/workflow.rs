//! `cargo dev workflow`: where the workflow of an order stands, and what an operator can do about it.
//!
//! All of it goes over the HTTP API, with a token of an operator: what works here works for any other client.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use envelope::Timestamp;
use projections::workflow::span;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use crate::args::Workflow;
use crate::http;
use crate::issuer::{Caller, Issuer};
use crate::progress::say;
use crate::project::Project;
use crate::running::Running;
use crate::table::Table;

/// Long enough for a handful of requests.
const TOKEN_SECONDS: i64 = 300;

/// The HTTP API as an operator has it.
pub(crate) struct Api {
    url: String,
    token: String,
}

impl Api {
    pub(crate) async fn of(project: &Project) -> Result<Self> {
        let running = Running::find(project).await?;
        let issuer = Issuer::of(project, &running.cloud.endpoint)?;
        Ok(Self {
            url: running.variables["API_URL"].clone(),
            token: issuer.token(&Caller::Operator, TOKEN_SECONDS),
        })
    }

    /// What it answers at this path, if that is an answer.
    pub(crate) async fn get(&self, path: &str) -> Result<String> {
        let url = format!("{}{path}", self.url);
        let answer = http::get_with(&url, &self.token).await;
        text_of(answer.context("the HTTP API does not answer")?).await
    }

    async fn post(&self, path: &str, body: &Value) -> Result<String> {
        let url = format!("{}{path}", self.url);
        let answer = http::post_with(&url, &self.token, body.to_string()).await;
        text_of(answer.context("the HTTP API does not answer")?).await
    }
}

/// The text of an answer; a refusal in the words of the API.
async fn text_of(answer: Response) -> Result<String> {
    let status = answer.status();
    let text = answer.text().await.context("the answer broke off")?;
    if status.is_success() {
        return Ok(text);
    }
    let problem: Value = serde_json::from_str(&text).unwrap_or_default();
    let detail = problem["detail"].as_str().unwrap_or(&text);
    if status == StatusCode::NOT_FOUND {
        bail!("there is no such order, or no saga that conducts it");
    }
    bail!("{detail} ({status})")
}

/// `cargo dev workflow`
pub(crate) async fn run(project: &Project, options: &Workflow) -> Result<ExitCode> {
    let api = Api::of(project).await?;
    let path = format!("/orders/{}/workflow", options.order);
    let mut after = String::new();
    if let Some(body) = intervention(options) {
        let answer = api.post(&format!("{path}/interventions"), &body).await?;
        let answer: Value = serde_json::from_str(&answer)?;
        let token = answer["token"].as_str().context("an answer has a token")?;
        // What is shown below is how it stands after this.
        after = format!("&after={token}");
    }
    if let Some(file) = &options.svg {
        let picture = api.get(&format!("{path}?format=svg{after}")).await?;
        if !picture.starts_with("<svg") {
            bail!("nothing is shown of this order yet: ask again");
        }
        std::fs::write(file, picture)
            .with_context(|| format!("cannot write {}", file.display()))?;
        eprintln!("wrote {}", file.display());
        return Ok(ExitCode::SUCCESS);
    }
    let workflow = api.get(&format!("{path}?format=json{after}")).await?;
    let workflow: Value = serde_json::from_str(&workflow)?;
    if options.json {
        say!("{workflow:#}");
    } else if workflow["projected"] == false {
        bail!("nothing is shown of this order yet: ask again");
    } else {
        say!("{}", tell(&workflow));
    }
    Ok(ExitCode::SUCCESS)
}

/// What the HTTP API is to be asked for, if anything.
fn intervention(options: &Workflow) -> Option<Value> {
    let reason = &options.reason;
    let body = |action: &str, step: &Option<String>| {
        let step = step.as_ref()?;
        Some(json!({ "action": action, "step": step, "reason": reason }))
    };
    let resume = options
        .resume
        .then(|| json!({ "action": "resume", "reason": reason }));
    resume
        .or_else(|| body("retry", &options.retry))
        .or_else(|| body("resolve", &options.resolve))
}

fn tell(workflow: &Value) -> String {
    let text = |name: &str| workflow[name].as_str().unwrap_or_default();
    let mut told = format!(
        "order {}: {}, {}, {}",
        text("orderId"),
        text("style"),
        text("state"),
        age(workflow),
    );
    if let Some(reason) = workflow["reason"].as_str() {
        let _ = write!(told, "\nreason: {reason}");
    }
    let mut table = Table::new([
        "step",
        "state",
        "began",
        "took",
        "tried",
        "because of",
        "note",
    ]);
    let steps = workflow["steps"].as_array().into_iter().flatten();
    for step in [&workflow["start"]].into_iter().chain(steps) {
        table.row(row(step));
    }
    let _ = write!(told, "\n\n{table}");
    if text("state") == "stuck" {
        let id = text("orderId");
        let _ = write!(
            told,
            "\n\nIt waits for somebody: `cargo dev workflow {id} --resume --reason …`, or see `cargo dev workflow --help`"
        );
    }
    told
}

/// How old a workflow is, or how long it took, in words.
pub(crate) fn age(workflow: &Value) -> String {
    let seconds = workflow["ageSeconds"].as_u64().unwrap_or_default();
    let span = span(seconds.saturating_mul(1_000));
    let state = workflow["state"].as_str().unwrap_or_default();
    if ["running", "compensating", "stuck"].contains(&state) {
        format!("{span} old")
    } else {
        format!("took {span}")
    }
}

fn row(step: &Value) -> [String; 7] {
    let text = |name: &str| step[name].as_str().unwrap_or_default().to_owned();
    let time = |name: &str| step[name].as_str().and_then(Timestamp::parse);
    let clock = |at: Timestamp| at.to_string()[11..].trim_end_matches('Z').to_owned();
    let took = time("beganAt").zip(time("endedAt"));
    let took = took.map(|(began, ended)| span(ended.millis_since(began)));
    let count = |name: &str| step[name].as_u64().map(|count| count.to_string());
    let back = count("compensationAttempts").map(|count| format!("{count} back"));
    let tried: Vec<_> = [count("attempts"), back].into_iter().flatten().collect();
    let said = |name: &str, word: &str| {
        let said = step[name].as_str().map(|said| format!("{word}{said}"));
        said.filter(|_| !word.is_empty() || step[name].is_string())
    };
    let moment = |name: &str, word: &str| time(name).map(|at| format!("{word} {}", clock(at)));
    let notes = [
        said("reason", ""),
        said("compensationReason", "not undone: "),
        said("resolution", "by hand: "),
        moment("deadline", "waits until"),
        moment("againAt", "again at"),
        moment("compensatedAt", "undone at"),
    ];
    [
        text("name"),
        text("state"),
        time("beganAt").map(clock).unwrap_or_default(),
        took.unwrap_or_default(),
        tried.join(", "),
        text("causedBy"),
        notes.into_iter().flatten().collect::<Vec<_>>().join("; "),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workflow_is_told_step_by_step_and_says_what_it_waits_for() {
        let workflow = json!({
            "orderId": "ord-1", "style": "orchestration", "state": "stuck", "ageSeconds": 61, "reason": "cancelled",
            "start": { "name": "place-order", "state": "done", "beganAt": "2026-11-21T10:00:00.000Z",
                       "endedAt": "2026-11-21T10:00:00.250Z" },
            "steps": [{ "name": "ship-order", "state": "stuck", "attempts": 1, "compensationAttempts": 8,
                        "causedBy": "ShipOrder", "compensationReason": "no answer" }],
        });
        let told = tell(&workflow);
        for part in [
            "order ord-1: orchestration, stuck, 1 min 1 s old",
            "reason: cancelled",
            "250 ms",
            "1, 8 back",
            "not undone: no answer",
            "cargo dev workflow ord-1 --resume",
        ] {
            assert!(told.contains(part), "{part:?} is not in {told}");
        }
    }
}
