//! Read models by key, each saved only over the revision that its writer saw.
//!
//! A view may stand in one list, at a place that orders it there, and it may add to totals. Both
//! change with the view and in the same write, so that neither needs bookkeeping of its own.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Unavailable;

/// How fresh a read must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consistency {
    /// May miss the latest writes, at half the price.
    Eventual,
    /// Sees every write that was answered before.
    Strong,
}

/// How often a view was saved; 0 is a view that does not exist.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Revision(pub u64);

/// A view and the revision it was read at.
#[derive(Debug, Clone, PartialEq)]
pub struct Viewed<V> {
    /// The view.
    pub view: V,
    /// To be handed back when it is saved.
    pub revision: Revision,
}

/// Reads views.
pub trait LoadView: Clone + Send + Sync + 'static {
    /// The view under this key, if there is one.
    ///
    /// # Errors
    /// [`Unavailable`], also for a view that cannot be read as this type.
    ///
    /// # Cost
    /// One request, and half a read unit for each 4 KB of the view, a whole one if strongly consistent.
    fn load<V: DeserializeOwned>(
        &self,
        key: &str,
        consistency: Consistency,
    ) -> impl Future<Output = Result<Option<Viewed<V>>, Unavailable>> + Send;
}

/// Why a view was not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveViewError {
    /// Somebody saved it in the meantime: read again, fold again.
    #[error("the view was saved by another writer in the meantime")]
    Conflict,
    /// The table did not answer as it should.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// A place in a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListedAt {
    /// The list.
    pub list: String,
    /// What it is ordered by there, unlike that of any other view in the list.
    pub place: String,
}

/// What is added to a total when a view is saved. A total exists from the first addition on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addition {
    /// The total's key.
    pub total: String,
    /// The list that the total stands in.
    pub listed: ListedAt,
    /// What is added to each of its amounts; it may be negative.
    pub amounts: BTreeMap<String, i64>,
}

/// A view to be saved.
#[derive(Debug, Clone)]
pub struct Change<'a, V> {
    /// The key that it is under.
    pub key: &'a str,
    /// The view.
    pub view: &'a V,
    /// The revision that it is to replace, and no other.
    pub seen: Revision,
    /// Where it stands from now on; `None` takes it out of the list that it stood in.
    pub listed: Option<ListedAt>,
    /// What it adds to totals, in the same write.
    pub additions: Vec<Addition>,
}

impl<'a, V> Change<'a, V> {
    /// A view in no list.
    pub fn new(key: &'a str, view: &'a V, seen: Revision) -> Self {
        Self {
            key,
            view,
            seen,
            listed: None,
            additions: Vec::new(),
        }
    }
}

/// Writes views.
pub trait SaveView: Clone + Send + Sync + 'static {
    /// Saves a view over the revision that was seen, and over no other.
    ///
    /// # Errors
    /// [`SaveViewError::Conflict`], with which nothing was saved, and [`SaveViewError::Unavailable`],
    /// after which it is unknown whether it was: the same change again then conflicts with itself.
    ///
    /// # Cost
    /// One request, and a write unit for each kilobyte; the same once more for a view in a list, and
    /// twice all of it, and two units for each total, where there are additions.
    fn save<V: Serialize + Sync>(
        &self,
        change: &Change<'_, V>,
    ) -> impl Future<Output = Result<(), SaveViewError>> + Send;
}

/// Which part of a list.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// The list.
    pub list: &'a str,
    /// The first place, in the order of places.
    pub from: Option<&'a str>,
    /// The last place.
    pub to: Option<&'a str>,
    /// Whether the last places come first.
    pub reversed: bool,
    /// Goes on behind an earlier page.
    pub after: Option<&'a Cursor>,
    /// How many entries at most.
    pub max: u32,
}

impl<'a> Page<'a> {
    /// The first entries of a list, `max` at most.
    #[must_use]
    pub fn of(list: &'a str, max: u32) -> Self {
        Self {
            list,
            from: None,
            to: None,
            reversed: false,
            after: None,
            max,
        }
    }
}

/// Where a page ended. It belongs to one list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Cursor {
    /// The place of the last entry.
    pub place: String,
    /// Its key.
    pub key: String,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing<T> {
    /// The entries in order.
    pub entries: Vec<T>,
    /// Where the next page goes on; `None` at the end of the list.
    pub next: Option<Cursor>,
}

/// A total, as it stands in its list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Total {
    /// Its place.
    pub place: String,
    /// Its amounts by name.
    pub amounts: BTreeMap<String, i64>,
}

