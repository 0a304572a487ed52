//! Deploys the plain form of the template through CloudFormation, as a pipeline would.
//!
//! The stack's events are followed while it is made or changed: when a resource fails, the user reads which, and why,
//! and not merely that the stack rolled back.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use aws_sdk_cloudformation::error::DisplayErrorContext;
use aws_sdk_cloudformation::types::{Capability, Parameter, Stack, StackEvent};
use serde_json::Value;

use crate::archive::Archive;
use crate::cloud::Cloud;
use crate::package::Package;
use crate::progress::Step;

const POLL: Duration = Duration::from_millis(250);
const DEPLOY_MAX: Duration = Duration::from_secs(600);

/// The status of a stack of which there is only a plan; nothing is going on.
const IN_REVIEW: &str = "REVIEW_IN_PROGRESS";

/// The values of a stack's outputs by key.
pub(crate) type Outputs = BTreeMap<String, String>;

/// What is deployed, and under which name.
pub(crate) struct Deployment<'a> {
    /// Where to.
    pub(crate) cloud: &'a Cloud,
    /// The stack's name.
    pub(crate) stack: &'a str,
    /// The template's text.
    pub(crate) template: &'a str,
    /// Values for the template's parameters; those that it does not declare are left out.
    pub(crate) parameters: BTreeMap<String, String>,
}

