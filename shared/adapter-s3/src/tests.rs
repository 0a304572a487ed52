//! What becomes of the answers of a bucket. A server gives them word for word as the service does.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use ports::{GetPayload, PutPayload, Soon};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::Payloads;

/// A bucket that gives one answer to everything.
async fn answering(status: u16, length: usize, body: &'static str) -> Payloads {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(answer(connection, status, length, body));
        }
    });
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .force_path_style(true)
        .endpoint_url(format!("http://{address}"))
        .build();
    Payloads::new(Client::from_conf(config), "bucket", "payloads/")
}

async fn answer(mut connection: TcpStream, status: u16, length: usize, body: &str) {
    // Requests are small, so that one read holds a whole one.
    let mut request = [0; 8192];
    let read = connection.read(&mut request).await;
    if read.is_ok_and(|bytes| bytes > 0) {
        let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\n\r\n");
        let _ = connection.write_all((head + body).as_bytes()).await;
    }
}

#[tokio::test]
async fn an_object_that_does_not_exist_is_no_failure() {
    let body = "<Error><Code>NoSuchKey</Code><Message>none</Message></Error>";
    let payloads = answering(404, body.len(), body).await;
    assert_eq!(payloads.get("key").await.expect("an answer"), None);
}

#[tokio::test]
async fn a_bucket_that_does_not_exist_is_not_taken_for_a_missing_object() {
    let body = "<Error><Code>NoSuchBucket</Code><Message>none</Message></Error>";
    let error = answering(404, body.len(), body).await.get("key").await;
    assert_eq!(error.expect_err("a failure").soon, Soon::Unlikely);
}

#[tokio::test]
async fn a_failure_tells_whether_another_attempt_may_help() {
    let cases = [
        (503, "SlowDown", Soon::Throttled),
        (503, "ServiceUnavailable", Soon::Likely),
        (500, "InternalError", Soon::Likely),
        (400, "RequestTimeout", Soon::Likely),
        (403, "AccessDenied", Soon::Unlikely),
    ];
    for (status, code, soon) in cases {
        let body = format!("<Error><Code>{code}</Code><Message>no</Message></Error>");
        let body: &'static str = Box::leak(body.into_boxed_str());
        let payloads = answering(status, body.len(), body).await;
        let put = payloads.put("key", b"[]".to_vec()).await;
        let error = put.expect_err("a failure");
        assert_eq!(
            (error.operation, error.soon),
            ("s3:PutObject", soon),
            "{code}"
        );
        let error = payloads.get("key").await.expect_err("a failure");
        assert_eq!(
            (error.operation, error.soon),
            ("s3:GetObject", soon),
            "{code}"
        );
    }
}

#[tokio::test]
async fn half_an_object_is_not_taken_for_a_whole_one() {
    let payloads = answering(200, 100, "[1,2,").await;
    let error = payloads.get("key").await.expect_err("the rest never comes");
    assert_eq!(error.soon, Soon::Likely);
    let whole = answering(200, 5, "[1,2]").await.get("key").await;
    assert_eq!(whole.expect("an answer").as_deref(), Some(&b"[1,2]"[..]));
}
