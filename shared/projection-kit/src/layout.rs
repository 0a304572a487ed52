//! Which layout of a read model queries read.
//!
//! While a projection names the layout before it, every event is folded into both. So the new one
//! can be built in peace from history, queries go over in one write, and they can go back.

use ports::{Change, Consistency, LoadView, Revision, SaveView, SaveViewError, Unavailable};
use serde::{Deserialize, Serialize};

use crate::{Nothing, Projection};

/// The layout that queries read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    /// Its version.
    pub layout: u32,
}

/// Why queries did not go over to another layout.
#[derive(Debug, thiserror::Error)]
pub enum SwitchError {
    /// The running code does not keep that layout.
    #[error("layout {layout} of {name} is not kept: there are {kept}")]
    NotKept {
        /// The read model.
        name: &'static str,
        /// What was asked for.
        layout: u32,
        /// What there is.
        kept: String,
    },
    /// Somebody else switched at the same time.
    #[error("somebody else switched the layout at the same time; look which one is read now")]
    Conflict,
    /// The views are not available.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

fn has_before<P: Projection>() -> bool {
    P::Before::LAYOUT != Nothing::LAYOUT
}

fn pointer<P: Projection>() -> String {
    format!("layout#{}", P::NAME)
}

async fn find<P: Projection, V: LoadView>(views: &V) -> Result<(Live, Revision), Unavailable> {
    let found = views
        .load::<Live>(&pointer::<P>(), Consistency::Strong)
        .await?;
    let layout = if has_before::<P>() {
        P::Before::LAYOUT
    } else {
        P::LAYOUT
    };
    Ok(
        found.map_or((Live { layout }, Revision::default()), |found| {
            (found.view, found.revision)
        }),
    )
}

/// The layout that queries read: the one that they were switched to, or else the oldest that is kept.
///
/// # Errors
/// [`Unavailable`].
///
/// # Cost
/// Nothing if there is no layout before; otherwise one request and one read unit.
pub async fn live<P: Projection, V: LoadView>(views: &V) -> Result<Live, Unavailable> {
    let layout = if reads_before::<P, V>(views).await? {
        P::Before::LAYOUT
    } else {
        P::LAYOUT
    };
    Ok(Live { layout })
}

/// Whether queries read the layout before. A pointer to a layout that this code does not know yet is
/// from newer code, which was taken back: the newest that there is, is read.
pub(crate) async fn reads_before<P: Projection, V: LoadView>(
    views: &V,
) -> Result<bool, Unavailable> {
    Ok(has_before::<P>() && find::<P, V>(views).await?.0.layout < P::LAYOUT)
}

/// Has queries read another layout from now on: a new one when it is complete, or the one before.
///
/// # Errors
/// [`SwitchError`]. Queries then read what they have read before.
///
/// # Cost
/// Two requests, a read unit and a write unit.
pub async fn switch<P: Projection, V: LoadView + SaveView>(
    views: &V,
    layout: u32,
) -> Result<(), SwitchError> {
    let before = has_before::<P>().then_some(P::Before::LAYOUT);
    if layout != P::LAYOUT && Some(layout) != before {
        let before = before.map_or_else(String::new, |before| format!("{before} and "));
        return Err(SwitchError::NotKept {
            name: P::NAME,
            layout,
            kept: format!("{before}{}", P::LAYOUT),
        });
    }
    let (_, seen) = find::<P, V>(views).await?;
    let (key, live) = (pointer::<P>(), Live { layout });
    let saved = views.save(&Change::new(&key, &live, seen)).await;
    saved.map_err(|error| match error {
        SaveViewError::Conflict => SwitchError::Conflict,
        SaveViewError::Unavailable(error) => error.into(),
    })
}
