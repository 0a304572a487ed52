//! Asks the event store about many streams at once, by what `cargo dev` knows of its table.

use std::collections::{HashMap, HashSet};

use anyhow::{Context as _, Result};
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};

use crate::cloud::Cloud;

/// BatchGetItem takes this many keys (docs.aws.amazon.com/amazondynamodb, "BatchGetItem").
const KEYS_MAX: usize = 100;

/// Those of the streams that have a commit of this version. What the table was too busy to look for counts as missing;
/// callers ask again.
pub(crate) async fn with_commit(
    cloud: &Cloud,
    table: &str,
    streams: &[&str],
    version: u32,
) -> Result<HashSet<String>> {
    let client = cloud.dynamodb();
    let mut found = HashSet::new();
    for chunk in streams.chunks(KEYS_MAX) {
        let keys = chunk.iter().map(|stream| {
            HashMap::from([
                ("p".to_owned(), AttributeValue::S((*stream).to_owned())),
                ("v".to_owned(), AttributeValue::N(version.to_string())),
            ])
        });
        let wanted = KeysAndAttributes::builder()
            .consistent_read(true)
            .projection_expression("p")
            .set_keys(Some(keys.collect()))
            .build()?;
        let answer = client
            .batch_get_item()
            .request_items(table, wanted)
            .send()
            .await;
        let mut answer = answer.with_context(|| format!("cannot read the table {table}"))?;
        let items = answer.responses.as_mut().and_then(|all| all.remove(table));
        found.extend(
            items
                .unwrap_or_default()
                .iter()
                .filter_map(|item| item.get("p")?.as_s().ok().cloned()),
        );
    }
    Ok(found)
}
