//! The boundary: which events other systems may send, and whether one has the shape it must have.
//!
//! The list is explicit. A schema in `events/` says what an event looks like, not that everyone may
//! say it happened: nobody outside may tell us that a payment was completed. And no message here
//! quotes the data, because it may be about a person and messages end in logs and queues.

use std::fmt;
use std::sync::OnceLock;

use domain::events::{OrderPlaced, StockReplenished, UserAddressChanged, UserRegistered};
use envelope::{EventData, UnreadableEvent};
use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

/// The most violations that are named of one event; the sender learns enough, and a message stays small.
pub const VIOLATIONS_MAX: usize = 10;

/// The most of a sender's text (a type, the path to a value) that is repeated in a message, in characters.
const QUOTED_CHARS_MAX: usize = 100;

/// Checks the data of an event that another system sent.
///
/// Data that passes can also be read as the Rust type of its event.
///
/// # Errors
/// [`Invalid`]: another try cannot pass.
pub fn validate(event_type: &str, schema_version: u32, data: &Value) -> Result<(), Invalid> {
    let mut of_type = ACCEPTED
        .iter()
        .filter(|accepted| accepted.event_type == event_type)
        .peekable();
    if of_type.peek().is_none() {
        return Err(Invalid::NotAccepted {
            event_type: shortened(event_type),
        });
    }
    match of_type.find(|accepted| accepted.schema_version == schema_version) {
        Some(accepted) => accepted.check(data),
        None => Err(Invalid::UnknownVersion {
            event_type: event_type.to_owned(),
            schema_version,
        }),
    }
}

/// The types that other systems may send.
pub fn accepted_types() -> impl Iterator<Item = &'static str> {
    ACCEPTED.iter().map(|accepted| accepted.event_type)
}

/// Why an event is not let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Nothing is known of this type, or only this system itself may say that it happened.
    #[error("{event_type:?} is not accepted from other systems; {}", Accepting)]
    NotAccepted {
        /// What the sender called it, shortened.
        event_type: String,
    },
    /// The type is accepted, and not in this version.
    #[error(
        "no schema for {event_type} version {schema_version}; accepted {}",
        Versions(event_type)
    )]
    UnknownVersion {
        /// The type.
        event_type: String,
        /// What the sender said.
        schema_version: u32,
    },
    /// The data does not have the shape of its schema.
    #[error(
        "the data is not valid as {event_type} version {schema_version}: {}{}",
        Listed(violations),
        if *more { "; and more" } else { "" }
    )]
    Violations {
        /// The type.
        event_type: &'static str,
        /// The version of its schema.
        schema_version: u32,
        /// The first [`VIOLATIONS_MAX`] of them.
        violations: Vec<Violation>,
        /// Whether there are more.
        more: bool,
    },
}

impl Invalid {
    /// What is wrong, one by one.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        match self {
            Self::Violations {
                violations, more, ..
            } => {
                let more = more.then(|| Violation {
                    pointer: String::new(),
                    message: "and more".to_owned(),
                });
                violations.iter().cloned().chain(more).collect()
            }
            other => vec![Violation {
                pointer: String::new(),
                message: other.to_string(),
            }],
        }
    }
}

/// One rule of a schema that the data breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// JSON pointer to the value; empty for the data as a whole.
    pub pointer: String,
    /// What is wrong with it, without the value.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.pointer.is_empty() {
            "data"
        } else {
            &self.pointer
        };
        write!(f, "{place}: {}", self.message)
    }
}

/// An event type that other systems may send, in one version.
struct Accepted {
    event_type: &'static str,
    schema_version: u32,
    schema: &'static str,
    readable: fn(u32, &Value) -> bool,
    /// Compiled at the first event of the type: a cold start pays for what it uses.
    validator: OnceLock<Validator>,
}

static ACCEPTED: [Accepted; 4] = [
    Accepted::new::<OrderPlaced>(
        1,
        include_str!("../../../events/OrderPlaced.v1.schema.json"),
    ),
    Accepted::new::<UserRegistered>(
        1,
        include_str!("../../../events/UserRegistered.v1.schema.json"),
    ),
    Accepted::new::<UserAddressChanged>(
        1,
        include_str!("../../../events/UserAddressChanged.v1.schema.json"),
    ),
    Accepted::new::<StockReplenished>(
        1,
        include_str!("../../../events/StockReplenished.v1.schema.json"),
    ),
];

impl Accepted {
    /// This version of a type: the newest one, or an earlier one for senders that lag behind.
    const fn new<D: EventData>(schema_version: u32, schema: &'static str) -> Self {
        Self {
            event_type: D::TYPE,
            schema_version,
            schema,
            readable: |version, data| UnreadableEvent::read::<D>(version, data).is_ok(),
            validator: OnceLock::new(),
        }
    }

    fn check(&self, data: &Value) -> Result<(), Invalid> {
        let validator = self.validator.get_or_init(|| compile(self.schema));
        let mut errors = validator.iter_errors(data);
        let mut violations: Vec<_> = errors
            .by_ref()
            .take(VIOLATIONS_MAX)
            .map(|error| violation(&error))
            .collect();
        let more = errors.next().is_some();
        if violations.is_empty() && (self.readable)(self.schema_version, data) {
            return Ok(());
        }
        if violations.is_empty() {
            // JSON Schema takes 1.0 for an integer, the Rust types do not.
            let message =
                "it cannot be read; is an integer written with a fraction or an exponent?"
                    .to_owned();
            violations.push(Violation {
                pointer: String::new(),
                message,
            });
        }
        Err(Invalid::Violations {
            event_type: self.event_type,
            schema_version: self.schema_version,
            violations,
            more,
        })
    }
}

/// Patterns run on an engine whose time is linear in the text, because the text is a stranger's.
fn compile(schema: &str) -> Validator {
    let schema = serde_json::from_str(schema).expect("a test parses every embedded schema");
    jsonschema::draft202012::options()
        .with_pattern_options(PatternOptions::regex())
        .build(&schema)
        .expect("a test compiles every embedded schema")
}

fn violation(error: &ValidationError<'_>) -> Violation {
    let message = match error.kind() {
        // Even masked, these name properties that the sender made up.
        ValidationErrorKind::PropertyNames { .. } => "a property's name is not allowed".to_owned(),
        ValidationErrorKind::AdditionalProperties { .. }
        | ValidationErrorKind::UnevaluatedProperties { .. } => {
            "it has properties that are not allowed".to_owned()
        }
        _ => error.masked_with("the value").to_string(),
    };
    Violation {
        pointer: shortened(error.instance_path().as_str()),
        message,
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(QUOTED_CHARS_MAX).collect()
}

struct Accepting;

impl fmt::Display for Accepting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let types: Vec<_> = accepted_types().collect();
        write!(
            f,
            "types accepted from other systems are {}",
            types.join(", ")
        )
    }
}

struct Versions<'a>(&'a str);

impl fmt::Display for Versions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of_type = ACCEPTED
            .iter()
            .filter(|accepted| accepted.event_type == self.0);
        let versions: Vec<_> = of_type
            .map(|accepted| accepted.schema_version.to_string())
            .collect();
        write!(f, "is {}", versions.join(", "))
    }
}

struct Listed<'a>(&'a [Violation]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&listed.join("; "))
    }
}

#[cfg(test)]
mod tests;
