//! A view as it is stored, with how far each of its streams is folded into it.

use std::collections::BTreeMap;

use envelope::{Envelope, StreamId, UnreadableEvent, Version};
use ports::{
    Addition, Change, Consistency, ListViews, ListedAt, Listing, LoadView, Page, Revision,
    SaveView, SaveViewError, Total, Unavailable,
};
use serde::{Deserialize, Serialize};

use crate::layout::reads_before;
use crate::projection::{key, part};
use crate::{Amounts, Projection};

/// A view, and the versions of the streams in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row<V> {
    /// How far each stream has been folded, by aggregate type.
    pub versions: BTreeMap<String, Version>,
    /// The view.
    pub view: V,
}

/// Why events were not all folded. Those before are in the view.
#[derive(Debug, Clone)]
pub(crate) enum Stopped {
    /// Events are missing behind this version.
    Hole { at: Version },
    /// The event at this version cannot be read.
    Unreadable {
        version: Version,
        source: UnreadableEvent,
    },
}

impl<V> Row<V> {
    /// How far the stream of this aggregate type has been folded.
    #[must_use]
    pub fn version_of(&self, aggregate_type: &str) -> Version {
        self.versions
            .get(aggregate_type)
            .copied()
            .unwrap_or_default()
    }

    /// How many events are in the view: the sum of its streams' versions. It only grows, so of two
    /// states of a view the newer one has the larger revision.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.versions.values().map(|version| version.get()).sum()
    }

    /// Folds what is new of a stream's events, which are in order.
    pub(crate) fn take_up<P: Projection<View = V>>(
        &mut self,
        stream: &StreamId,
        events: &[Envelope],
    ) -> Result<(), Stopped> {
        let kind = stream.aggregate_type();
        for event in events {
            let at = self.version_of(kind);
            if event.version > at.next() {
                return Err(Stopped::Hole { at });
            }
            if event.version < at.next() {
                continue;
            }
            P::fold(&mut self.view, event).map_err(|source| Stopped::Unreadable {
                version: event.version,
                source,
            })?;
            self.versions.insert(kind.to_owned(), event.version);
        }
        Ok(())
    }
}

/// A row as it was read, to be changed and saved.
pub(crate) struct Opened<P: Projection> {
    key: String,
    before: Option<Row<P::View>>,
    seen: Revision,
    pub(crate) row: Row<P::View>,
}

impl<P: Projection> Opened<P> {
    pub(crate) async fn load<V: LoadView>(
        views: &V,
        id: &str,
        consistency: Consistency,
    ) -> Result<Self, Unavailable> {
        let key = key::<P>(id);
        let found = views.load::<Row<P::View>>(&key, consistency).await?;
        let (before, seen) = match found {
            Some(found) => (Some(found.view), found.revision),
            None => (None, Revision::default()),
        };
        let empty = || Row {
            versions: BTreeMap::new(),
            view: P::new(id),
        };
        Ok(Self {
            key,
            row: before.clone().unwrap_or_else(empty),
            before,
            seen,
        })
    }

    /// How far a stream had been folded when the row was read.
    pub(crate) fn version_before(&self, aggregate_type: &str) -> Version {
        let before = self.before.as_ref();
        before.map_or(Version::ZERO, |row| row.version_of(aggregate_type))
    }

    /// Whether there is anything to save.
    pub(crate) fn is_changed(&self) -> bool {
        let before = self.before.as_ref().map(|row| &row.versions);
        before.map_or(!self.row.versions.is_empty(), |before| {
            *before != self.row.versions
        })
    }

    pub(crate) async fn save<V: SaveView>(&self, views: &V) -> Result<(), SaveViewError> {
        let place = P::place(&self.row.view);
        let before = self.before.as_ref().map(|row| P::amounts(&row.view));
        let change = Change {
            listed: place.map(|place| listed::<P>(&place.list, place.place)),
            additions: self.additions(&before.unwrap_or_default(), &P::amounts(&self.row.view)),
            ..Change::new(&self.key, &self.row, self.seen)
        };
        views.save(&change).await
    }

    /// What has changed between two states of the view, for this view's part of the totals.
    fn additions(&self, before: &[Amounts], after: &[Amounts]) -> Vec<Addition> {
        let mut changes = BTreeMap::<_, BTreeMap<String, i64>>::new();
        for (sign, all) in [(-1, before), (1, after)] {
            for one in all {
                let total = changes.entry((&one.list, &one.place)).or_default();
                for (name, amount) in &one.amounts {
                    *total.entry(name.clone()).or_default() += sign * amount;
                }
            }
        }
        let part = part(&self.key);
        let changes = changes.into_iter().filter_map(|((list, place), amounts)| {
            let amounts: BTreeMap<_, _> = amounts.into_iter().filter(|(_, by)| *by != 0).collect();
            (!amounts.is_empty()).then(|| Addition {
                total: key::<P>(&format!("{list}#{place}#{part}")),
                listed: listed::<P>(list, format!("{place}#{part}")),
                amounts,
            })
        });
        changes.collect()
    }
}

