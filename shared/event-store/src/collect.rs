//! The events of one story, collected from all streams.
//!
//! There is no index on the correlation id, on purpose: an index entry would double the price of
//! every write, and stories are asked for seldom. So the whole table is read, in segments side by side.

use std::num::NonZeroU32;

use envelope::{CorrelationId, Envelope};
use futures::future::try_join_all;
use ports::{Clock, Deadline, Unavailable};

use crate::{ReadError, Scan, Story};

/// How many items a request asks for; a page ends at a megabyte anyway.
const PAGE: u32 = 1_000;

/// A story, and what could not be read on the way.
#[derive(Debug)]
pub struct Collected {
    /// All events with the correlation id.
    pub story: Story,
    /// Rows that cannot be read: each may belong to the story.
    pub unreadable: Vec<ReadError>,
}

/// Collects the events of all streams that have this correlation id: what one command, or one event of another
/// system, led to. `segments` parts of the table are read side by side.
///
/// Requests that fail for a reason that may pass are repeated under the [`Deadline`] around the
/// caller; without one they are made once.
///
/// # Errors
/// [`Unavailable`], when the table does not answer.
///
/// # Cost
/// Half a read unit for each 4 KB of the whole table, in requests of up to 1,000 items or a megabyte.
pub async fn story_of<S: Scan, C: Clock>(
    store: &S,
    clock: &C,
    correlation_id: &CorrelationId,
    segments: NonZeroU32,
) -> Result<Collected, Unavailable> {
    let segments = segments.get();
    let parts = (0..segments).map(|segment| part(store, clock, correlation_id, segment, segments));
    let (mut events, mut unreadable) = (Vec::new(), Vec::new());
    for part in try_join_all(parts).await? {
        events.extend(part.0);
        unreadable.extend(part.1);
    }
    let story = Story::of(events);
    Ok(Collected { story, unreadable })
}

async fn part<S: Scan, C: Clock>(
    store: &S,
    clock: &C,
    correlation_id: &CorrelationId,
    segment: u32,
    segments: u32,
) -> Result<(Vec<Envelope>, Vec<ReadError>), Unavailable> {
    let (mut events, mut unreadable) = (Vec::new(), Vec::new());
    let mut from = None;
    loop {
        let scan = || store.scan(segment, segments, from.as_ref(), PAGE);
        let page = Deadline::persist(clock, u64::from(segment), scan).await?;
        for commit in page.commits {
            let commit = match commit {
                Ok(commit) => commit,
                Err(error) => {
                    unreadable.push(error);
                    continue;
                }
            };
            let is_its = |part: &crate::Part<'_>| part.metadata.correlation_id == *correlation_id;
            if !commit.parts().any(|part| is_its(&part)) {
                continue;
            }
            match commit.whole() {
                Ok(whole) => {
                    let own = whole.parts().filter(is_its);
                    events.extend(own.flat_map(|part| whole.envelopes_of(part)));
                }
                Err(error) => unreadable.push(error),
            }
        }
        match page.next {
            Some(next) => from = Some(next),
            None => return Ok((events, unreadable)),
        }
    }
}
