//! Several streams in one view, of which one is none of a layout's concern, or cannot be read.

use super::*;

/// A projection of two kinds of streams, which folds into its view what it can.
#[derive(Debug)]
enum Both {}

impl Projection for Both {
    const NAME: &'static str = "both";
    const FUNCTION: &'static str = "project-both";
    const LAYOUT: u32 = 2;
    /// Knows tallies only.
    type Before = Tallies;
    type View = u64;

    fn view_of(stream: &StreamId) -> Option<&str> {
        Some(stream.aggregate_id())
    }

    fn new(_: &str) -> u64 {
        0
    }

    fn fold(view: &mut u64, event: &Envelope) -> Result<(), UnreadableEvent> {
        *view += amount(event)?;
        Ok(())
    }

    fn upgrade(before: u64) -> u64 {
        before
    }
}

#[derive(Debug)]
enum Tallies {}

impl Projection for Tallies {
    const NAME: &'static str = "both";
    const FUNCTION: &'static str = "project-both";
    const LAYOUT: u32 = 1;
    type Before = Nothing;
    type View = u64;

    fn view_of(stream: &StreamId) -> Option<&str> {
        (stream.aggregate_type() == "Tally").then(|| stream.aggregate_id())
    }

    fn new(_: &str) -> u64 {
        0
    }

    fn fold(view: &mut u64, event: &Envelope) -> Result<(), UnreadableEvent> {
        *view += amount(event)?;
        Ok(())
    }

    fn upgrade(before: Nothing) -> u64 {
        match before {}
    }
}

#[tokio::test]
async fn a_layout_gets_the_streams_that_it_is_folded_from_and_no_others() {
    let (memory, views) = (Memory::default(), Views::default());
    let tally = history(&memory, "a", 1).await;
    let mut other = tally[0].clone();
    other.aggregate_type = "Other".to_owned();
    let projector = projector::<Both>(&memory, &views);
    let answers = projector.react(&[tally[0].clone(), other]).await;
    assert_eq!(done(answers), [Done::Handled; 2]);
    assert_eq!(views.read::<Tallies>("a").await, Some(1));
    switch::<Both, _>(&views, 2).await.expect("kept");
    assert_eq!(views.read::<Both>("a").await, Some(2));
}

/// A store whose one kind of stream cannot be read.
#[derive(Clone)]
struct Broken(Memory);

impl Load for Broken {
    async fn load(
        &self,
        stream: &StreamId,
        layout: u32,
        until: Version,
        consistency: Consistency,
    ) -> Result<Loaded, ReadError> {
        self.0.load(stream, layout, until, consistency).await
    }

    async fn read(
        &self,
        stream: &StreamId,
        from: Version,
        to: Version,
        consistency: Consistency,
    ) -> Result<Vec<Commit>, ReadError> {
        if stream.aggregate_type() == "Other" {
            let stream = stream.to_string();
            let (version, what) = (1, "garbled".to_owned());
            return Err(ReadError::Corrupt {
                stream,
                version,
                what,
            });
        }
        self.0.read(stream, from, to, consistency).await
    }
}

#[tokio::test]
async fn a_stream_that_cannot_be_read_keeps_no_other_out_of_the_view() {
    let (memory, views) = (Memory::default(), Views::default());
    let tally = history(&memory, "a", 2).await;
    let mut other = tally[1].clone();
    other.aggregate_type = "Other".to_owned();
    let broken = Projector::<Both, _, _, _>::new(Broken(memory), views.clone(), clock());
    let answers = broken.react(&[other, tally[1].clone()]).await;
    let right = matches!(answers[..], [Err(Failure::Terminal(_)), Ok(Done::Handled)]);
    assert!(right, "{answers:?}");
    switch::<Both, _>(&views, 2).await.expect("kept");
    assert_eq!(views.read::<Both>("a").await, Some(3));
}
