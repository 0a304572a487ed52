//! A workflow as a picture: the way forth from left to right, and below it what is undone, from right to left.
//!
//! Nothing in it comes from elsewhere: no script, no font, no link. It follows the reader's choice of a light or
//! a dark theme by itself, and every state has a word beside its colour.

mod boxes;
mod paths;

use std::fmt::Write as _;

use domain::events::Workflow as Style;

use super::account::Account;
use super::step::{State, Step, StepState};
use super::words;
use boxes::Boxes;

const MARGIN: usize = 28;
const BOX_WIDTH: usize = 212;
const BOX_HEIGHT: usize = 104;
const GAP: usize = 46;
const ROW_GAP: usize = 18;
const HEAD: usize = 92;
/// Between the way forth and the way back.
const TURN: usize = 46;
const FOOT: usize = 44;
/// Some seven pixels each, in the font of the head.
const HEAD_CHARS: usize = 110;

const STYLES: &str = "\
:root{--page:#ffffff;--text:#1f2328;--faint:#59636e;--line:#818b98;--box:#ffffff;\
--idle:#818b98;--active:#0969da;--good:#1a7f37;--bad:#cf222e;--back:#9a6700;\
--idle-fill:#f6f8fa;--active-fill:#ddf4ff;--good-fill:#dafbe1;--bad-fill:#ffebe9;--back-fill:#fff8c5}\
@media (prefers-color-scheme:dark){:root{--page:#0d1117;--text:#f0f6fc;--faint:#9198a1;--line:#6e7681;\
--idle:#6e7681;--active:#79c0ff;--good:#3fb950;--bad:#ff7b72;--back:#d29922;\
--idle-fill:#151b23;--active-fill:#0c2347;--good-fill:#0f3a1d;--bad-fill:#3d0c11;--back-fill:#3b2300}}\
text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;font-size:12px;fill:var(--text)}\
.title{font-size:18px;font-weight:600}.name{font-size:13px;font-weight:600}.faint{fill:var(--faint)}\
.word{font-weight:600;font-size:12px}.pill{font-weight:600}\
.box{stroke-width:1.5}.badge{fill:var(--page);stroke:var(--line);stroke-width:1.5}.line{stroke:var(--line);stroke-width:1.5;fill:none}.line.ahead{stroke-dasharray:2 4}.tip{fill:var(--line)}\
.way{stroke:var(--back);stroke-width:1.5;fill:none;stroke-dasharray:5 3}.way-tip{fill:var(--back)}\
.idle{stroke:var(--idle);fill:var(--idle-fill);stroke-dasharray:4 3}\
.active{stroke:var(--active);fill:var(--active-fill);stroke-width:2.5}\
.good{stroke:var(--good);fill:var(--good-fill)}.bad{stroke:var(--bad);fill:var(--bad-fill);stroke-width:2.5}\
.back{stroke:var(--back);fill:var(--back-fill)}\
.t-idle{fill:var(--faint)}.t-active{fill:var(--active)}.t-good{fill:var(--good)}.t-bad{fill:var(--bad)}.t-back{fill:var(--back)}";

/// Draws it.
#[must_use]
pub fn svg(account: &Account) -> String {
    let columns = account.columns();
    let (undone, others) = (account.undone(), account.undone_by_others());
    let boxes = Boxes::of(&columns, undone.iter().chain(&others));
    let (width, height) = (boxes.width(), boxes.height());
    let mut picture = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"t d\">\n"
    );
    let title = format!("Order {}", words::shorten(&account.order_id, 64));
    let state = words::state(account.state);
    let about = format!(
        "{}, {state}, {}",
        words::style(account.style),
        words::age(account)
    );
    let _ = writeln!(
        picture,
        "<title id=\"t\">{}</title>\n<desc id=\"d\">{about}</desc>\n<style>{STYLES}</style>\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"12\" style=\"fill:var(--page)\"/>",
        escape(&title)
    );
    head(&mut picture, account, &title, width);
    paths::forth(&mut picture, &columns, &boxes);
    paths::back(&mut picture, account, &boxes);
    for (column, steps) in columns.iter().enumerate() {
        for (row, step) in steps.iter().enumerate() {
            forth(&mut picture, step, boxes.forth(column, row));
        }
    }
    for &(column, row) in undone.iter().chain(&others) {
        back(&mut picture, columns[column][row], boxes.back(column, row));
    }
    for (number, &(column, row)) in undone.iter().enumerate() {
        badge(&mut picture, number + 1, boxes.back(column, row));
    }
    foot(&mut picture, account, height - 14);
    picture.push_str("</svg>\n");
    picture
}

fn foot(picture: &mut String, account: &Account, y: usize) {
    let back = match account.style {
        _ if account.undone().is_empty() => None,
        Style::Choreography => {
            Some("Undone by each service by itself, in the order of the numbers.")
        }
        Style::Orchestration => Some("Undone one after the other, in the order of the numbers."),
    };
    let changed = account.updated_at.map(|at| at.to_string());
    let changed = changed.map(|at| format!("Last changed {} at {} UTC.", &at[..10], &at[11..19]));
    let said = back.map(str::to_owned).into_iter().chain(changed);
    let said = said.collect::<Vec<_>>().join(" ");
    text(picture, "faint", (MARGIN, y), &said);
}

