//! Events → the read model of one order: what is folded is in `projections`, how in `projection-kit`.

use projection_kit::Projector;
use projections::Order;

/// The handler.
pub type ProjectOrder<S, V, C> = Projector<Order, S, V, C>;
