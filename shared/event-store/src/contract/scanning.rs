//! Cases about reading the whole table. It may hold the streams of other cases, which come and go
//! meanwhile: each case looks at its own.

use std::collections::HashSet;

use envelope::{StreamId, Timestamp, Version};

use super::appending::commit_of;
use super::tally::{Added, fresh_cause, fresh_stream};
use super::transacting::claim_of;
use crate::{
    AppendAll, Carried, Commit, Cursor, ReadError, Recent, SaveSnapshot, Scan, ScanPage, Snapshot,
};

/// Streams of 1, 2, 3 and so on commits, of one to three events each.
async fn append_streams<S: AppendAll>(store: &S, streams: usize) -> Vec<Commit> {
    let mut stored = Vec::new();
    for commits in 1..=streams {
        let stream = fresh_stream();
        let mut head = 0;
        for index in 0..commits {
            let events = vec![Added::amount(1); index % 3 + 1];
            let commit = commit_of(&stream, head, &events);
            store.append(&commit).await.expect("the place is free");
            head = commit.last().get();
            stored.push(commit);
        }
    }
    stored
}

async fn page<S: Scan>(
    store: &S,
    (segment, segments): (u32, u32),
    from: Option<&Cursor>,
    commits_max: u32,
) -> ScanPage {
    let page = store.scan(segment, segments, from, commits_max).await;
    let page = page.expect("the store answers");
    assert!(page.commits.len() <= commits_max as usize);
    assert!(page.read_units >= 0.0);
    page
}

/// The commits of these streams in one segment, in the order of the scan.
async fn scan<S: Scan>(
    store: &S,
    segment: (u32, u32),
    mut from: Option<Cursor>,
    commits_max: u32,
    own: &HashSet<String>,
) -> Vec<Commit> {
    let mut commits = Vec::new();
    loop {
        let page = page(store, segment, from.as_ref(), commits_max).await;
        commits.extend(only(own, page.commits));
        match page.next {
            Some(next) => from = Some(next),
            None => return commits,
        }
    }
}

fn only(own: &HashSet<String>, page: Vec<Result<Commit, ReadError>>) -> Vec<Commit> {
    let readable = page.into_iter().filter_map(Result::ok);
    readable
        .filter(|commit| own.contains(&commit.stream.to_string()))
        .collect()
}

fn streams_of(commits: &[Commit]) -> HashSet<String> {
    let streams = commits.iter().map(|commit| commit.stream.to_string());
    streams.collect()
}

fn of_stream<'a>(commits: &'a [Commit], stream: &StreamId) -> Vec<&'a Commit> {
    let own = commits.iter().filter(|commit| commit.stream == *stream);
    own.collect()
}

/// However many segments there are, and however few commits are on a page.
pub async fn every_commit_is_scanned_exactly_once_and_each_stream_in_order<S>(store: S)
where
    S: Scan + AppendAll,
{
    let stored = append_streams(&store, 12).await;
    let own = streams_of(&stored);
    for (segments, commits_max) in [(1, 7), (3, 2), (5, 1_000)] {
        let mut scanned = Vec::new();
        for segment in 0..segments {
            scanned.extend(scan(&store, (segment, segments), None, commits_max, &own).await);
        }
        assert_eq!(scanned.len(), stored.len(), "{segments} segments");
        for commit in &stored {
            assert_eq!(
                of_stream(&scanned, &commit.stream),
                of_stream(&stored, &commit.stream),
                "{segments} segments, pages of {commits_max}"
            );
        }
    }
}

/// As a whole, and its commits follow each other: no other stream's stand between them.
pub async fn a_stream_lies_in_one_segment<S: Scan + AppendAll>(store: S) {
    let stored = append_streams(&store, 8).await;
    let own = streams_of(&stored);
    let mut seen = HashSet::new();
    for segment in 0..4 {
        let scanned = scan(&store, (segment, 4), None, 3, &own).await;
        for together in scanned.chunk_by(|one, next| one.stream == next.stream) {
            let stream = &together[0].stream;
            assert!(seen.insert(stream.clone()), "{stream} is torn apart");
        }
    }
    assert_eq!(seen.len(), own.len());
}

/// Also from a cursor that was text in between: exactly the rest, in the same order.
pub async fn a_scan_goes_on_behind_its_cursor<S: Scan + AppendAll>(store: S) {
    let stored = append_streams(&store, 6).await;
    let own = streams_of(&stored);
    for segment in 0..2 {
        let whole = scan(&store, (segment, 2), None, 4, &own).await;
        let mut before = Vec::new();
        let mut from: Option<Cursor> = None;
        // Other cases may add to the table meanwhile, but never to these streams.
        loop {
            let page = page(&store, (segment, 2), from.as_ref(), 5).await;
            let here = only(&own, page.commits);
            if !here.is_empty() {
                let rest = scan(&store, (segment, 2), from, 100, &own).await;
                assert_eq!([&before[..], &rest].concat(), whole);
            }
            before.extend(here);
            let Some(next) = page.next else { break };
            let text = serde_json::to_string(&next).expect("text");
            from = Some(serde_json::from_str(&text).expect("a cursor"));
        }
        assert_eq!(before, whole);
    }
}

/// Neither a snapshot nor a claim is a commit, and neither is a row that cannot be read.
pub async fn what_is_no_commit_is_passed_over<S: Scan + AppendAll + SaveSnapshot>(store: S) {
    let (stream, cause) = (fresh_stream(), fresh_cause());
    let commit = commit_of(&stream, 0, &[Added::amount(1)]);
    let claim = claim_of(&cause, "");
    let commits = std::slice::from_ref(&commit);
    let claimed = store.append_all(commits, Some(&claim)).await;
    claimed.expect("the place is free");
    let snapshot = Snapshot {
        version: Version::new(1),
        time: Timestamp::from_millis(0),
        carried: Carried {
            layout: 1,
            state: b"{}".to_vec(),
            recent: Recent::default(),
        },
        payload: None,
    };
    let saved = store.save_snapshot(&stream, &snapshot).await;
    assert!(saved.expect("saved"), "it is the first one");
    let names = [stream.to_string(), cause.commit_id().as_str().to_owned()];
    let (mut found, mut from) = (Vec::new(), None);
    loop {
        let page = page(&store, (0, 1), from.as_ref(), 100).await;
        for row in page.commits {
            match row {
                Ok(commit) if commit.stream == stream => found.push(commit),
                Err(error) => {
                    let text = error.to_string();
                    assert!(!names.iter().any(|name| text.contains(name)), "{text}");
                }
                Ok(_) => {}
            }
        }
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    assert_eq!(found, [commit]);
}

/// A reader that goes on from nowhere must not begin anew in silence.
pub async fn a_cursor_that_no_store_has_made_is_refused<S: Scan>(store: S) {
    let cursor = Cursor::from_text("nowhere");
    let answer = store.scan(0, 1, Some(&cursor), 10).await;
    assert!(answer.is_err(), "{answer:?}");
    for (segment, segments, commits_max) in [(1, 1, 10), (0, 0, 10), (0, 1, 0)] {
        let answer = store.scan(segment, segments, None, commits_max).await;
        assert!(answer.is_err(), "{segment} of {segments}: {answer:?}");
    }
}
