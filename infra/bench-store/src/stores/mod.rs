//! The stores, one file each.

pub(crate) mod dynamo_es;
pub(crate) mod event_store_adapter;
pub(crate) mod floor;
pub(crate) mod ours;
pub(crate) mod tip;
