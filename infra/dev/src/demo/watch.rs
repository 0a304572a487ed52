//! Follows one order over the HTTP API, as a customer's page would, until it rests.

use std::time::{Duration, Instant};

use anyhow::Result;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde::Deserialize;

use crate::dead_letters;
use crate::demo::samples::{Expect, Sample};
use crate::http;
use crate::progress::{is_terminal, seconds};
use crate::running::Running;
use crate::story;

const POLL: Duration = Duration::from_millis(250);
/// How often a queue of dead letters is looked into; each look hides its messages for a moment.
const POLL_LETTERS: Duration = Duration::from_millis(1_000);
/// How long compensation may go on after the order was seen to fail.
const COMPENSATION_MAX: Duration = Duration::from_secs(30);

/// How an order ended.
#[derive(Debug, Clone)]
pub(crate) struct End {
    /// Its status, or where it went instead.
    pub(crate) outcome: String,
    /// From sent to done; nothing if it did not end in time.
    pub(crate) took: Option<Duration>,
}

/// What the outcome of a dead letter is called.
pub(crate) fn dead_lettered(function: &str) -> String {
    format!("dead letter of {function}")
}

/// The lines of all orders.
pub(crate) struct Board(MultiProgress);

/// The line of one order.
pub(crate) struct Line {
    bar: ProgressBar,
    label: String,
    shown: String,
}

impl Board {
    pub(crate) fn new() -> Self {
        Self(MultiProgress::new())
    }

    pub(crate) fn line(&self, label: &str) -> Line {
        let bar = self.0.add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("{spinner:.cyan} {prefix:26} {msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(label.to_owned());
        bar.set_message("sent");
        if is_terminal() {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        Line {
            bar,
            label: label.to_owned(),
            shown: "sent".to_owned(),
        }
    }

    pub(crate) fn clear(&self) {
        // Without its lines the table below says the same; if clearing fails, they stay.
        let _ = self.0.clear();
    }
}

impl Line {
    fn show(&mut self, state: &str, since: Instant) {
        if self.shown == state {
            return;
        }
        let elapsed = seconds(since.elapsed());
        if is_terminal() {
            self.bar.set_message(format!("{state:12} {elapsed}"));
        } else {
            eprintln!("  {elapsed:>8}  {:26} {} → {state}", self.label, self.shown);
        }
        state.clone_into(&mut self.shown);
    }
}

/// One sample on its way.
pub(crate) struct Watch<'a> {
    pub(crate) running: &'a Running,
    pub(crate) token: &'a str,
    pub(crate) sample: &'a Sample,
    pub(crate) line: Line,
    pub(crate) sent: Instant,
    pub(crate) deadline: Instant,
}

impl Watch<'_> {
    /// Waits for the end that is expected, for another end, or for the time to run out.
    pub(crate) async fn until_done(mut self) -> Result<End> {
        let end = match (&self.sample.expect, &self.sample.order) {
            (Expect::Order { events, .. }, Some(order)) => self.follow(order, events.len()).await?,
            (Expect::DeadLetter { dead_letter }, _) => self.find(dead_letter).await?,
            (Expect::Order { .. }, None) => self.late("no order id"),
        };
        self.line.bar.finish();
        Ok(end)
    }

    async fn follow(&mut self, order: &str, events: usize) -> Result<End> {
        let mut ended: Option<End> = None;
        let mut last = "not seen".to_owned();
        while Instant::now() < self.deadline {
            match &ended {
                None => {
                    let url = format!(
                        "{}/orders/{order}/status",
                        self.running.variables["API_URL"]
                    );
                    if let Some(status) = status(&url, self.token).await {
                        self.line.show(&status, self.sent);
                        if self.sample.rests(&status) {
                            ended = Some(End {
                                outcome: status.clone(),
                                took: Some(self.sent.elapsed()),
                            });
                            self.deadline = self.deadline.min(Instant::now() + COMPENSATION_MAX);
                        }
                        last = status;
                    }
                }
                // The customer's status is final, but what it means for others may still be under way.
                Some(end) => {
                    if story::events_of(self.running, order).await?.len() >= events {
                        return Ok(end.clone());
                    }
                }
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(ended.unwrap_or_else(|| self.late(&last)))
    }

    async fn find(&mut self, function: &str) -> Result<End> {
        while Instant::now() < self.deadline {
            let letters = dead_letters::all(self.running, Some(function)).await?;
            let is_ours = |letter: &dead_letters::DeadLetter| {
                letter.body.to_string().contains(&self.sample.event_id)
            };
            if letters.iter().any(is_ours) {
                let outcome = dead_lettered(function);
                self.line.show(&outcome, self.sent);
                return Ok(End {
                    outcome,
                    took: Some(self.sent.elapsed()),
                });
            }
            tokio::time::sleep(POLL_LETTERS).await;
        }
        Ok(self.late("no dead letter"))
    }

    fn late(&self, last: &str) -> End {
        let waited = self.deadline.duration_since(self.sent).as_secs();
        End {
            outcome: format!("{last} after {waited} s"),
            took: None,
        }
    }
}

/// Where the API says that an order is; nothing while it says that it does not know.
async fn status(url: &str, token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Answer {
        status: String,
    }
    let answer = http::get_with(url, token).await.ok()?;
    if !answer.status().is_success() {
        return None;
    }
    answer
        .json::<Answer>()
        .await
        .ok()
        .map(|answer| answer.status)
}
