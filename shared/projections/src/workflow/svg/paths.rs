//! The lines of a picture: what comes after what.

use std::fmt::Write as _;

use domain::events::Workflow as Style;

use super::boxes::{At, Boxes};
use super::{BOX_HEIGHT, BOX_WIDTH};
use crate::workflow::{Account, Step, StepState};

/// From each step to those of the next stage.
pub(super) fn forth(picture: &mut String, columns: &[Vec<&Step>], boxes: &Boxes) {
    for (column, pair) in columns.windows(2).enumerate() {
        for from in 0..pair[0].len() {
            for (to, step) in pair[1].iter().enumerate() {
                let from = right_of(boxes.forth(column, from));
                let to = left_of(boxes.forth(column + 1, to));
                let is_ahead = matches!(step.forth, StepState::Waiting | StepState::Skipped);
                let class = if is_ahead { "line ahead" } else { "line" };
                curve(picture, class, from, to);
                tip(picture, "tip", to, Heading::Right);
            }
        }
    }
}

/// From where the workflow turned to what is undone. A saga has it done one after the other, so there is a line from
/// each to the next; in a choreography all hear of it at once.
pub(super) fn back(picture: &mut String, account: &Account, boxes: &Boxes) {
    for (column, row) in account.undone_by_others() {
        down(
            picture,
            boxes,
            boxes.forth(column, row),
            &[boxes.back(column, row)],
        );
    }
    let undone = account.undone();
    let Some(&first) = undone.first() else { return };
    let turn = account.turning_point().unwrap_or(first);
    let from = boxes.forth(turn.0, turn.1);
    let places: Vec<_> = undone
        .iter()
        .map(|(column, row)| boxes.back(*column, *row))
        .collect();
    match account.style {
        Style::Orchestration => {
            down(picture, boxes, from, &places[..1]);
            for pair in places.windows(2) {
                onwards(picture, pair[0], pair[1]);
            }
        }
        Style::Choreography => down(picture, boxes, from, &places),
    }
}

/// Down to the height on which lines run, along it, and down again to each of these.
fn down(picture: &mut String, boxes: &Boxes, from: At, to: &[At]) {
    let ((x, y), turn) = (below(from), boxes.turn());
    let ends: Vec<_> = to.iter().map(|place| above(*place)).collect();
    let all = || ends.iter().map(|end| end.0).chain([x]);
    let (left, right) = (all().min().unwrap_or(x), all().max().unwrap_or(x));
    // One path, so that its dashes do not overlap.
    let mut path = format!("M{x} {y}V{turn}M{right} {turn}H{left}");
    for (x, y) in &ends {
        let _ = write!(path, "M{x} {turn}V{y}");
    }
    let _ = writeln!(picture, "<path class=\"way\" d=\"{path}\"/>");
    for end in ends {
        tip(picture, "way-tip", end, Heading::Down);
    }
}

/// From one box of the way back to the next, which usually stands to the left of it.
fn onwards(picture: &mut String, from: At, to: At) {
    if to.0 < from.0 {
        let (from, to) = (left_of(from), right_of(to));
        curve(picture, "way", from, to);
        tip(picture, "way-tip", to, Heading::Left);
    } else if to.0 == from.0 {
        let (from, to) = if to.1 > from.1 {
            (below(from), above(to))
        } else {
            (above(from), below(to))
        };
        let _ = writeln!(
            picture,
            "<path class=\"way\" d=\"M{} {}V{}\"/>",
            from.0, from.1, to.1
        );
    } else {
        let (from, to) = (right_of(from), left_of(to));
        curve(picture, "way", from, to);
        tip(picture, "way-tip", to, Heading::Right);
    }
}

fn curve(picture: &mut String, class: &str, from: At, to: At) {
    let middle = usize::midpoint(from.0, to.0);
    let _ = writeln!(
        picture,
        "<path class=\"{class}\" d=\"M{} {}C{middle} {} {middle} {} {} {}\"/>",
        from.0, from.1, from.1, to.1, to.0, to.1
    );
}

#[derive(Clone, Copy)]
enum Heading {
    Right,
    Left,
    Down,
}

fn tip(picture: &mut String, class: &str, (x, y): At, heading: Heading) {
    let [a, b] = match heading {
        Heading::Right => [(x - 9, y - 5), (x - 9, y + 5)],
        Heading::Left => [(x + 9, y - 5), (x + 9, y + 5)],
        Heading::Down => [(x - 5, y - 9), (x + 5, y - 9)],
    };
    let _ = writeln!(
        picture,
        "<path class=\"{class}\" d=\"M{x} {y}L{} {}L{} {}Z\"/>",
        a.0, a.1, b.0, b.1
    );
}

fn right_of((x, y): At) -> At {
    (x + BOX_WIDTH, y + BOX_HEIGHT / 2)
}

fn left_of((x, y): At) -> At {
    (x, y + BOX_HEIGHT / 2)
}

fn above((x, y): At) -> At {
    (x + BOX_WIDTH / 2, y)
}

fn below((x, y): At) -> At {
    (x + BOX_WIDTH / 2, y + BOX_HEIGHT)
}
