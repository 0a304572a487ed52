//! Events and timers → the saga of an order: what it decides is in `domain`, how it is conducted in `saga-kit`.

use domain::OrderSaga;
use saga_kit::Conductor;

/// The handler.
pub type ConductOrder<S, T, C> = Conductor<OrderSaga, S, T, C>;

#[cfg(test)]
mod tests;
