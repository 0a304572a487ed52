//! The in-memory store obeys the contract.

event_store::contract!(event_store::Memory::default());

mod claim_checked {
    event_store::contract!(claim_checked event_store::Memory::default());
}
