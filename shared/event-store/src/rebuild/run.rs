//! Runs a rebuild: all segments side by side, each page by page.
//!
//! The segments share one task and one checkpoint. Whichever has applied a page advances its own
//! place and saves the whole under a lock, so that a checkpoint is never older than the one before.

use std::num::NonZeroU32;
use std::time::Duration;

use envelope::Timestamp;
use futures::future::try_join_all;
use ports::{Clock, LoadView, SaveView};
use tokio::sync::Mutex;

use super::pace::{Pace, Patience};
use super::page::{self, Run};
use super::{
    ApplyError, Checkpoint, Checkpoints, OnUnreadable, Place, Progress, ReadModel, Rebuild,
    RebuildError, Rebuilding, Rebuilt, SetAside,
};
use crate::{Commit, ReadError, Scan, ScanPage};

/// What the segments share.
struct Shared<'a, S, V, C, K, P> {
    rebuild: &'a Rebuild<S, V, C, K>,
    context: Rebuilding<V>,
    segments: u32,
    pace: Pace,
    started: Timestamp,
    estimated_total: Option<u64>,
    /// Commits that earlier runs have read.
    before: u64,
    reached: Mutex<(Checkpoint, P)>,
}

/// What became of a page.
#[derive(Default)]
struct Applied {
    place: Place,
    commits: u64,
    events: u64,
    set_aside: Vec<SetAside>,
    left_out: u64,
}

pub(super) async fn run<M, S, V, C, K>(
    rebuild: &Rebuild<S, V, C, K>,
    progress: impl FnMut(&Progress) + Send,
) -> Result<Rebuilt, RebuildError>
where
    M: ReadModel,
    S: Scan,
    V: LoadView + SaveView,
    C: Clock,
    K: Checkpoints,
{
    let checkpoint = begin(rebuild).await?;
    let places = checkpoint.places.clone();
    let shared = Shared {
        rebuild,
        context: Rebuilding::new(rebuild.views.clone()),
        segments: u32::try_from(places.len()).expect("it was a number of segments"),
        pace: Pace::new(rebuild.rate),
        started: rebuild.clock.now(),
        estimated_total: rebuild.store.estimate().await,
        before: checkpoint.commits,
        reached: Mutex::new((checkpoint, progress)),
    };
    let segments = places.into_iter().enumerate();
    let segments = segments.map(|(segment, place)| shared.segment::<M>(segment, place));
    try_join_all(segments).await?;
    let (checkpoint, _) = shared.reached.into_inner();
    let mut patience = Patience::new(&rebuild.clock, 0);
    while let Err(error) = rebuild.checkpoints.clear(&rebuild.name).await {
        patience.unavailable(error).await?;
    }
    Ok(Rebuilt {
        commits: checkpoint.commits,
        events: checkpoint.events,
        set_aside: checkpoint.set_aside,
        left_out: checkpoint.left_out,
    })
}

/// Where it begins. From the beginning that is saved at once, so that a rebuild which ends early
/// is not resumed from where an older one had come.
async fn begin<S, V, C, K>(rebuild: &Rebuild<S, V, C, K>) -> Result<Checkpoint, RebuildError>
where
    C: Clock,
    K: Checkpoints,
{
    let (name, kept) = (&rebuild.name, &rebuild.checkpoints);
    let mut patience = Patience::new(&rebuild.clock, 0);
    if rebuild.resume {
        let found = loop {
            match kept.load(name).await {
                Ok(found) => break found,
                Err(error) => patience.unavailable(error).await?,
            }
        };
        if let Some(found) = found.filter(|found| !found.places.is_empty()) {
            return Ok(found);
        }
    }
    let checkpoint = Checkpoint {
        places: vec![Place::default(); NonZeroU32::get(rebuild.segments) as usize],
        ..Checkpoint::default()
    };
    while let Err(error) = kept.save(name, &checkpoint).await {
        patience.unavailable(error).await?;
    }
    Ok(checkpoint)
}

