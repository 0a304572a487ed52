//! `cargo dev layout`: which layout of a read model queries read, and the way to another and back.

use std::process::ExitCode;

use adapter_dynamodb::Views;
use anyhow::{Context as _, Result};
use projection_kit::{Projection, live, switch};
use serde_json::json;

use crate::args;
use crate::model::with_projection;
use crate::progress::say;
use crate::project::Project;
use crate::rebuild::find;

/// `cargo dev layout`
pub(crate) async fn run(project: &Project, options: &args::Layout) -> Result<ExitCode> {
    with_projection!(options.model, layout(project, options))
}

async fn layout<P: Projection>(project: &Project, options: &args::Layout) -> Result<ExitCode> {
    let (cloud, variables) = find(project, options.endpoint.as_deref()).await?;
    let views = Views::new(cloud.dynamodb(), &variables["VIEWS_TABLE"]);
    if let Some(layout) = options.switch {
        let switched = switch::<P, _>(&views, layout).await;
        switched.context("queries read what they have read before")?;
    }
    let read = live::<P, _>(&views).await?.layout;
    let kept = [P::Before::LAYOUT, P::LAYOUT];
    let kept: Vec<_> = kept.into_iter().filter(|layout| *layout > 0).collect();
    if options.output.json {
        say!(
            "{:#}",
            json!({ "model": P::NAME, "read": read, "kept": kept })
        );
    } else {
        let kept: Vec<_> = kept.iter().map(u32::to_string).collect();
        say!(
            "{}: queries read layout {read}; kept up to date: {}",
            P::NAME,
            kept.join(", ")
        );
    }
    Ok(ExitCode::SUCCESS)
}
