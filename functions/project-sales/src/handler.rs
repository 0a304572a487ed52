//! Events → the read model of the sales by hour: what is folded is in `projections`, how in `projection-kit`.

use projection_kit::Projector;
use projections::Sales;

/// The handler.
pub type ProjectSales<S, V, C> = Projector<Sales, S, V, C>;