impl<S, V, C, K, P> Shared<'_, S, V, C, K, P>
where
    S: Scan,
    V: LoadView + SaveView,
    C: Clock,
    K: Checkpoints,
    P: FnMut(&Progress) + Send,
{
    async fn segment<M: ReadModel>(
        &self,
        segment: usize,
        mut place: Place,
    ) -> Result<(), RebuildError> {
        while !place.done {
            let read = self.read(segment, &place);
            let page = self.pace.keep(&self.rebuild.clock, read).await?;
            let applied = self.apply_page::<M>(segment, place, page).await?;
            place = applied.place.clone();
            self.advance(segment, applied).await?;
        }
        Ok(())
    }

    async fn read(&self, segment: usize, place: &Place) -> Result<ScanPage, RebuildError> {
        let mut patience = Patience::new(&self.rebuild.clock, segment);
        let number = u32::try_from(segment).expect("less than the number of segments");
        let items = self.rebuild.page.get();
        loop {
            let store = &self.rebuild.store;
            let read = store.scan(number, self.segments, place.next.as_ref(), items);
            let error = match read.await {
                Ok(page) => match page.commits.iter().find_map(unavailable) {
                    Some(error) => error.clone(),
                    None => return Ok(page),
                },
                Err(error) => error,
            };
            patience.unavailable(error).await?;
        }
    }

    async fn apply_page<M: ReadModel>(
        &self,
        segment: usize,
        place: Place,
        page: ScanPage,
    ) -> Result<Applied, RebuildError> {
        let sorted = page::sort::<M>(page.commits, place.standing);
        let mut applied = Applied {
            place: Place {
                done: page.next.is_none(),
                next: page.next,
                standing: sorted.standing,
            },
            commits: sorted.commits,
            ..Applied::default()
        };
        for mut run in sorted.runs {
            applied.events += self.apply::<M>(segment, &mut run).await?;
            if let Some(wrong) = run.wrong.first()
                && self.rebuild.on_unreadable == OnUnreadable::Stop
            {
                return Err(RebuildError::Unreadable(wrong.clone()));
            }
            if applied.place.standing.as_ref().map(|at| &at.stream) == Some(&run.stream) {
                applied.place.standing = Some(run.standing());
            }
            applied.left_out += run.left_out;
            applied.set_aside.append(&mut run.wrong);
        }
        Ok(applied)
    }

    /// Gives the commits to the model, up to one that it cannot read. Returns the number of events.
    async fn apply<M: ReadModel>(
        &self,
        segment: usize,
        run: &mut Run,
    ) -> Result<u64, RebuildError> {
        let mut patience = Patience::new(&self.rebuild.clock, segment);
        // Each round either ends, or spends patience, or leaves fewer commits.
        while let Some(first) = run.commits.first() {
            let stream = first.stream.clone();
            let events: Vec<_> = run.commits.iter().flat_map(Commit::envelopes).collect();
            match M::apply(&self.context, &stream, &events).await {
                Ok(()) => return Ok(events.len() as u64),
                Err(ApplyError::Unreadable { version, source }) => {
                    run.cut(version, source.to_string());
                }
                Err(ApplyError::Unavailable(error)) => patience.unavailable(error).await?,
                Err(ApplyError::Conflict) => patience.conflict(&run.stream).await?,
                Err(ApplyError::Behind { at }) => {
                    let stream = run.stream.clone();
                    return Err(RebuildError::Behind { stream, at });
                }
            }
        }
        Ok(0)
    }

    async fn advance(&self, segment: usize, applied: Applied) -> Result<(), RebuildError> {
        let mut reached = self.reached.lock().await;
        let (checkpoint, progress) = &mut *reached;
        checkpoint.places[segment] = applied.place;
        checkpoint.commits += applied.commits;
        checkpoint.events += applied.events;
        checkpoint.left_out += applied.left_out;
        checkpoint.set_aside.extend(applied.set_aside);
        let mut patience = Patience::new(&self.rebuild.clock, segment);
        let (name, kept) = (&self.rebuild.name, &self.rebuild.checkpoints);
        while let Err(error) = kept.save(name, checkpoint).await {
            patience.unavailable(error).await?;
        }
        progress(&self.progress(checkpoint));
        Ok(())
    }

    fn progress(&self, checkpoint: &Checkpoint) -> Progress {
        let now = self.rebuild.clock.now();
        let millis = now.as_millis() - self.started.as_millis();
        let elapsed = Duration::from_millis(u64::try_from(millis).unwrap_or(0));
        Progress {
            commits: checkpoint.commits,
            events: checkpoint.events,
            unreadable: checkpoint.set_aside.len() as u64,
            elapsed,
            estimated_total: self.estimated_total,
            time_left: self.estimated_total.and_then(|total| {
                let left = total.checked_sub(checkpoint.commits)?;
                time_left(elapsed, checkpoint.commits - self.before, left)
            }),
        }
    }
}

/// How long `left` takes if `done` took `elapsed`.
fn time_left(elapsed: Duration, done: u64, left: u64) -> Option<Duration> {
    if done == 0 {
        return None;
    }
    let millis = elapsed.as_millis() * u128::from(left) / u128::from(done);
    Some(Duration::from_millis(u64::try_from(millis).ok()?))
}

fn unavailable(row: &Result<Commit, ReadError>) -> Option<&ports::Unavailable> {
    match row {
        Err(ReadError::Unavailable(error)) => Some(error),
        _ => None,
    }
}
