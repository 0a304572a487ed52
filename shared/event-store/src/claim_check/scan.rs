//! Reading the whole table, with the data that lie elsewhere.
//!
//! An object that is missing or is not what was put makes its commit a row that cannot be read, in
//! its place like any other. One that cannot be fetched now fails the page, which is asked for again.

use ports::{GetPayload, Unavailable};

use super::{ClaimChecked, fetch_data};
use crate::{Cursor, ReadError, Scan, ScanPage};

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
        for row in page.commits {
            let row = match row {
                Ok(commit) => fetch_data(commit, &self.payloads).await,
                unreadable => unreadable,
            };
            match row {
                Err(ReadError::Unavailable(error)) => return Err(error),
                row => commits.push(row),
            }
        }
        Ok(ScanPage { commits, ..page })
    }

    async fn estimate(&self) -> Option<u64> {
        self.store.estimate().await
    }
}
