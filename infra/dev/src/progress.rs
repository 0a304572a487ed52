//! What the user sees of slow steps.
//!
//! Everything goes to standard error, so that `--json` output can be piped. On a terminal a step is a line that
//! moves; anywhere else (a log of a build server) it is one plain line when it ends.

use std::fmt::Display;
use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// One slow step, from its start to [`Step::done`] or its drop (which counts as a failure and leaves the line).
pub(crate) struct Step {
    bar: ProgressBar,
    label: String,
    started: Instant,
}

impl Step {
    /// Starts a step whose length is not known.
    pub(crate) fn start(label: impl Display) -> Self {
        Self::with_bar(
            ProgressBar::new_spinner(),
            label,
            "{spinner:.cyan} {prefix} {msg:.dim} {elapsed:.dim}",
        )
    }

    /// Starts a step of `total` parts.
    pub(crate) fn counted(label: impl Display, total: u64) -> Self {
        let template = "{spinner:.cyan} {prefix} {bar:24.cyan/dim} {pos}/{len} {msg:.dim}";
        Self::with_bar(ProgressBar::new(total), label, template)
    }

    fn with_bar(bar: ProgressBar, label: impl Display, template: &str) -> Self {
        let label = label.to_string();
        // A template that indicatif refuses costs the look, not the step.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_prefix(label.clone());
        if is_terminal() {
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        Self {
            bar,
            label,
            started: Instant::now(),
        }
    }

    /// Tells what is happening now.
    pub(crate) fn now(&self, message: impl Display) {
        self.bar.set_message(message.to_string());
    }

    /// Tells how many parts are done.
    pub(crate) fn at(&self, position: u64) {
        self.bar.set_position(position);
    }

    /// Ends the step well; `result` says what came of it.
    pub(crate) fn done(self, result: impl Display) {
        self.bar.finish_and_clear();
        let result = result.to_string();
        let gap = if result.is_empty() { "" } else { ": " };
        eprintln!(
            "✓ {}{gap}{result} ({})",
            self.label,
            seconds(self.started.elapsed())
        );
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if !self.bar.is_finished() {
            self.bar.finish_and_clear();
            eprintln!("✗ {} ({})", self.label, seconds(self.started.elapsed()));
        }
    }
}

/// `println!` through [`print`].
macro_rules! say {
    ($($words:tt)*) => { crate::progress::print(format_args!($($words)*)) };
}
pub(crate) use say;

/// Prints a result. A reader that has seen enough, such as `head`, ends the program without a word.
pub(crate) fn print(text: impl Display) {
    if writeln!(std::io::stdout(), "{text}").is_err() {
        std::process::exit(0);
    }
}

/// Whether somebody watches standard error.
pub(crate) fn is_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// A duration for people: `412 ms`, `3.2 s`, `2 min 05 s`.
pub(crate) fn seconds(duration: Duration) -> String {
    match duration.as_millis() {
        millis @ ..1_000 => format!("{millis} ms"),
        ..60_000 => format!("{:.1} s", duration.as_secs_f64()),
        _ => format!(
            "{} min {:02} s",
            duration.as_secs() / 60,
            duration.as_secs() % 60
        ),
    }
}
