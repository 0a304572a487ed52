//! Nothing but tests, of the system and of the repository: see the folders in `tests/`.
//!
//! A package needs a target besides its tests, which is all that this file is.
