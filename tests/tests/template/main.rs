//! What the deployment template promises for every function, checked in its plain form.
//!
//! An emulator does not show what happens when deliveries fail, and reviews miss the one block of thirteen that lacks a
//! line. So each promise is a test over all resources of a kind, and none names a function unless the promise does: a
//! new function is held to all of them without a change here.

mod access;
mod delivery;
mod plain_form;
mod timers;
mod upkeep;