impl Deployment<'_> {
    /// Uploads the packages and the template, creates or updates the stack, waits, and returns its outputs.
    pub(crate) async fn run(mut self, packages: &[Package]) -> Result<Outputs> {
        let archive = Archive::fill(self.cloud, self.stack, packages, self.template).await?;
        self.parameters
            .insert("CodeBucket".to_owned(), archive.bucket.clone());
        self.parameters
            .insert("CodePrefix".to_owned(), archive.prefix.clone());
        let outputs = self.apply(&archive.template_url(self.cloud)).await?;
        archive.sweep().await?;
        Ok(outputs)
    }

    async fn apply(&self, template_url: &str) -> Result<Outputs> {
        let template: Value =
            serde_json::from_str(self.template).context("the template is no JSON")?;
        let size = template["Resources"]
            .as_object()
            .map_or(0, serde_json::Map::len) as u64;
        let step = Step::counted(format!("Deploying the stack {}", self.stack), size);
        let parameters: Vec<Parameter> = self.parameters(&template);
        let mut present = self.at_rest(&step).await?;
        if present.as_ref().is_some_and(is_dead_end) {
            step.now("removing a failed stack");
            remove(self.cloud, self.stack).await?;
            present = None;
        }
        let seen = if present.is_some() {
            seen_events(self.cloud, self.stack).await?
        } else {
            HashSet::new()
        };
        if present.is_none() {
            self.create(template_url, parameters).await?;
        } else if !self.update(template_url, parameters).await? {
            step.done("up to date");
            return self.outputs().await;
        }
        self.settle(seen, &step).await?;
        step.done(format!("{size} resources"));
        self.outputs().await
    }

    async fn create(&self, template_url: &str, parameters: Vec<Parameter>) -> Result<()> {
        let create = self
            .cloud
            .cloudformation()
            .create_stack()
            .stack_name(self.stack);
        let sent = create
            .template_url(template_url)
            .set_parameters(Some(parameters))
            .capabilities(Capability::CapabilityNamedIam)
            .send()
            .await;
        sent.context("CloudFormation refuses the stack")?;
        Ok(())
    }

    /// False if there is nothing to change.
    async fn update(&self, template_url: &str, parameters: Vec<Parameter>) -> Result<bool> {
        let update = self
            .cloud
            .cloudformation()
            .update_stack()
            .stack_name(self.stack);
        let sent = update
            .template_url(template_url)
            .set_parameters(Some(parameters))
            .capabilities(Capability::CapabilityNamedIam)
            .send()
            .await;
        match sent {
            Ok(_) => Ok(true),
            Err(error)
                if DisplayErrorContext(&error)
                    .to_string()
                    .contains("No updates are to be performed") =>
            {
                Ok(false)
            }
            Err(error) => Err(error).context("CloudFormation refuses the update"),
        }
    }

    /// The stack, if there is one, once nothing is being done to it: a deployment that was interrupted goes on, and
    /// CloudFormation takes no other meanwhile.
    async fn at_rest(&self, step: &Step) -> Result<Option<Stack>> {
        let started = Instant::now();
        while started.elapsed() < DEPLOY_MAX {
            let stack = find(self.cloud, self.stack).await?;
            let status = stack.as_ref().and_then(status).unwrap_or_default();
            if !status.ends_with("_IN_PROGRESS") || status == IN_REVIEW {
                return Ok(stack);
            }
            step.now(format!("waiting for an earlier deployment ({status})"));
            tokio::time::sleep(POLL).await;
        }
        bail!(
            "the stack {} did not come to rest within {} s",
            self.stack,
            DEPLOY_MAX.as_secs()
        )
    }

    fn parameters(&self, template: &Value) -> Vec<Parameter> {
        let declared = |name: &str| template["Parameters"].get(name).is_some();
        let wanted = self.parameters.iter().filter(|(name, _)| declared(name));
        wanted
            .map(|(name, value)| {
                Parameter::builder()
                    .parameter_key(name)
                    .parameter_value(value)
                    .build()
            })
            .collect()
    }

    /// Waits until the stack rests; if it rests in failure, says which resource failed and why.
    async fn settle(&self, seen: HashSet<String>, step: &Step) -> Result<()> {
        let started = Instant::now();
        while started.elapsed() < DEPLOY_MAX {
            tokio::time::sleep(POLL).await;
            let stack = find(self.cloud, self.stack).await?;
            let status = stack
                .as_ref()
                .and_then(status)
                .unwrap_or_else(|| "DELETE_COMPLETE".to_owned());
            let fresh: Vec<StackEvent> = events(self.cloud, self.stack)
                .await?
                .into_iter()
                .filter(|event| event.event_id().is_none_or(|id| !seen.contains(id)))
                .collect();
            let complete: HashSet<&str> = fresh
                .iter()
                .filter(|event| resource_status(event).ends_with("_COMPLETE"))
                .filter_map(StackEvent::logical_resource_id)
                .filter(|id| *id != self.stack)
                .collect();
            step.at(complete.len() as u64);
            step.now(
                fresh
                    .first()
                    .and_then(StackEvent::logical_resource_id)
                    .unwrap_or_default(),
            );
            if status.ends_with("_IN_PROGRESS") {
                continue;
            }
            if matches!(status.as_str(), "CREATE_COMPLETE" | "UPDATE_COMPLETE") {
                return Ok(());
            }
            bail!(
                "the stack {} ended as {status}.\n{}",
                self.stack,
                failures(&fresh)
            );
        }
        bail!(
            "the stack {} did not settle within {} s",
            self.stack,
            DEPLOY_MAX.as_secs()
        )
    }

    async fn outputs(&self) -> Result<Outputs> {
        match outputs(self.cloud, self.stack).await? {
            Some(outputs) => Ok(outputs),
            None => bail!("the stack {} is gone", self.stack),
        }
    }
}

/// A stack's outputs, if it exists.
pub(crate) async fn outputs(cloud: &Cloud, stack: &str) -> Result<Option<Outputs>> {
    let Some(stack) = find(cloud, stack).await? else {
        return Ok(None);
    };
    let pair = |output: &aws_sdk_cloudformation::types::Output| {
        Some((
            output.output_key()?.to_owned(),
            output.output_value()?.to_owned(),
        ))
    };
    Ok(Some(stack.outputs().iter().filter_map(pair).collect()))
}

