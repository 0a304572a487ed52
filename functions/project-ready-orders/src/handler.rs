//! Events → the read model of the list of orders that wait for the carrier: what is folded is in `projections`, how in `projection-kit`.

use projection_kit::Projector;
use projections::ReadyOrders;

/// The handler.
pub type ProjectReadyOrders<S, V, C> = Projector<ReadyOrders, S, V, C>;
