//! Reading the whole table, with the data that lie elsewhere.
//!
//! An object that is missing or is not what was put makes its commit a row that cannot be read, in
//! its place like any other. One that cannot be fetched now fails the page, which is asked for again.

use ports::{GetPayload, Unavailable};

use super::{ClaimChecked, fetch_data};
use crate::{Cursor, ReadError, Scan, ScanPage};

/// A page ends with the commit whose fetched data reach this many bytes: pointers are small, so the
/// table's own limit for a page does not bound what they point at.
const FETCHED_BYTES_MAX: usize = 32 * 1024 * 1024;

impl<S: Scan, P: GetPayload> Scan for ClaimChecked<S, P> {
    /// A page of the store's, as [`Scan::scan`] says, with the data that lie elsewhere.
    ///
    /// # Errors
    /// The store's own, and [`Unavailable`] when an object cannot be fetched now.
    ///
    /// # Cost
    /// The store's own, and a get for each commit whose data lie elsewhere.
    async fn scan(
        &self,
        segment: u32,
        segments: u32,
        from: Option<&Cursor>,
        commits_max: u32,
    ) -> Result<ScanPage, Unavailable> {
        let page = self.store.scan(segment, segments, from, commits_max);
        let page = page.await?;
        let mut commits = Vec::with_capacity(page.commits.len());
        let mut fetched_bytes = 0;
        for row in page.commits {
            let commit = match row {
                Ok(commit) => commit,
                unreadable => {
                    commits.push(unreadable);
                    continue;
                }
            };
            let points = commit.payload.is_some();
            let place = (commit.stream.to_string(), commit.first.get());
            let row = match fetch_data(commit, &self.payloads).await {
                Err(ReadError::Unavailable(error)) => return Err(error),
                row => row,
            };
            fetched_bytes += match &row {
                Ok(whole) if points => whole.bare_bytes(),
                _ => 0,
            };
            commits.push(row);
            if fetched_bytes >= FETCHED_BYTES_MAX {
                let next = Some(Cursor::behind(&place.0, place.1));
                return Ok(ScanPage {
                    commits,
                    next,
                    ..page
                });
            }
        }
        Ok(ScanPage { commits, ..page })
    }

    async fn estimate(&self) -> Option<u64> {
        self.store.estimate().await
    }
}

#[cfg(test)]
mod tests {
    use envelope::{Aggregate, Cause, CommandId, Timestamp, Version};
    use ports::MemoryPayloads;

    use super::*;
    use crate::contract::{Added, Tally};
    use crate::{Append, Commit, Memory};

    #[tokio::test]
    async fn a_page_ends_before_its_data_fill_the_memory_and_the_next_goes_on() {
        let store = ClaimChecked::new(Memory::default(), MemoryPayloads::default());
        let cause = Cause::command(&CommandId::new("add").expect("an id"));
        let events = vec![Added::amount(1).padded(900 * 1024); 16];
        for number in 0..5 {
            let stream = Tally::<1>::stream(&number.to_string()).expect("an id");
            let time = Timestamp::from_millis(1);
            let commit = Commit::new::<Tally>(&stream, Version::ZERO, &cause, time, &events);
            store.append(&commit).await.expect("stored");
        }
        let (mut pages, mut from) = (Vec::new(), None);
        loop {
            let page = store.scan(0, 1, from.as_ref(), 100).await.expect("a page");
            pages.push(page.commits.len());
            match page.next {
                Some(next) => from = Some(next),
                None => break,
            }
        }
        assert_eq!(pages, [3, 2]);
    }
}
