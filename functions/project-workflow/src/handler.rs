//! Events → the read model of the workflows of orders: what is folded is in `projections`, how in `projection-kit`.

use projection_kit::Projector;
use projections::Workflow;

/// The handler.
pub type ProjectWorkflow<S, V, C> = Projector<Workflow, S, V, C>;
