//! Events that clients ask for, checked like those that other systems send.

use envelope::{EventData, UnreadableEvent};
use serde_json::Value;

use crate::{Broken, Response};

/// The data of the event that a client asks for, if it has the shape of one.
///
/// # Errors
/// A problem of this title that lists all that is wrong.
pub fn data_of<D: EventData>(title: &str, data: &Value) -> Result<D, Response> {
    schemas::validate(D::TYPE, D::SCHEMA_VERSION, data).map_err(|invalid| {
        let violations = invalid.violations().into_iter();
        let broken = violations.map(|violation| Broken::at(violation.pointer, violation.message));
        Response::refused(title, broken)
    })?;
    UnreadableEvent::read(D::SCHEMA_VERSION, data)
        .map_err(|error| Response::refused(title, [Broken::rule(&error)]))
}
