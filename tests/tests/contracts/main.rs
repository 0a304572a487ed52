//! The contract of every event: it has a schema and a sample, the sample is valid and readable, and
//! it reaches the functions that are to react to it, and no other.

mod reactions;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use envelope::{Envelope, Inbound};
use serde_json::{Value, json};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> Result<Value> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))
}

/// The sample of each event type, by type.
fn samples() -> Result<BTreeMap<&'static str, Value>> {
    let sample = |event: &schemas::EventType| {
        let file = format!(
            "events/samples/{}.v{}.json",
            event.name, event.schema_version
        );
        Ok((event.name, read(&root().join(file))?))
    };
    schemas::catalogue().iter().map(sample).collect()
}

fn validator(file: &str) -> Result<jsonschema::Validator> {
    let schema = read(&root().join("events").join(file))?;
    let options = jsonschema::draft202012::options().should_validate_formats(true);
    options
        .build(&schema)
        .with_context(|| format!("{file} does not compile"))
}

fn ensure_valid(schema_file: &str, value: &Value, what: &str) -> Result<()> {
    let errors: Vec<_> = validator(schema_file)?
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    ensure!(
        errors.is_empty(),
        "{what} breaks {schema_file}: {}",
        errors.join("; ")
    );
    Ok(())
}

#[test]
fn every_event_type_has_its_schema_and_its_sample_and_no_file_is_left_over() -> Result<()> {
    let names = |folder: &str, of: fn(&schemas::EventType) -> String, own: &[&str]| -> Result<()> {
        let files = fs::read_dir(root().join(folder))?;
        let is: BTreeSet<_> = files
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .filter(|name: &Result<String>| name.as_ref().is_ok_and(|name| name.ends_with(".json")))
            .collect::<Result<_>>()?;
        let mut should: BTreeSet<_> = schemas::catalogue().iter().map(of).collect();
        should.extend(own.iter().map(|&name| name.to_owned()));
        let missing: Vec<_> = should.difference(&is).collect();
        let left_over: Vec<_> = is.difference(&should).collect();
        ensure!(
            missing.is_empty() && left_over.is_empty(),
            "{folder}: missing {missing:?}, left over {left_over:?}"
        );
        Ok(())
    };
    names(
        "events",
        schemas::EventType::file_name,
        &["Envelope.v1.schema.json", "first-order.json"],
    )?;
    let sample =
        |event: &schemas::EventType| format!("{}.v{}.json", event.name, event.schema_version);
    names(
        "events/samples",
        sample,
        &["OrderPlaced.v1.cloudevent.json"],
    )
}

#[test]
fn every_sample_is_an_envelope_that_is_read_and_written_without_loss() -> Result<()> {
    for (event_type, sample) in samples()? {
        ensure_valid("Envelope.v1.schema.json", &sample, event_type)?;
        let envelope: Envelope = serde_json::from_value(sample.clone()).context(event_type)?;
        ensure!(
            envelope.event_type == event_type,
            "the sample of {event_type} is of {}",
            envelope.event_type
        );
        envelope.stream().context(event_type)?;
        ensure!(
            serde_json::to_value(&envelope)? == sample,
            "{event_type}: the envelope loses something"
        );
    }
    Ok(())
}

#[test]
fn the_data_of_every_sample_is_valid_and_is_read_and_written_without_loss() -> Result<()> {
    let samples = samples()?;
    for event in schemas::catalogue() {
        let data = &samples[event.name]["data"];
        ensure_valid(&event.file_name(), data, event.name)?;
        let again = event
            .rewrite(data)
            .with_context(|| format!("{} cannot be read", event.name))?;
        ensure!(
            again == *data,
            "{}: the Rust type loses something",
            event.name
        );
    }
    Ok(())
}

#[test]
fn the_samples_of_what_other_systems_send_pass_the_boundary_and_no_other_sample_does() -> Result<()>
{
    let accepted: BTreeSet<_> = schemas::accepted_types().collect();
    for (event_type, sample) in samples()? {
        let inbound = Inbound::read(&sample).context(event_type)?;
        let verdict = schemas::validate(&inbound.event_type, inbound.schema_version, &inbound.data);
        ensure!(
            verdict.is_ok() == accepted.contains(event_type),
            "{event_type}: {verdict:?}"
        );
    }
    Ok(())
}

#[test]
fn the_cloud_events_sample_says_the_same_as_the_sample_in_the_own_form() -> Result<()> {
    let own = Inbound::read(&samples()?["OrderPlaced"])?;
    let mut cloud = Inbound::read(&read(
        &root().join("events/samples/OrderPlaced.v1.cloudevent.json"),
    )?)?;
    // Its id is made of its source and its own id, which is kept beside it.
    let id = cloud.metadata.extra.remove("cloudEventId");
    assert_eq!(id, Some(json!(own.event_id)));
    cloud.event_id = own.event_id.clone();
    assert_eq!(cloud, own);
    Ok(())
}
