//! A batch of records of a change stream, and the answer that says from where on they come again.

use serde_json::{Value, json};

/// The whole batch is to be delivered again, to a source that takes no partial answer.
#[derive(Debug, thiserror::Error)]
#[error("record {record} of {records} is not done; all are to be delivered again")]
pub struct BatchFailed {
    record: usize,
    records: usize,
}

/// The records of a batch.
#[must_use]
pub fn records_of(batch: &Value) -> &[Value] {
    let records = batch["Records"].as_array();
    records.map(Vec::as_slice).unwrap_or_default()
}

/// The answer to a batch of which the records from `failed` on are to be delivered again, if any are.
///
/// # Errors
/// [`BatchFailed`], if some are and the source does not honour `partial` answers.
pub fn batch_answer(
    records: &[Value],
    failed: Option<usize>,
    partial: bool,
) -> Result<Value, BatchFailed> {
    if let (Some(record), false) = (failed, partial) {
        let records = records.len();
        return Err(BatchFailed { record, records });
    }
    let failed = failed.and_then(|record| records.get(record));
    let again =
        failed.map(|record| json!({ "itemIdentifier": record["dynamodb"]["SequenceNumber"] }));
    Ok(json!({ "batchItemFailures": again.into_iter().collect::<Vec<_>>() }))
}
