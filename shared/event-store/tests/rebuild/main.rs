//! Rebuilds: what they do about faults, unreadable rows, rates, other writers and crashes.

mod crashing;
mod faults;
mod pace;
mod unreadable;
mod upcasting;
mod world;
