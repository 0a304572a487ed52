//! `cargo dev up` and `cargo dev down`: what they tell the user.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;

use crate::args::Up;
use crate::progress::say;
use crate::project::Project;
use crate::running::{self, Running};

pub(crate) async fn up(project: &Project, options: &Up) -> Result<ExitCode> {
    let running = running::up(project, options.port, options.endpoint.as_deref()).await?;
    if options.output.json {
        say!("{:#}", json!(running.variables));
    } else {
        say!("{}", summary(&running));
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn down(project: &Project) -> Result<ExitCode> {
    if !running::down(project).await? {
        eprintln!("nothing is up");
    }
    Ok(ExitCode::SUCCESS)
}

fn summary(running: &Running) -> String {
    let of = |name: &str| &running.variables[name];
    let emulator = match running.state.emulator_pid {
        Some(pid) => format!("MiniStack, process {pid}, log in .local/emulator/emulator.log"),
        None => "not started by this tool".to_owned(),
    };
    format!(
        "
The stack {} is up.
  endpoint      {} ({emulator})
  events go in  bus {} (EventBridge PutEvents)
  HTTP API      {}
  socket        {} (takes a ticket: POST /push-tickets)
  event store   table {}
  read models   table {}
  all names     .local/env

Next:
  cargo dev demo                    watch sample orders on their way
  cargo dev status                  what waits where
  cargo dev logs --follow           what the functions say
  cargo dev down                    stop everything",
        of("STACK_NAME"),
        of("AWS_ENDPOINT_URL"),
        of("INBOUND_BUS"),
        of("API_URL"),
        of("SOCKET_URL"),
        of("EVENTS_TABLE"),
        of("VIEWS_TABLE"),
    )
}
