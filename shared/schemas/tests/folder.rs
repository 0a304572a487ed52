//! The files in `events/` say what the Rust types say, and every event and command is among them.
//!
//! `cargo dev schemas` writes the files instead of comparing them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use envelope::{Cause, CommandId, Envelope, Sealer, StreamId, Timestamp, Version};
use serde_json::{Value, json};

const HOW: &str = "If the change is meant, run `cargo dev schemas` and commit the files";

fn events() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events")
}

fn read(path: &Path) -> Option<Value> {
    let text = fs::read_to_string(path).ok()?;
    Some(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

#[test]
fn every_schema_file_says_what_its_rust_type_says() {
    let update = std::env::var_os("UPDATE_SCHEMAS").is_some();
    for (name, schema) in schemas::generated() {
        let path = events().join(&name);
        let is = read(&path);
        if is.as_ref() == Some(&schema) {
            continue;
        }
        assert!(
            update,
            "events/{name} and its Rust type in shared/domain differ. {HOW}."
        );
        let text = serde_json::to_string_pretty(&schema).expect("a schema is JSON");
        fs::write(&path, text + "\n").expect("events/ can be written");
    }
}

#[test]
fn every_event_of_the_domain_is_in_the_catalogue() {
    let sources = [
        "domain/src/events.rs",
        "domain/src/commands.rs",
        "saga/src/events.rs",
    ];
    let source = sources.map(|source| {
        let source = events().join("../shared").join(source);
        fs::read_to_string(source).expect("the source of the events")
    });
    let lines = source.iter().flat_map(|source| source.lines());
    let declared: BTreeSet<_> = lines.filter_map(declaration).collect();
    let catalogue = schemas::catalogue();
    let listed: BTreeSet<_> = catalogue
        .iter()
        .map(|event| (event.name.to_owned(), event.schema_version))
        .collect();
    assert!(
        !declared.is_empty(),
        "the events of the domain are declared as `<Name> v <N> {{`"
    );
    assert_eq!(
        declared, listed,
        "list every event and command in shared/schemas/src/generated.rs"
    );
}

/// `    OrderPlaced v 2 from [add_total] {` → (`OrderPlaced`, 2).
fn declaration(line: &str) -> Option<(String, u32)> {
    let (name, version) = line
        .strip_prefix("    ")?
        .strip_suffix(" {")?
        .split_once(" v ")?;
    let version = version
        .split_once(" from ")
        .map_or(version, |(version, _)| version);
    name.starts_with(char::is_uppercase)
        .then(|| Some((name.to_owned(), version.parse().ok()?)))?
}

#[test]
fn a_schema_tells_what_it_is_and_refers_to_nothing_outside() {
    for (name, schema) in schemas::generated() {
        let has_fields = schema.get("properties").is_some();
        let required = has_fields.then_some("required");
        for key in ["$schema", "$id", "title", "description"]
            .into_iter()
            .chain(required)
        {
            assert!(schema.get(key).is_some(), "{name} has no {key}");
        }
        assert!(
            !schema.to_string().contains("\"format\":\"uint"),
            "{name} has a format that only Rust knows"
        );
        jsonschema::meta::validate(&schema).unwrap_or_else(|error| panic!("{name}: {error}"));
        jsonschema::draft202012::new(&schema).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

fn envelope_schema() -> jsonschema::Validator {
    let schema =
        read(&events().join("Envelope.v1.schema.json")).expect("the envelope's schema is a file");
    jsonschema::meta::validate(&schema).expect("a schema");
    jsonschema::draft202012::options()
        .should_validate_formats(true)
        .with_pattern_options(jsonschema::PatternOptions::regex())
        .build(&schema)
        .expect("it compiles")
}

fn real_envelope() -> Envelope {
    let first = Cause::command(&CommandId::new("place-1").expect("an id"));
    let stream = StreamId::new("Order", "ord-1").expect("a stream");
    let mut envelope = Envelope {
        event_id: first.commit_id().event_id(&stream, 0),
        event_type: "OrderPlaced".into(),
        schema_version: 1,
        timestamp: Timestamp::from_millis(1_795_255_200_250),
        aggregate_type: stream.aggregate_type().into(),
        aggregate_id: stream.aggregate_id().into(),
        version: Version::new(1),
        data: json!({}),
        metadata: first.metadata(),
    };
    Sealer::new(b"key").seal(&mut envelope);
    envelope
}

#[test]
fn the_envelope_s_schema_holds_for_real_envelopes_of_first_causes_and_reactions() {
    let schema = envelope_schema();
    let first = real_envelope();
    let reaction = Cause::reaction(&first, "reserve-inventory").expect("a short story");
    let next = Envelope {
        metadata: reaction.metadata(),
        ..first.clone()
    };
    for envelope in [first, next] {
        let wire = serde_json::to_value(&envelope).expect("JSON");
        let errors: Vec<_> = schema
            .iter_errors(&wire)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{errors:?}");
        let required = wire.as_object().expect("an object").keys();
        for field in required {
            let mut less = wire.clone();
            less.as_object_mut().expect("an object").remove(field);
            assert!(
                !schema.is_valid(&less),
                "every field of the envelope is required: {field}"
            );
            assert!(
                serde_json::from_value::<Envelope>(less).is_err(),
                "by the Rust type too: {field}"
            );
        }
    }
}

#[test]
fn the_envelope_s_schema_refuses_what_the_rust_type_refuses() {
    let schema = envelope_schema();
    let wire = serde_json::to_value(real_envelope()).expect("JSON");
    let cases = [
        ("/eventId", json!("")),
        ("/eventId", json!("a#b")),
        ("/eventId", json!("x".repeat(129))),
        ("/timestamp", json!("yesterday")),
        ("/version", json!(-1)),
        ("/schemaVersion", json!("1")),
        ("/metadata/correlationId", json!("a\nb")),
        ("/metadata/traceparent", json!("00-0-0-0")),
        ("/metadata/hops", json!(-1)),
    ];
    for (pointer, value) in cases {
        let mut bad = wire.clone();
        *bad.pointer_mut(pointer).expect("the place exists") = value;
        assert!(
            serde_json::from_value::<Envelope>(bad.clone()).is_err(),
            "the type takes {pointer}: {bad}"
        );
        assert!(!schema.is_valid(&bad), "the schema takes {pointer}: {bad}");
    }
}
