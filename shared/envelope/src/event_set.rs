//! Makes the closed set of events of one stream from the data of each.
//!
//! A macro, because the three matches that it writes are the same for every set, and an arm that is
//! forgotten in one of them would be an event that is stored and cannot be read back.

/// Makes an [`Event`](crate::Event) of data types that are in scope: an enum with a variant of the
/// same name for each, and a `From` for each.
///
/// ```
/// use envelope::{Event, EventData, event_set};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
/// struct LightSwitchedOn { watts: u32 }
/// # #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
/// # struct LightSwitchedOff {}
///
/// impl EventData for LightSwitchedOn {
///     const TYPE: &'static str = "LightSwitchedOn";
///     const SCHEMA_VERSION: u32 = 1;
/// }
/// # impl EventData for LightSwitchedOff {
/// #     const TYPE: &'static str = "LightSwitchedOff";
/// #     const SCHEMA_VERSION: u32 = 1;
/// # }
///
/// event_set! {
///     /// What can happen to a light.
///     pub(crate) enum LightEvent { LightSwitchedOn, LightSwitchedOff }
/// }
///
/// let event = LightEvent::from(LightSwitchedOn { watts: 40 });
/// assert_eq!(event.event_type(), "LightSwitchedOn");
/// assert_eq!(LightEvent::decode("LightSwitchedOn", 1, &event.data()), Ok(event));
/// assert!(LightEvent::decode("LightExploded", 1, &serde_json::json!({})).is_err());
/// ```
#[macro_export]
macro_rules! event_set {
    ($(#[$doc:meta])* $visibility:vis enum $name:ident { $($data:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        #[allow(missing_docs, reason = "each variant is documented at the data that it holds")]
        $visibility enum $name { $($data($data),)* }

        impl $crate::Event for $name {
            fn event_type(&self) -> &'static str {
                match self { $(Self::$data(_) => <$data as $crate::EventData>::TYPE,)* }
            }

            fn schema_version(&self) -> u32 {
                match self { $(Self::$data(_) => <$data as $crate::EventData>::SCHEMA_VERSION,)* }
            }

            fn data(&self) -> $crate::event_set_json::Value {
                match self {
                    $(Self::$data(data) =>
                        $crate::event_set_json::to_value(data).expect("event data is JSON"),)*
                }
            }

            fn decode(
                event_type: &str,
                schema_version: u32,
                data: &$crate::event_set_json::Value,
            ) -> Result<Self, $crate::UnreadableEvent> {
                match event_type {
                    $(<$data as $crate::EventData>::TYPE =>
                        $crate::UnreadableEvent::read(schema_version, data).map(Self::$data),)*
                    _ => Err($crate::UnreadableEvent::unknown(event_type, schema_version)),
                }
            }
        }

        $(impl From<$data> for $name {
            fn from(data: $data) -> Self {
                Self::$data(data)
            }
        })*
    };
}
