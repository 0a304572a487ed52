//! Makes the data of one event type: a struct with the project's spelling on the wire.
//!
//! A macro, because every event has the same derives and the same spelling, and one that is forgotten
//! would be found on the wire.

/// Makes a struct for the data of one event type, under its own name, with a version and its upcasters.
/// `Serialize`, `Deserialize` and `JsonSchema` must be in scope.
///
/// ```
/// use envelope::{EventData, event_data};
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
///
/// event_data! {
///     /// A light was switched on.
///     LightSwitchedOn v 1 {
///         /// How much power it takes.
///         power_watts: u32,
///     }
/// }
/// assert_eq!(LightSwitchedOn::TYPE, "LightSwitchedOn");
/// let data = serde_json::to_value(LightSwitchedOn { power_watts: 40 })?;
/// assert_eq!(data["powerWatts"], 40);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[macro_export]
macro_rules! event_data {
    ($(#[$doc:meta])* $name:ident v $version:literal $(from [$($upcaster:path),*])? { $($(#[$field_doc:meta])* $field:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "camelCase")]
        pub struct $name { $($(#[$field_doc])* pub $field: $kind,)* }

        impl $crate::EventData for $name {
            const TYPE: &'static str = stringify!($name);
            const SCHEMA_VERSION: u32 = $version;
            $(const UPCASTERS: &'static [$crate::Upcaster] = &[$($upcaster),*];)?
        }
    };
}