/// Reads lists. A list may lag behind its views for a moment.
pub trait ListViews: Clone + Send + Sync + 'static {
    /// Views of a list.
    ///
    /// # Errors
    /// [`Unavailable`], also when one of the views cannot be read.
    ///
    /// # Cost
    /// One request, and half a read unit for each four kilobytes of the page; one more for each
    /// megabyte.
    fn list<V: DeserializeOwned + Send>(
        &self,
        page: &Page<'_>,
    ) -> impl Future<Output = Result<Listing<V>, Unavailable>> + Send;

    /// Totals of a list.
    ///
    /// # Errors
    /// [`Unavailable`].
    ///
    /// # Cost
    /// That of [`list`](ListViews::list).
    fn totals(
        &self,
        page: &Page<'_>,
    ) -> impl Future<Output = Result<Listing<Total>, Unavailable>> + Send;
}

/// Views in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryViews(Arc<Mutex<HashMap<String, Row>>>);

#[derive(Debug, Clone, Default)]
struct Row {
    revision: u64,
    body: String,
    listed: Option<ListedAt>,
    amounts: BTreeMap<String, i64>,
}

impl MemoryViews {
    fn rows(&self) -> MutexGuard<'_, HashMap<String, Row>> {
        self.0.lock().expect("no user panicked")
    }

    fn page<T>(
        &self,
        page: &Page<'_>,
        entry: impl Fn(&Row, &str) -> Result<T, Unavailable>,
    ) -> Result<Listing<T>, Unavailable> {
        let rows = self.rows();
        let mut found: Vec<_> = rows
            .iter()
            .filter_map(|(key, row)| {
                let listed = row.listed.as_ref().filter(|l| l.list == page.list)?;
                let place = listed.place.as_str();
                let within = page.from.is_none_or(|from| from <= place)
                    && page.to.is_none_or(|to| place <= to);
                within.then_some((place, key.as_str(), row))
            })
            .collect();
        found.sort_by_key(|(place, key, _)| (*place, *key));
        if page.reversed {
            found.reverse();
        }
        if let Some(after) = page.after {
            let after = (after.place.as_str(), after.key.as_str());
            found.retain(|(place, key, _)| {
                let own = (*place, *key);
                if page.reversed {
                    own < after
                } else {
                    own > after
                }
            });
        }
        let more = found.len() > page.max as usize;
        found.truncate(page.max as usize);
        let next = found.last().filter(|_| more).map(|(place, key, _)| Cursor {
            place: (*place).to_owned(),
            key: (*key).to_owned(),
        });
        let entries = found.into_iter().map(|(place, _, row)| entry(row, place));
        Ok(Listing {
            entries: entries.collect::<Result<_, _>>()?,
            next,
        })
    }
}

impl LoadView for MemoryViews {
    async fn load<V: DeserializeOwned>(
        &self,
        key: &str,
        _: Consistency,
    ) -> Result<Option<Viewed<V>>, Unavailable> {
        let rows = self.rows();
        let Some(row) = rows.get(key) else {
            return Ok(None);
        };
        let view =
            serde_json::from_str(&row.body).map_err(|e| Unavailable::new("views:load", e))?;
        Ok(Some(Viewed {
            view,
            revision: Revision(row.revision),
        }))
    }
}

impl SaveView for MemoryViews {
    async fn save<V: Serialize + Sync>(&self, change: &Change<'_, V>) -> Result<(), SaveViewError> {
        let body = serde_json::to_string(change.view);
        let body = body.map_err(|e| Unavailable::new("views:save", e))?;
        let mut rows = self.rows();
        if rows.get(change.key).map_or(0, |row| row.revision) != change.seen.0 {
            return Err(SaveViewError::Conflict);
        }
        let row = Row {
            revision: change.seen.0 + 1,
            body,
            listed: change.listed.clone(),
            amounts: BTreeMap::new(),
        };
        rows.insert(change.key.to_owned(), row);
        for addition in &change.additions {
            let total = rows.entry(addition.total.clone()).or_default();
            total.listed = Some(addition.listed.clone());
            for (name, amount) in &addition.amounts {
                *total.amounts.entry(name.clone()).or_default() += amount;
            }
        }
        Ok(())
    }
}

impl ListViews for MemoryViews {
    async fn list<V: DeserializeOwned + Send>(
        &self,
        page: &Page<'_>,
    ) -> Result<Listing<V>, Unavailable> {
        self.page(page, |row, _| {
            serde_json::from_str(&row.body).map_err(|e| Unavailable::new("views:list", e))
        })
    }

    async fn totals(&self, page: &Page<'_>) -> Result<Listing<Total>, Unavailable> {
        self.page(page, |row, place| {
            Ok(Total {
                place: place.to_owned(),
                amounts: row.amounts.clone(),
            })
        })
    }
}
