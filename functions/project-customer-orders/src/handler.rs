//! Events → the read model of the lists of customers' orders: what is folded is in `projections`, how in `projection-kit`.

use projection_kit::Projector;
use projections::CustomerOrders;

/// The handler.
pub type ProjectCustomerOrders<S, V, C> = Projector<CustomerOrders, S, V, C>;