/// A stack's status, as CloudFormation spells it.
pub(crate) fn status(stack: &Stack) -> Option<String> {
    stack
        .stack_status()
        .map(|status| status.as_str().to_owned())
}

/// Finds a stack by name.
pub(crate) async fn find(cloud: &Cloud, stack: &str) -> Result<Option<Stack>> {
    match cloud
        .cloudformation()
        .describe_stacks()
        .stack_name(stack)
        .send()
        .await
    {
        Ok(answer) => Ok(answer
            .stacks()
            .iter()
            .find(|found| !is_deleted(found))
            .cloned()),
        Err(error)
            if DisplayErrorContext(&error)
                .to_string()
                .contains("does not exist") =>
        {
            Ok(None)
        }
        Err(error) => {
            Err(error).with_context(|| format!("cannot ask CloudFormation at {}", cloud.endpoint))
        }
    }
}

/// Deletes a stack and waits until it is gone. True if there was one.
pub(crate) async fn remove(cloud: &Cloud, stack: &str) -> Result<bool> {
    if find(cloud, stack).await?.is_none() {
        return Ok(false);
    }
    let sent = cloud
        .cloudformation()
        .delete_stack()
        .stack_name(stack)
        .send()
        .await;
    sent.with_context(|| format!("cannot delete the stack {stack}"))?;
    let started = Instant::now();
    while started.elapsed() < DEPLOY_MAX {
        match find(cloud, stack).await? {
            None => return Ok(true),
            Some(found) if status(&found).is_some_and(|status| status == "DELETE_FAILED") => {
                bail!(
                    "the stack {stack} cannot be deleted: {}",
                    found.stack_status_reason().unwrap_or("no reason given")
                )
            }
            Some(_) => tokio::time::sleep(POLL).await,
        }
    }
    bail!(
        "the stack {stack} was not deleted within {} s",
        DEPLOY_MAX.as_secs()
    )
}

fn is_deleted(stack: &Stack) -> bool {
    status(stack).is_some_and(|status| status == "DELETE_COMPLETE")
}

/// States that only a deletion leads out of.
fn is_dead_end(stack: &Stack) -> bool {
    let status = status(stack).unwrap_or_default();
    matches!(
        status.as_str(),
        "CREATE_FAILED"
            | "ROLLBACK_COMPLETE"
            | "ROLLBACK_FAILED"
            | "DELETE_FAILED"
            | "UPDATE_ROLLBACK_FAILED"
            | IN_REVIEW
    )
}

async fn events(cloud: &Cloud, stack: &str) -> Result<Vec<StackEvent>> {
    let mut pages = cloud
        .cloudformation()
        .describe_stack_events()
        .stack_name(stack)
        .into_paginator()
        .send();
    let mut events = Vec::new();
    while let Some(page) = pages.next().await {
        events.extend(
            page.context("cannot read the stack's events")?
                .stack_events()
                .to_vec(),
        );
    }
    Ok(events)
}

async fn seen_events(cloud: &Cloud, stack: &str) -> Result<HashSet<String>> {
    let events = events(cloud, stack).await?;
    Ok(events
        .iter()
        .filter_map(|event| event.event_id().map(str::to_owned))
        .collect())
}

fn resource_status(event: &StackEvent) -> &str {
    event.resource_status().map_or("", |status| status.as_str())
}

/// The failed resources with their reasons, in the order in which they failed.
fn failures(events: &[StackEvent]) -> String {
    let lines: Vec<String> = events
        .iter()
        .rev()
        .filter(|event| resource_status(event).ends_with("_FAILED"))
        .map(|event| {
            let of = |text: Option<&str>| text.unwrap_or("?").to_owned();
            let reason = of(event.resource_status_reason());
            format!(
                "  {} ({}): {reason}",
                of(event.logical_resource_id()),
                of(event.resource_type())
            )
        })
        .collect();
    if lines.is_empty() {
        "  CloudFormation names no resource that failed".to_owned()
    } else {
        lines.join("\n")
    }
}
