//! The in-memory store obeys the contract.

event_store::contract!(event_store::Memory::default());
