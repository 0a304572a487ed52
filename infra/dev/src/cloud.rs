//! Clients of the AWS services at one endpoint.
//!
//! Nearly always that is an emulator, so the credentials are their customary ones; with `--endpoint` those of the
//! environment are taken, since a shared emulator may ask for its own. Only `cargo dev seed --stack` goes where the
//! environment leads, AWS itself say.

use anyhow::{Result, bail};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sqs::config::{Credentials, SharedHttpClient};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

/// The region of every local stack.
pub(crate) const REGION: &str = "eu-west-1";
/// The access key that emulators take as the account's root.
pub(crate) const ACCESS_KEY: &str = "test";
/// The secret that belongs to [`ACCESS_KEY`].
pub(crate) const SECRET_KEY: &str = "test";

/// An endpoint and the right to use it.
#[derive(Debug, Clone)]
pub(crate) struct Cloud {
    /// The endpoint's URL, without a slash at the end; "AWS" and the region for [`Cloud::of_environment`].
    pub(crate) endpoint: String,
    /// The access key's id.
    pub(crate) access_key: String,
    /// The access key's secret.
    pub(crate) secret_key: String,
    config: SdkConfig,
}

impl Cloud {
    /// The endpoint of an emulator.
    pub(crate) async fn at(endpoint: &str) -> Self {
        Self::with_keys(endpoint, ACCESS_KEY.to_owned(), SECRET_KEY.to_owned()).await
    }

    /// An endpoint that takes the credentials of the environment, if there are any.
    pub(crate) async fn with_environment(endpoint: &str) -> Self {
        let of = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        match (of("AWS_ACCESS_KEY_ID"), of("AWS_SECRET_ACCESS_KEY")) {
            (Some(access), Some(secret)) => Self::with_keys(endpoint, access, secret).await,
            _ => Self::at(endpoint).await,
        }
    }

    /// Where the environment leads, with the credentials and the region that every AWS tool would take.
    pub(crate) async fn of_environment() -> Result<Self> {
        let config = aws_config::defaults(BehaviorVersion::latest()).load().await;
        let Some(region) = config.region() else {
            bail!("there is no AWS region in the environment: set AWS_REGION");
        };
        Ok(Self {
            endpoint: config
                .endpoint_url()
                .map_or_else(|| format!("AWS, {region}"), str::to_owned),
            access_key: String::new(),
            secret_key: String::new(),
            config,
        })
    }

    pub(crate) async fn with_keys(endpoint: &str, access_key: String, secret_key: String) -> Self {
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        let credentials = Credentials::new(&access_key, &secret_key, None, None, "cargo dev");
        let config = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .endpoint_url(&endpoint)
            .http_client(direct())
            .credentials_provider(credentials)
            .load()
            .await;
        Self {
            endpoint,
            access_key,
            secret_key,
            config,
        }
    }

    pub(crate) fn cloudformation(&self) -> aws_sdk_cloudformation::Client {
        aws_sdk_cloudformation::Client::new(&self.config)
    }

    pub(crate) fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.config)
    }

    pub(crate) fn eventbridge(&self) -> aws_sdk_eventbridge::Client {
        aws_sdk_eventbridge::Client::new(&self.config)
    }

    pub(crate) fn logs(&self) -> aws_sdk_cloudwatchlogs::Client {
        aws_sdk_cloudwatchlogs::Client::new(&self.config)
    }

    pub(crate) fn ses(&self) -> aws_sdk_sesv2::Client {
        aws_sdk_sesv2::Client::new(&self.config)
    }

    pub(crate) fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.config)
    }

    /// A bucket's name goes into the path: not every machine resolves `<bucket>.localhost`.
    pub(crate) fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.config)
            .force_path_style(true)
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }
}

/// A client that goes past the environment's proxy, which the SDK's own would take even to this machine's ports.
fn direct() -> SharedHttpClient {
    let provider = Provider::Rustls(CryptoMode::AwsLc);
    Builder::new().tls_provider(provider).build_https()
}
