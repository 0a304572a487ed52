//! Tests of the system and of the repository, in the folders in `tests/`; and here what several of
//! them need.

pub mod document;
pub mod rules;
