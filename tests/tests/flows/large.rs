//! Events that are too large for an item: on the emulator's table and in a bucket beside it, which
//! the template has not, because no event of the domain comes near that size.

use adapter_s3::Payloads;
use adapter_s3::aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use envelope::{Aggregate, Cause, CommandId, Version};
use event_store::contract::{Added, Command, Tally};
use event_store::{ClaimChecked, Decider, Load};
use ports::{Consistency, GetPayload, SystemClock};

use crate::outside::Outside;

const BUCKET: &str = "flow-large-payloads";

async fn bucket(outside: &Outside<'_>) -> Payloads {
    let place = BucketLocationConstraint::from(outside.stack.env("AWS_REGION"));
    let place = CreateBucketConfiguration::builder().location_constraint(place);
    let create = outside.objects.create_bucket().bucket(BUCKET);
    let created = create.create_bucket_configuration(place.build());
    created.send().await.expect("a bucket");
    Payloads::new(outside.objects.clone(), BUCKET, "payloads/")
}

/// The relay has no access to the bucket, and says so instead of publishing events without data.
pub(crate) async fn an_event_of_410_kb_is_stored_beside_the_table_and_reads_back(
    outside: &Outside<'_>,
) {
    let payloads = bucket(outside).await;
    let absent = payloads.get("commits/Tally/none/1-0").await;
    assert_eq!(absent.expect("the bucket answers"), None);
    let store = ClaimChecked::new(outside.store.clone(), payloads);
    let decider = || Decider::<Tally, _, _>::new(store.clone(), SystemClock);
    let id = "flow large/../410 kB ü";
    let cause = Cause::command(&CommandId::new("flow-large").expect("an id"));
    let event = Added::amount(7).padded(410 * 1024);
    let add = Command::Add(vec![event.clone()]);
    for _ in 0..2 {
        decider().execute(id, &cause, &add).await.expect("stored");
    }
    let stream = Tally::<1>::stream(id).expect("an id");
    let strong = Consistency::Strong;
    let stored = store
        .read(&stream, Version::ZERO, Version::MAX, strong)
        .await;
    let stored = stored.expect("readable");
    assert_eq!(stored.len(), 1, "once");
    let read = stored[0].envelopes()[0].decode::<Added>();
    assert!(read.expect("an amount") == event, "as it was");
    let folded = decider().load(id, strong).await.expect("foldable");
    assert_eq!((folded.state.sum, folded.version), (7, Version::new(1)));
    // Of another layout, so that the state that rides does not help.
    let blind = Decider::<Tally<2>, _, _>::new(outside.store.clone(), SystemClock);
    assert!(blind.load(id, strong).await.is_err());
    let versions = Version::new(1)..=Version::MAX;
    let account = blind.audit(id, versions).await.expect("without the data");
    assert_eq!(account[0].event_type, "Added");
    let letter = outside.dead_letter("DLQ_RELAY_EVENTS", "fetch_data").await;
    let reason = letter["reason"].as_str().expect("a reason");
    assert!(reason.contains(&stream.to_string()), "{reason}");
}
