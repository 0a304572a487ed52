//! Events that clients ask for, checked like those that other systems send.

use envelope::{EventData, UnreadableEvent};
use serde_json::Value;

use crate::Broken;

/// The data of the event that a client asks for, if it has the shape of one.
///
/// # Errors
/// All that is wrong.
pub fn data_of<D: EventData>(data: &Value) -> Result<D, Vec<Broken>> {
    schemas::validate(D::TYPE, D::SCHEMA_VERSION, data).map_err(|invalid| {
        let violations = invalid.violations().into_iter();
        let broken = violations.map(|violation| Broken::at(violation.pointer, violation.message));
        broken.collect::<Vec<_>>()
    })?;
    UnreadableEvent::read(D::SCHEMA_VERSION, data).map_err(|error| vec![Broken::rule(&error)])
}
