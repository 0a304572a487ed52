//! A workflow as text for Mermaid, which wikis and code forges draw: <https://mermaid.js.org/syntax/flowchart.html>.

use std::fmt::Write as _;

use domain::events::Workflow as Style;

use super::account::Account;
use super::step::{Step, StepState};
use super::words;

/// Characters of a reason in a box.
const REASON_CHARS: usize = 80;

/// The look of each state; Mermaid adds text in its own colour, so these go with light and dark themes.
const CLASSES: &str = "  classDef idle stroke-dasharray:4 3
  classDef active stroke:#1f6feb,stroke-width:3px
  classDef good stroke:#1a7f37,stroke-width:2px
  classDef bad stroke:#cf222e,stroke-width:3px
  classDef back stroke:#9a6700,stroke-width:2px
";

/// Draws it.
#[must_use]
pub fn mermaid(account: &Account) -> String {
    // An id has harmless signs alone, and where the title ends up nobody knows.
    let id = words::shorten(&account.order_id, REASON_CHARS);
    let title = format!(
        "Order {}: {}, {}, {}",
        id.replace(|c| !is_harmless(c), "?"),
        words::style(account.style),
        words::state(account.state),
        words::age(account)
    );
    // A JSON string is a YAML string.
    let title = serde_json::Value::from(title);
    let mut text = format!("---\ntitle: {title}\n---\nflowchart LR\n");
    let columns = account.columns();
    forth(&mut text, &columns);
    back(&mut text, account, &columns);
    if let Some(reason) = &account.reason {
        let reason = escape(&words::shorten(reason, 2 * REASON_CHARS));
        let _ = writeln!(text, "  why>\"{reason}\"]");
    }
    text.push_str(CLASSES);
    text
}

fn forth(text: &mut String, columns: &[Vec<&Step>]) {
    for (column, steps) in columns.iter().enumerate() {
        for (row, step) in steps.iter().enumerate() {
            let mut lines = vec![format!("<b>{}</b>", name_of(step))];
            lines.push(words::step_state(step.forth).to_owned());
            lines.push(escape(&words::forth(step)));
            let said = words::said_forth(step);
            lines.extend(said.map(|said| escape(&words::shorten(said, REASON_CHARS))));
            node(text, &format!("s{column}_{row}"), &lines, step.forth);
        }
    }
    let pairs = columns.windows(2).enumerate();
    for (column, pair) in pairs {
        for from in 0..pair[0].len() {
            for to in 0..pair[1].len() {
                let _ = writeln!(text, "  s{column}_{from} --> s{}_{to}", column + 1);
            }
        }
    }
}

/// What is undone hangs below what was done, in the order in which it is.
fn back(text: &mut String, account: &Account, columns: &[Vec<&Step>]) {
    let turning_point = account.turning_point();
    let mut before = turning_point.map(|(column, row)| format!("s{column}_{row}"));
    let numbered = account.undone().into_iter().enumerate();
    let numbered = numbered.map(|(number, place)| (format!("{}: ", number + 1), place));
    let others = account.undone_by_others().into_iter();
    let others = others.map(|place| (String::new(), place));
    for (number, (column, row)) in numbered.chain(others) {
        let step = columns[column][row];
        let id = format!("u{column}_{row}");
        let mut lines = vec![format!("{number}undo {}", name_of(step))];
        lines.push(words::step_state(step.state).to_owned());
        lines.push(escape(&words::back(step)));
        let said = words::said_back(step);
        lines.extend(said.map(|said| escape(&words::shorten(said, REASON_CHARS))));
        node(text, &id, &lines, step.state);
        let _ = writeln!(text, "  s{column}_{row} -.- {id}");
        let is_chain = account.style == Style::Orchestration && !number.is_empty();
        if let Some(before) = before.filter(|_| is_chain) {
            let _ = writeln!(text, "  {before} -.-> {id}");
        }
        before = Some(id);
    }
}

fn node(text: &mut String, id: &str, lines: &[String], state: StepState) {
    let lines: Vec<_> = lines.iter().filter(|line| !line.is_empty()).collect();
    let lines = lines.iter().map(|line| line.as_str()).collect::<Vec<_>>();
    let class = match state {
        StepState::Waiting | StepState::Skipped => "idle",
        StepState::InFlight | StepState::Retrying => "active",
        StepState::Done => "good",
        StepState::Failed | StepState::Stuck => "bad",
        StepState::Compensating | StepState::Compensated => "back",
    };
    let _ = writeln!(text, "  {id}[\"{}\"]:::{class}", lines.join("<br/>"));
}

fn name_of(step: &Step) -> String {
    escape(&words::shorten(&step.name, REASON_CHARS))
}

fn is_harmless(c: char) -> bool {
    c.is_alphanumeric() || " .,:-_·…".contains(c)
}

/// A text that Mermaid takes as one, whatever it says: all but letters, digits and harmless signs by number.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !c.is_control()) {
        if is_harmless(c) {
            escaped.push(c);
        } else {
            let _ = write!(escaped, "#{};", u32::from(c));
        }
    }
    escaped
}
