//! What is counted while a test runs: the alarm hangs on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use metrics::{
    Counter, CounterFn, Gauge, Histogram, Key, KeyName, LocalRecorderGuard, Metadata, Recorder,
    SharedString, Unit, set_default_local_recorder,
};

/// Counts one metric of the thread that it was made on.
pub(crate) struct Counted {
    name: &'static str,
    count: Arc<Count>,
}

#[derive(Default)]
struct Count(AtomicU64);

impl CounterFn for Count {
    fn increment(&self, by: u64) {
        self.0.fetch_add(by, Ordering::SeqCst);
    }

    fn absolute(&self, count: u64) {
        self.0.store(count, Ordering::SeqCst);
    }
}

impl Counted {
    pub(crate) fn of(name: &'static str) -> Self {
        let count = Arc::default();
        Self { name, count }
    }

    /// From now until what is returned is dropped.
    pub(crate) fn begin(&self) -> LocalRecorderGuard<'_> {
        set_default_local_recorder(self)
    }

    /// So many since the last call.
    pub(crate) fn take(&self) -> u64 {
        self.count.0.swap(0, Ordering::SeqCst)
    }
}

impl Recorder for Counted {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        // An alarm names the function alone: what has labels would be counted elsewhere.
        if key.name() == self.name && key.labels().next().is_none() {
            return Counter::from_arc(self.count.clone());
        }
        Counter::noop()
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}
