//! Holds [`Aggregate::LAYOUT`] to the layout of the state that it stands for.
//!
//! A state whose layout changed, under a digest that did not, would be read back as something that
//! it is not. The digest is of the state's JSON Schema, which `serde`'s attributes shape too.

use envelope::Aggregate;
use schemars::{JsonSchema, schema_for};
use serde_json::Value;

/// Asserts that the aggregate's digest is that of its state's present layout.
///
/// # Panics
/// If it is not; the message tells the digest to write.
#[track_caller]
pub fn assert_up_to_date<A: Aggregate>()
where
    A::State: JsonSchema,
{
    let now = digest::<A::State>();
    assert!(
        A::LAYOUT == now,
        "the layout of {}'s state changed: set its LAYOUT to {now:#010x}, so that states stored before are folded anew",
        A::TYPE
    );
}

/// FNV-1a over the schema's JSON without its descriptions: a comment is no part of a layout.
#[must_use]
pub fn digest<S: JsonSchema>() -> u32 {
    let mut schema = schema_for!(S).to_value();
    forget_descriptions(&mut schema);
    let text = schema.to_string();
    text.bytes().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

fn forget_descriptions(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            map.retain(|key, value| key != "description" || !value.is_string());
            map.values_mut().for_each(forget_descriptions);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_descriptions),
        _ => {}
    }
}
