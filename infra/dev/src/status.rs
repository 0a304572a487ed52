//! `cargo dev status`: what is up, and how much waits where.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use aws_sdk_sqs::types::QueueAttributeName;
use serde::Serialize;
use serde_json::json;

use crate::args::Output;
use crate::cloud::Cloud;
use crate::deploy;
use crate::env_file::dead_letter_queues;
use crate::progress::say;
use crate::project::Project;
use crate::running::{Look, Running};
use crate::table::Table;

/// A function and the queues around it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Function {
    name: String,
    /// Events in its queue; none for a function without a queue.
    waiting: Option<u64>,
    /// Events that it is working on.
    in_flight: Option<u64>,
    dead_letters: Option<u64>,
}

/// Shows it.
pub(crate) async fn show(project: &Project, output: Output) -> Result<ExitCode> {
    let running = match Running::look(project).await? {
        Look::Up(running) => running,
        Look::Down(why) => {
            if output.json {
                say!("{:#}", json!({ "up": false, "why": why }));
            } else {
                say!("{why}");
            }
            return Ok(ExitCode::FAILURE);
        }
    };
    let stack = deploy::find(&running.cloud, &running.state.stack).await?;
    let status = stack.as_ref().and_then(deploy::status).unwrap_or_default();
    let functions = functions(project, &running).await?;
    if output.json {
        let report = json!({
            "up": true,
            "stack": running.state.stack,
            "status": status,
            "emulatorProcess": running.state.emulator_pid,
            "variables": running.variables,
            "functions": functions,
        });
        say!("{report:#}");
        return Ok(ExitCode::SUCCESS);
    }
    say!(
        "stack {} at {}: {status}",
        running.state.stack,
        running.state.endpoint
    );
    say!("HTTP API {}", running.variables["API_URL"]);
    say!("socket {}", running.variables["SOCKET_URL"]);
    let mut table = Table::new(["function", "waiting", "in flight", "dead letters"]);
    for function in functions {
        let cell =
            |count: Option<u64>| count.map_or_else(|| "-".to_owned(), |count| count.to_string());
        let counts = [function.waiting, function.in_flight, function.dead_letters].map(cell);
        let [waiting, in_flight, dead_letters] = counts;
        table.row([function.name, waiting, in_flight, dead_letters]);
    }
    say!("{table}");
    Ok(ExitCode::SUCCESS)
}

async fn functions(project: &Project, running: &Running) -> Result<Vec<Function>> {
    let dead_letter_queues = dead_letter_queues(&running.variables);
    let sqs = running.cloud.sqs();
    let mut functions = Vec::new();
    for name in project.functions()? {
        // Not every function has a queue: a stream or an HTTP API drives some.
        let queue = sqs
            .get_queue_url()
            .queue_name(running.name_of(&name))
            .send()
            .await;
        let own = match queue.ok().and_then(|answer| answer.queue_url) {
            Some(url) => Some(depth(&running.cloud, &url).await?),
            None => None,
        };
        let dead = match dead_letter_queues
            .iter()
            .find(|(function, _)| *function == name)
        {
            Some((_, url)) => Some(depth(&running.cloud, url).await?),
            None => None,
        };
        functions.push(Function {
            name,
            waiting: own.map(|(waiting, _)| waiting),
            in_flight: own.map(|(_, in_flight)| in_flight),
            dead_letters: dead.map(|(waiting, in_flight)| waiting + in_flight),
        });
    }
    Ok(functions)
}

/// How many messages wait in a queue, and how many are being worked on.
pub(crate) async fn depth(cloud: &Cloud, url: &str) -> Result<(u64, u64)> {
    let waiting = QueueAttributeName::ApproximateNumberOfMessages;
    let in_flight = QueueAttributeName::ApproximateNumberOfMessagesNotVisible;
    let asked = cloud.sqs().get_queue_attributes().queue_url(url);
    let answer = asked
        .attribute_names(waiting.clone())
        .attribute_names(in_flight.clone())
        .send()
        .await;
    let answer = answer.with_context(|| format!("cannot ask the queue {url}"))?;
    let of = |name: &QueueAttributeName| {
        answer
            .attributes()
            .and_then(|all| all.get(name)?.parse().ok())
            .unwrap_or(0)
    };
    Ok((of(&waiting), of(&in_flight)))
}
