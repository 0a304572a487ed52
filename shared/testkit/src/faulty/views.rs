//! The same faults in front of views.

use ports::{
    Change, Consistency, ListViews, Listing, LoadView, Page, SaveView, SaveViewError, Total,
    Unavailable, Viewed,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Faulty;

impl<V: LoadView> LoadView for Faulty<V> {
    async fn load<T: DeserializeOwned>(
        &self,
        key: &str,
        consistency: Consistency,
    ) -> Result<Option<Viewed<T>>, Unavailable> {
        self.fails()?;
        self.inner.load(key, consistency).await
    }
}

impl<V: ListViews> ListViews for Faulty<V> {
    async fn list<T: DeserializeOwned + Send>(
        &self,
        page: &Page<'_>,
    ) -> Result<Listing<T>, Unavailable> {
        self.fails()?;
        self.inner.list(page).await
    }

    async fn totals(&self, page: &Page<'_>) -> Result<Listing<Total>, Unavailable> {
        self.fails()?;
        self.inner.totals(page).await
    }
}

impl<V: SaveView> SaveView for Faulty<V> {
    async fn save<T: Serialize + Sync>(&self, change: &Change<'_, T>) -> Result<(), SaveViewError> {
        self.before_write().await?;
        self.inner.save(change).await?;
        Ok(self.loses()?)
    }
}