fn head(picture: &mut String, account: &Account, title: &str, width: usize) {
    text(picture, "title", (MARGIN, 36), title);
    let class = match account.state {
        State::Running => "active",
        State::Completed => "good",
        State::Stuck | State::Failed => "bad",
        State::Compensating | State::Cancelled => "back",
    };
    let state = words::state(account.state);
    let pill = state.chars().count() * 7 + 24;
    let _ = writeln!(
        picture,
        "<rect class=\"{class}\" x=\"{MARGIN}\" y=\"48\" width=\"{pill}\" height=\"22\" rx=\"11\" style=\"stroke-dasharray:none;stroke-width:1.5\"/>\n\
         <text class=\"pill t-{class}\" x=\"{}\" y=\"63\" text-anchor=\"middle\">{state}</text>",
        MARGIN + pill / 2
    );
    let about = format!("{} · {}", words::style(account.style), words::age(account));
    text(picture, "faint", (MARGIN + pill + 12, 63), &about);
    if let Some(reason) = &account.reason {
        let room = HEAD_CHARS.min((width - 2 * MARGIN) / 7);
        let line = format!("Reason: {}", words::shorten(reason, room - 8));
        full_text(picture, reason);
        text(picture, "", (MARGIN, 86), &line);
        picture.push_str("</g>\n");
    }
}

/// A box of the way forth.
fn forth(picture: &mut String, step: &Step, at: (usize, usize)) {
    let lines = [
        words::forth(step),
        words::said_forth(step).unwrap_or_default().to_owned(),
    ];
    draw(picture, step, step.forth, &step.name, lines, at);
}

/// A box of the way back.
fn back(picture: &mut String, step: &Step, at: (usize, usize)) {
    let said = words::said_back(step).unwrap_or_default();
    let lines = [words::back(step), said.to_owned()];
    draw(
        picture,
        step,
        step.state,
        &format!("undo {}", step.name),
        lines,
        at,
    );
}

/// The number of a box in the order of the way back.
fn badge(picture: &mut String, number: usize, (x, y): (usize, usize)) {
    let x = x + BOX_WIDTH - 20;
    let _ = writeln!(
        picture,
        "<circle class=\"badge\" cx=\"{x}\" cy=\"{}\" r=\"11\"/>\n\
         <text class=\"word\" x=\"{x}\" y=\"{}\" text-anchor=\"middle\">{number}</text>",
        y,
        y + 4
    );
}

fn draw(
    picture: &mut String,
    step: &Step,
    state: StepState,
    name: &str,
    [facts, said]: [String; 2],
    (x, y): (usize, usize),
) {
    let class = class_of(state);
    full_text(picture, &tooltip(step, &said));
    let _ = writeln!(
        picture,
        "<rect class=\"box {class}\" x=\"{x}\" y=\"{y}\" width=\"{BOX_WIDTH}\" height=\"{BOX_HEIGHT}\" rx=\"8\"/>"
    );
    // How wide a text is nobody knows before it is drawn: what is too wide ends where the inner picture does.
    let (width, height) = (BOX_WIDTH - 18, BOX_HEIGHT);
    let _ = writeln!(
        picture,
        "<svg x=\"{}\" y=\"{y}\" width=\"{width}\" height=\"{height}\">",
        x + 12
    );
    text(picture, "name", (0, 22), &words::shorten(name, 24));
    let word = format!("word t-{class}");
    text(picture, &word, (0, 41), words::step_state(state));
    let mut lines = Vec::new();
    if !facts.is_empty() {
        lines.extend(words::wrap(&facts, 30, 1));
    }
    if !said.is_empty() {
        lines.extend(words::wrap(&said, 30, 3 - lines.len()));
    }
    for (number, line) in lines.iter().enumerate() {
        text(picture, "", (0, 60 + number * 16), line);
    }
    picture.push_str("</svg>\n</g>\n");
}

fn class_of(state: StepState) -> &'static str {
    match state {
        StepState::Waiting | StepState::Skipped => "idle",
        StepState::InFlight | StepState::Retrying => "active",
        StepState::Done => "good",
        StepState::Failed | StepState::Stuck => "bad",
        StepState::Compensating | StepState::Compensated => "back",
    }
}

/// What a reader gets who rests the pointer on it: what there was no room for.
fn tooltip(step: &Step, said: &str) -> String {
    let because = step
        .caused_by
        .iter()
        .map(|cause| format!("because of {cause}"));
    let said = Some(said.to_owned()).filter(|said| !said.is_empty());
    because.chain(said).collect::<Vec<_>>().join(": ")
}

/// Begins a group with a text to be read in full, within reason.
fn full_text(picture: &mut String, full: &str) {
    let full = words::shorten(full, 500);
    picture.push_str("<g>");
    if !full.is_empty() {
        let _ = write!(picture, "<title>{}</title>", escape(&full));
    }
    picture.push('\n');
}

fn text(picture: &mut String, class: &str, (x, y): (usize, usize), said: &str) {
    let class = Some(class).filter(|class| !class.is_empty());
    let class = class.map_or_else(String::new, |class| format!(" class=\"{class}\""));
    let _ = writeln!(
        picture,
        "<text{class} x=\"{x}\" y=\"{y}\">{}</text>",
        escape(said)
    );
}

/// A text that XML takes as one, whatever it says; characters that it takes in no form are left out.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => {}
            c if c.is_control() => {}
            c => escaped.push(c),
        }
    }
    escaped
}
