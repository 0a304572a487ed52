//! What pictures of a workflow say in words: the same in each form.
//!
//! Colour says nothing that a word does not say, too. Reasons come from outside and may be of any length, so
//! they are shortened to what a picture has room for; the answer in JSON has the whole.

use domain::events::Workflow as Style;
use envelope::Timestamp;

use super::account::Account;
use super::step::{State, Step, StepState};

/// The state of a step, in words.
pub(super) fn step_state(state: StepState) -> &'static str {
    match state {
        StepState::Waiting => "waiting",
        StepState::InFlight => "in flight",
        StepState::Retrying => "trying again",
        StepState::Done => "done",
        StepState::Failed => "failed",
        StepState::Compensating => "being undone",
        StepState::Compensated => "undone",
        StepState::Stuck => "stuck",
        StepState::Skipped => "skipped",
    }
}

/// The state of a workflow, in words.
pub(super) fn state(state: State) -> &'static str {
    match state {
        State::Running => "running",
        State::Compensating => "being undone",
        State::Stuck => "stuck, waits for a person",
        State::Completed => "completed",
        State::Failed => "failed, all undone",
        State::Cancelled => "cancelled, all undone",
    }
}

/// The style, in a word.
pub(super) fn style(style: Style) -> &'static str {
    match style {
        Style::Choreography => "choreographed",
        Style::Orchestration => "orchestrated",
    }
}

/// How old it is, or how long it took.
pub(super) fn age(account: &Account) -> String {
    let span = span(account.age_seconds.saturating_mul(1_000));
    if account.state.is_open() {
        format!("{span} old")
    } else {
        format!("took {span}")
    }
}

/// What there is to say of the way forth of a step, beside its state: how long it took, how often it was tried, and
/// what it waits for.
pub(super) fn forth(step: &Step) -> String {
    let waits = if step.is_undone() { None } else { waits(step) };
    facts(step.began_at.zip(step.ended_at), step.attempts, waits)
}

/// The same of its way back.
pub(super) fn back(step: &Step) -> String {
    let took = step.compensating_at.zip(step.compensated_at);
    facts(took, step.compensation_attempts, waits(step))
}

fn facts(
    took: Option<(Timestamp, Timestamp)>,
    tried: Option<u64>,
    waits: Option<String>,
) -> String {
    let took = took.map(|(began, ended)| ended.millis_since(began));
    let took = took.filter(|millis| *millis > 0).map(span);
    let tried = tried.filter(|number| *number > 1);
    let tried = tried.map(|number| format!("attempt {number}"));
    let parts: Vec<_> = [took, tried, waits].into_iter().flatten().collect();
    parts.join(" · ")
}

fn waits(step: &Step) -> Option<String> {
    let again = step.again_at.map(|at| format!("again at {}", time(at)));
    let until = step.deadline.map(|at| format!("until {}", time(at)));
    again.or(until)
}

/// The time of the day, in UTC.
fn time(at: Timestamp) -> String {
    at.to_string()[11..19].to_owned()
}

/// Why the way forth failed, or how a person has seen to it.
pub(super) fn said_forth(step: &Step) -> Option<&str> {
    let by_hand = step.resolution.as_deref().filter(|_| !step.is_undone());
    by_hand.or(step.reason.as_deref())
}

/// The same of its way back.
pub(super) fn said_back(step: &Step) -> Option<&str> {
    let reason = step.compensation_reason.as_deref();
    reason.or(step.resolution.as_deref())
}

/// A span of time in words, in its two largest units.
#[must_use]
pub fn span(millis: u64) -> String {
    let seconds = millis / 1_000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..10_000 => format!("{seconds}.{} s", millis % 1_000 / 100),
        10_000..60_000 => format!("{seconds} s"),
        60_000..3_600_000 => format!("{minutes} min {} s", seconds % 60),
        3_600_000..86_400_000 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// A text on one line, with an ellipsis where it has more than so many characters.
pub(super) fn shorten(text: &str, chars: usize) -> String {
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match flat.char_indices().nth(chars) {
        Some((end, _)) => {
            let kept = flat[..end].char_indices().nth_back(0);
            let kept = kept.map_or("", |(last, _)| &flat[..last]);
            format!("{}…", kept.trim_end())
        }
        None => flat,
    }
}

/// A text in lines of so many characters; what does not fit into so many lines is cut off.
pub(super) fn wrap(text: &str, chars: usize, lines_max: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in shorten(text, chars * lines_max).split(' ') {
        let mut rest = word;
        loop {
            let line = lines.last_mut().expect("there is one");
            let used = line.chars().count();
            let room = chars.saturating_sub(used + usize::from(used > 0));
            let length = rest.chars().count();
            if length <= room || (used == 0 && length <= chars) {
                if used > 0 {
                    line.push(' ');
                }
                line.push_str(rest);
                break;
            }
            // A word that no line has room for is broken.
            if used == 0 {
                let end = rest
                    .char_indices()
                    .nth(chars)
                    .map_or(rest.len(), |(at, _)| at);
                line.push_str(&rest[..end]);
                rest = &rest[end..];
            }
            lines.push(String::new());
        }
    }
    if lines.len() > lines_max {
        lines.truncate(lines_max);
        if let Some(last) = lines.last_mut() {
            let kept: String = last.chars().take(chars - 1).collect();
            *last = format!("{}…", kept.trim_end());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_two_units() {
        let spans = [7, 4_250, 59_999, 61_000, 3_720_000, 90_000_000].map(span);
        assert_eq!(
            spans,
            ["7 ms", "4.2 s", "59 s", "1 min 1 s", "1 h 2 min", "1 d 1 h"]
        );
    }

    #[test]
    fn a_text_is_cut_where_there_is_no_more_room() {
        assert_eq!(shorten("  a\n b ", 3), "a b");
        assert_eq!(shorten("äöüß", 3), "äö…");
        assert_eq!(wrap("one two three", 7, 2), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij", 4, 3), ["abcd", "efgh", "ij"]);
        let cut = wrap(&"word ".repeat(50), 12, 2);
        assert_eq!(cut.len(), 2);
        assert!(cut.iter().all(|line| line.chars().count() <= 12), "{cut:?}");
        assert_eq!(cut[1], "word word…");
    }
}