fn listed<P: Projection>(list: &str, place: String) -> ListedAt {
    ListedAt {
        list: key::<P>(list),
        place,
    }
}

/// The view with this id, of the layout that queries read.
///
/// # Errors
/// [`Unavailable`], also for a view that cannot be read.
///
/// # Cost
/// One request and half a read unit for each four kilobytes, or a whole one if strongly consistent;
/// the same once more while there is a layout before, to know which one is read.
pub async fn load_row<P: Projection, V: LoadView>(
    views: &V,
    id: &str,
    consistency: Consistency,
) -> Result<Option<Row<P::View>>, Unavailable> {
    if reads_before::<P, V>(views).await? {
        let found = views.load(&key::<P::Before>(id), consistency).await?;
        return Ok(found.map(|found| upgraded::<P>(found.view)));
    }
    let found = views.load(&key::<P>(id), consistency).await?;
    Ok(found.map(|found| found.view))
}

fn upgraded<P: Projection>(before: Row<<P::Before as Projection>::View>) -> Row<P::View> {
    Row {
        versions: before.versions,
        view: P::upgrade(before.view),
    }
}

/// Whether the view of this stream has reached a version of it, and is one that `counts`; `None` if the
/// projection keeps no view of such streams. To be asked before a query whose caller has written to the stream.
///
/// # Errors
/// [`Unavailable`], also for a view that cannot be read.
///
/// # Cost
/// [`load_row`], eventually consistent.
pub async fn has_reached<P: Projection, V: LoadView>(
    views: &V,
    stream: &StreamId,
    version: Version,
    counts: impl Fn(&P::View) -> bool,
) -> Result<Option<bool>, Unavailable> {
    let Some(id) = P::view_of(stream) else {
        return Ok(None);
    };
    let row = load_row::<P, V>(views, id, Consistency::Eventual).await?;
    Ok(Some(row.is_some_and(|row| {
        row.version_of(stream.aggregate_type()) >= version && counts(&row.view)
    })))
}

/// Views of a list, of the layout that queries read. The page names the list as the projection does.
///
/// # Errors
/// [`Unavailable`], also for a view that cannot be read.
///
/// # Cost
/// That of [`ListViews::list`] and of [`live`](crate::live).
pub async fn list_rows<P: Projection, V: LoadView + ListViews>(
    views: &V,
    page: Page<'_>,
) -> Result<Listing<Row<P::View>>, Unavailable> {
    if !reads_before::<P, V>(views).await? {
        let list = key::<P>(page.list);
        return views
            .list(&Page {
                list: &list,
                ..page
            })
            .await;
    }
    let list = key::<P::Before>(page.list);
    let found = views
        .list(&Page {
            list: &list,
            ..page
        })
        .await?;
    Ok(Listing {
        entries: found.entries.into_iter().map(upgraded::<P>).collect(),
        next: found.next,
    })
}

/// Entries of a page of totals.
const TOTALS: u32 = 500;

/// All totals of a list, of the layout that queries read, by place: a list should have no more of
/// them than one answer is to have.
///
/// # Errors
/// [`Unavailable`].
///
/// # Cost
/// That of [`ListViews::totals`] and of [`live`](crate::live).
pub async fn list_totals<P: Projection, V: LoadView + ListViews>(
    views: &V,
    list: &str,
) -> Result<Vec<Total>, Unavailable> {
    let list = if reads_before::<P, V>(views).await? {
        key::<P::Before>(list)
    } else {
        key::<P>(list)
    };
    let (mut totals, mut after) = (BTreeMap::<_, BTreeMap<_, _>>::new(), None);
    loop {
        let page = Page {
            after: after.as_ref(),
            ..Page::of(&list, TOTALS)
        };
        let found = views.totals(&page).await?;
        for Total { place, amounts } in found.entries {
            // The parts of a total are one for whoever asks.
            let place = place.rsplit_once('#').map_or(&*place, |(place, _)| place);
            let total = totals.entry(place.to_owned()).or_default();
            for (name, amount) in amounts {
                *total.entry(name).or_default() += amount;
            }
        }
        after = found.next;
        if after.is_none() {
            let total = |(place, amounts)| Total { place, amounts };
            return Ok(totals.into_iter().map(total).collect());
        }
    }
}
