//! The framework on this repository, in memory and in an embedded DynamoDB. One binary, because each
//! links the SDK.

mod account;
mod counts;
mod rows;
mod states;
mod writers;
