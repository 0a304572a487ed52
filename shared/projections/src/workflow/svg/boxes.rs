//! Where each box of a picture stands.

use super::{BOX_HEIGHT, BOX_WIDTH, FOOT, GAP, HEAD, MARGIN, ROW_GAP, TURN};
use crate::workflow::Step;

/// A place on the picture.
pub(super) type At = (usize, usize);

/// The places of all boxes.
pub(super) struct Boxes {
    columns: usize,
    /// Boxes above each other, on the way forth.
    rows: usize,
    /// The same on the way back; none if nothing is undone.
    rows_back: usize,
}

impl Boxes {
    pub(super) fn of<'a>(columns: &[Vec<&Step>], undone: impl Iterator<Item = &'a At>) -> Self {
        let rows_back = undone.map(|(_, row)| row + 1).max();
        Self {
            columns: columns.len(),
            rows: columns.iter().map(Vec::len).max().unwrap_or(1),
            rows_back: rows_back.unwrap_or(0),
        }
    }

    pub(super) fn width(&self) -> usize {
        2 * MARGIN + self.columns * BOX_WIDTH + (self.columns - 1) * GAP
    }

    pub(super) fn height(&self) -> usize {
        let back = match self.rows_back {
            0 => 0,
            rows => TURN + stack(rows),
        };
        HEAD + ROW_GAP + stack(self.rows) + back + FOOT
    }

    /// The left upper corner of a box of the way forth.
    pub(super) fn forth(&self, column: usize, row: usize) -> At {
        (x_of(column), HEAD + ROW_GAP + row * (BOX_HEIGHT + ROW_GAP))
    }

    /// The same of the way back.
    pub(super) fn back(&self, column: usize, row: usize) -> At {
        let top = HEAD + ROW_GAP + stack(self.rows) + TURN;
        (x_of(column), top + row * (BOX_HEIGHT + ROW_GAP))
    }

    /// The height between the two ways on which lines run.
    pub(super) fn turn(&self) -> usize {
        HEAD + ROW_GAP + stack(self.rows) + TURN / 2
    }
}

fn x_of(column: usize) -> usize {
    MARGIN + column * (BOX_WIDTH + GAP)
}

/// The height of so many boxes above each other.
fn stack(rows: usize) -> usize {
    rows * BOX_HEIGHT + rows.saturating_sub(1) * ROW_GAP
}
