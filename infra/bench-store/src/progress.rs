//! What is measured right now, on standard error.

use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

/// A workload of so many turns.
pub(crate) struct Step {
    bar: ProgressBar,
    label: String,
    started: Instant,
}

impl Step {
    /// Starts it.
    pub(crate) fn start(label: impl Into<String>, turns: usize) -> Self {
        let (bar, label) = (ProgressBar::new(turns as u64), label.into());
        // A template that indicatif refuses costs the look, not the step.
        if let Ok(style) =
            ProgressStyle::with_template("{prefix} {bar:24.cyan/dim} {pos}/{len} {msg:.dim}")
        {
            bar.set_style(style);
        }
        bar.set_prefix(label.clone());
        Self {
            bar,
            label,
            started: Instant::now(),
        }
    }

    /// The next turn is this store's.
    pub(crate) fn next(&self, store: &str) {
        self.bar.set_message(store.to_owned());
        self.bar.inc(1);
    }

    /// Ends it.
    pub(crate) fn done(self) {
        self.bar.finish_and_clear();
        let seconds = self.started.elapsed().as_secs_f64();
        eprintln!("✓ {} ({seconds:.1} s)", self.label);
    }
}
