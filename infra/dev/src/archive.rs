//! The bucket from which CloudFormation takes the functions' packages and the template.
//!
//! The packages of one build lie under a prefix that they determine. So a changed function changes the stack's
//! parameters, and CloudFormation itself sees what has to be updated. What earlier builds left is swept away.

use anyhow::{Context as _, Result};
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;

use crate::bucket;
use crate::cloud::Cloud;
use crate::package::{Package, fingerprint};
use crate::progress::Step;

/// A bucket with one build in it.
pub(crate) struct Archive {
    client: Client,
    /// The bucket's name.
    pub(crate) bucket: String,
    /// What the keys of the build begin with.
    pub(crate) prefix: String,
}

impl Archive {
    /// Uploads a build, unless it is there already.
    pub(crate) async fn fill(
        cloud: &Cloud,
        stack: &str,
        packages: &[Package],
        template: &str,
    ) -> Result<Self> {
        let step = Step::counted("Uploading the functions", packages.len() as u64);
        let prefix = format!("{}/", fingerprint(packages));
        let archive = Self {
            client: cloud.s3(),
            bucket: name(stack),
            prefix,
        };
        bucket::make(cloud, &archive.bucket).await?;
        let mut sent = 0;
        for (position, package) in packages.iter().enumerate() {
            step.now(&package.function);
            let key = format!("{}{}.zip", archive.prefix, package.function);
            if !archive.has(&key).await {
                archive
                    .put(&key, ByteStream::from_path(&package.path).await?)
                    .await?;
                sent += 1;
            }
            step.at(position as u64 + 1);
        }
        let template = ByteStream::from(template.as_bytes().to_vec());
        archive.put(&archive.template_key(), template).await?;
        step.done(if sent == 0 {
            "nothing changed".to_owned()
        } else {
            format!("{sent} of {}", packages.len())
        });
        Ok(archive)
    }

    /// Where CloudFormation finds the template.
    pub(crate) fn template_url(&self, cloud: &Cloud) -> String {
        format!("{}/{}/{}", cloud.endpoint, self.bucket, self.template_key())
    }

    /// Deletes what earlier builds left: emulators keep it in memory.
    pub(crate) async fn sweep(&self) -> Result<()> {
        bucket::delete(&self.client, &self.bucket, |key| {
            !key.starts_with(&self.prefix)
        })
        .await
    }

    fn template_key(&self) -> String {
        format!("{}template.json", self.prefix)
    }

    async fn has(&self, key: &str) -> bool {
        self.client
            .head_object()
            .bucket(&self.bucket)
            .key(key)
            .send()
            .await
            .is_ok()
    }

    async fn put(&self, key: &str, body: ByteStream) -> Result<()> {
        let put = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .body(body)
            .send()
            .await;
        put.with_context(|| format!("cannot upload {key} to the bucket {}", self.bucket))?;
        Ok(())
    }
}

fn name(stack: &str) -> String {
    format!("{stack}-code")
}

/// Deletes a stack's packages.
pub(crate) async fn remove(cloud: &Cloud, stack: &str) -> Result<()> {
    bucket::remove(cloud, &name(stack)).await
}
