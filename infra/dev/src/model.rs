//! Read models by the names that the command line has for them.

/// Calls a function with the projection of a [`Model`](crate::args::Model) as its type.
macro_rules! with_projection {
    ($model:expr, $run:ident($($argument:expr),*)) => {
        match $model {
            $crate::args::Model::Order => $run::<projections::Order>($($argument),*).await,
            $crate::args::Model::CustomerOrders => $run::<projections::CustomerOrders>($($argument),*).await,
            $crate::args::Model::ReadyOrders => $run::<projections::ReadyOrders>($($argument),*).await,
            $crate::args::Model::Stock => $run::<projections::Stock>($($argument),*).await,
            $crate::args::Model::Workflow => $run::<projections::Workflow>($($argument),*).await,
            $crate::args::Model::Sales => $run::<projections::Sales>($($argument),*).await,
        }
    };
}

pub(crate) use with_projection;
