//! Buckets of local stacks: of the functions' packages, and of the issuer's keys.

use anyhow::{Context as _, Result};
use aws_sdk_s3::Client;
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration, Object};
use serde_json::json;

use crate::cloud::{Cloud, REGION};

/// Makes a bucket, unless it is there.
pub(crate) async fn make(cloud: &Cloud, bucket: &str) -> Result<()> {
    let client = cloud.s3();
    if client.head_bucket().bucket(bucket).send().await.is_ok() {
        return Ok(());
    }
    let place = CreateBucketConfiguration::builder()
        .location_constraint(BucketLocationConstraint::from(REGION));
    let create = client
        .create_bucket()
        .bucket(bucket)
        .create_bucket_configuration(place.build());
    let created = create.send().await;
    created.with_context(|| format!("cannot create the bucket {bucket} at {}", cloud.endpoint))?;
    Ok(())
}

/// Lets everyone read what is in a bucket.
pub(crate) async fn open(cloud: &Cloud, bucket: &str) -> Result<()> {
    let client = cloud.s3();
    let unblocked = client
        .delete_public_access_block()
        .bucket(bucket)
        .send()
        .await;
    unblocked.with_context(|| format!("cannot open the bucket {bucket}"))?;
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": format!("arn:aws:s3:::{bucket}/*"),
    }] });
    let put = client
        .put_bucket_policy()
        .bucket(bucket)
        .policy(policy.to_string());
    put.send()
        .await
        .with_context(|| format!("cannot open the bucket {bucket}"))?;
    Ok(())
}

/// Deletes a bucket with all that is in it, if it is there.
pub(crate) async fn remove(cloud: &Cloud, bucket: &str) -> Result<()> {
    let client = cloud.s3();
    if client.head_bucket().bucket(bucket).send().await.is_err() {
        return Ok(());
    }
    delete(&client, bucket, |_| true).await?;
    let deleted = client.delete_bucket().bucket(bucket).send().await;
    deleted.with_context(|| format!("cannot delete the bucket {bucket}"))?;
    Ok(())
}

/// Deletes those objects of a bucket that are wanted gone.
pub(crate) async fn delete(
    client: &Client,
    bucket: &str,
    wanted: impl Fn(&str) -> bool,
) -> Result<()> {
    let mut pages = client
        .list_objects_v2()
        .bucket(bucket)
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        let page = page.with_context(|| format!("cannot list the bucket {bucket}"))?;
        for key in page
            .contents()
            .iter()
            .filter_map(Object::key)
            .filter(|key| wanted(key))
        {
            let deleted = client.delete_object().bucket(bucket).key(key).send().await;
            deleted.with_context(|| format!("cannot delete {key} from the bucket {bucket}"))?;
        }
    }
    Ok(())
}
