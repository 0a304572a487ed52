//! Events → the read model of the stock levels: what is folded is in `projections`, how in `projection-kit`.

use projection_kit::Projector;
use projections::Stock;

/// The handler.
pub type ProjectStock<S, V, C> = Projector<Stock, S, V, C>;
