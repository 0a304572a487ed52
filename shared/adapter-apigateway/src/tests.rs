//! What becomes of the answers of the service. A server gives them word for word as the service does.

use aws_sdk_apigatewaymanagement::Config;
use aws_sdk_apigatewaymanagement::config::retry::RetryConfig;
use aws_sdk_apigatewaymanagement::config::{BehaviorVersion, Credentials, Region};
use ports::{SendError, SendFrame, Soon};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::{Sockets, client_at};

/// An API that gives one answer to everything, and tells what it was asked.
async fn answering(
    status: u16,
    kind: &'static str,
    body: &'static str,
) -> (Sockets, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let (asked, questions) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            // Requests are small, so that one read holds a whole one.
            let mut request = [0; 8192];
            let read = connection.read(&mut request).await.unwrap_or_default();
            let _ = asked.send(String::from_utf8_lossy(&request[..read]).into_owned());
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status} x\r\nx-amzn-errortype: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            );
            let _ = connection.write_all((head + body).as_bytes()).await;
        }
    });
    let configuration = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .retry_config(RetryConfig::disabled());
    let client = client_at(configuration, format!("http://{address}/under/live"));
    (Sockets::new(client), questions)
}

#[tokio::test]
async fn a_frame_is_posted_under_the_address_of_the_api() {
    let (sockets, mut questions) = answering(200, "", "").await;
    sockets.send("Ab1=", "{\"n\":1}").await.expect("sent");
    let question = questions.recv().await.expect("it was asked");
    let first = question.lines().next().expect("a line");
    assert_eq!(first, "POST /under/live/@connections/Ab1%3D HTTP/1.1");
    assert!(question.ends_with("{\"n\":1}"), "{question}");
}

#[tokio::test]
async fn a_connection_that_is_gone_is_told_from_a_service_that_does_not_answer() {
    let (sockets, _questions) = answering(410, "GoneException", "").await;
    let error = sockets.send("c", "x").await.expect_err("gone");
    assert!(matches!(error, SendError::Gone), "{error:?}");
}

#[tokio::test]
async fn a_failure_tells_whether_another_attempt_may_help() {
    let cases = [
        (429, "LimitExceededException", Soon::Throttled),
        (500, "InternalServerErrorException", Soon::Likely),
        (503, "ServiceUnavailableException", Soon::Likely),
        (403, "ForbiddenException", Soon::Unlikely),
        (413, "PayloadTooLargeException", Soon::Unlikely),
        (404, "NotFoundException", Soon::Unlikely),
    ];
    for (status, kind, expected) in cases {
        let (sockets, _questions) = answering(status, kind, "{\"message\":\"no\"}").await;
        match sockets.send("c", "x").await {
            Err(SendError::Unavailable(error)) => assert_eq!(error.soon, expected, "{kind}"),
            other => panic!("{kind}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_service_that_is_not_there_may_be_there_soon() {
    let configuration = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .retry_config(RetryConfig::disabled());
    let sockets = Sockets::new(client_at(configuration, "http://127.0.0.1:9"));
    match sockets.send("c", "x").await {
        Err(SendError::Unavailable(error)) => assert_eq!(error.soon, Soon::Likely),
        other => panic!("{other:?}"),
    }
}
