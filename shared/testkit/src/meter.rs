//! Counts what a client really sends, and what the table bills for it.
//!
//! It sits in the SDK as an interceptor instead of around the store, so that a retry inside the
//! SDK, or a second page that nobody thought of, is counted like any other request.

use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextMut,
    BeforeTransmitInterceptorContextRef,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::operation::batch_get_item::{BatchGetItemInput, BatchGetItemOutput};
use aws_sdk_dynamodb::operation::batch_write_item::{BatchWriteItemInput, BatchWriteItemOutput};
use aws_sdk_dynamodb::operation::delete_item::{DeleteItemInput, DeleteItemOutput};
use aws_sdk_dynamodb::operation::get_item::{GetItemInput, GetItemOutput};
use aws_sdk_dynamodb::operation::put_item::{PutItemInput, PutItemOutput};
use aws_sdk_dynamodb::operation::query::{QueryInput, QueryOutput};
use aws_sdk_dynamodb::operation::scan::{ScanInput, ScanOutput};
use aws_sdk_dynamodb::operation::transact_get_items::{
    TransactGetItemsInput, TransactGetItemsOutput,
};
use aws_sdk_dynamodb::operation::transact_write_items::{
    TransactWriteItemsInput, TransactWriteItemsOutput,
};
use aws_sdk_dynamodb::operation::update_item::{UpdateItemInput, UpdateItemOutput};
use aws_sdk_dynamodb::types::{ConsumedCapacity, ReturnConsumedCapacity};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{Input, Output};

/// What was sent and billed since the meter was last read.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// Requests, each attempt of a retry for itself.
    pub requests: u32,
    /// Requests that did not succeed. What they cost is not reported, and not in the units.
    pub failed: u32,
    /// Write capacity units.
    pub write_units: f64,
    /// Read capacity units.
    pub read_units: f64,
    /// Bytes of the requests' bodies.
    pub bytes_sent: usize,
}

/// Counts the requests of every client that it is built into. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<Mutex<Usage>>);

impl Meter {
    /// What was counted since the last call.
    ///
    /// # Panics
    /// If another user panicked.
    #[expect(
        clippy::must_use_candidate,
        reason = "often called only to start from nothing"
    )]
    pub fn take(&self) -> Usage {
        std::mem::take(&mut *self.0.lock().expect("no user panicked"))
    }

    fn count(&self, change: impl FnOnce(&mut Usage)) {
        change(&mut self.0.lock().expect("no user panicked"));
    }
}

impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "Meter"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        ask_for_capacity(context.input_mut());
        Ok(())
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let bytes = context.request().body().bytes().map_or(0, <[u8]>::len);
        self.count(|usage| {
            usage.requests += 1;
            usage.bytes_sent += bytes;
        });
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        match context.output_or_error() {
            Ok(output) => self.count(|usage| add_capacity(usage, output)),
            Err(_) => self.count(|usage| usage.failed += 1),
        }
        Ok(())
    }
}

/// Asks for the capacity if the input is of this operation; tells whether it is.
macro_rules! asked {
    ($input:expr, $($operation:ty),+) => {
        $(if let Some(input) = $input.downcast_mut::<$operation>() {
            input.return_consumed_capacity = Some(ReturnConsumedCapacity::Total);
        } else)+ {
        }
    };
}

/// The capacity that an output tells of, if it is of one of these operations.
macro_rules! told {
    ($output:expr, $($operation:ty),+) => {{
        let mut told = 0.0;
        $(if let Some(output) = $output.downcast_ref::<$operation>() {
            told += units(output.consumed_capacity());
        })+
        told
    }};
}

fn ask_for_capacity(input: &mut Input) {
    asked!(
        input,
        PutItemInput,
        UpdateItemInput,
        DeleteItemInput,
        BatchWriteItemInput,
        TransactWriteItemsInput,
        GetItemInput,
        QueryInput,
        ScanInput,
        BatchGetItemInput,
        TransactGetItemsInput
    );
}

fn add_capacity(usage: &mut Usage, output: &Output) {
    usage.write_units += told!(
        output,
        PutItemOutput,
        UpdateItemOutput,
        DeleteItemOutput,
        BatchWriteItemOutput,
        TransactWriteItemsOutput
    );
    usage.read_units += told!(
        output,
        GetItemOutput,
        QueryOutput,
        ScanOutput,
        BatchGetItemOutput,
        TransactGetItemsOutput
    );
}

/// The units of all tables that an operation worked on.
fn units<'a>(tables: impl IntoIterator<Item = &'a ConsumedCapacity>) -> f64 {
    tables
        .into_iter()
        .filter_map(|table| table.capacity_units)
        .sum()
}
