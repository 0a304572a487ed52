//! What becomes of answers that an embedded table never gives: a transaction under way, throttling,
//! a broken service. A server gives them word for word as the service does.

use adapter_dynamodb::{Connections, EventStore};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use envelope::{Aggregate, Cause, CommandId, Timestamp, Version};
use event_store::contract::Tally;
use event_store::{
    Append, AppendAll, AppendAllError, AppendError, Commit, Load, ReadError, Recorded,
};
use ports::{CloseConnection, Consistency, Soon};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A status and a body.
type Answer = (u16, &'static str);

/// A store whose table gives one answer to everything.
async fn answering(status: u16, body: &'static str) -> EventStore {
    EventStore::new(service(move |_| (status, body)).await, "events")
}

/// A client of a service that answers each request, which names its operation, as told.
async fn service(answers: impl Fn(&str) -> Answer + Copy + Send + Sync + 'static) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(answer(connection, answers));
        }
    });
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .endpoint_url(format!("http://{address}"))
        .build();
    Client::from_conf(config)
}

async fn answer(mut connection: TcpStream, answers: impl Fn(&str) -> Answer) {
    // Requests are small, so that one read holds a whole one.
    let mut request = [0; 8192];
    while let Ok(bytes) = connection.read(&mut request).await
        && bytes > 0
    {
        let (status, body) = answers(&String::from_utf8_lossy(&request[..bytes]));
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status} x\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {length}\r\n\r\n"
        );
        let _ = connection.write_all((head + body).as_bytes()).await;
    }
}

fn commit() -> Commit {
    let cause = Cause::command(&CommandId::new("command").expect("an id"));
    Commit {
        stream: Tally::<1>::stream("one").expect("an id"),
        first: Version::new(1),
        commit_id: cause.commit_id().clone(),
        time: Timestamp::from_millis(0),
        metadata: cause.metadata(),
        events: vec![Recorded {
            event_id: None,
            event_type: "Added".to_owned(),
            schema_version: 1,
            data: serde_json::Value::Null,
        }],
        joined: vec![],
        payload: None,
        carried: None,
    }
}

#[tokio::test]
async fn a_write_during_a_transaction_is_busy_and_not_unavailable() {
    let body = r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionConflictException","message":"Transaction is ongoing for the item"}"#;
    let result = answering(400, body).await.append(&commit()).await;
    assert!(matches!(result, Err(AppendError::Busy)), "{result:?}");
}

#[tokio::test]
async fn a_transaction_during_a_transaction_is_busy() {
    let body = r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","Message":"Transaction cancelled, please refer cancellation reasons for specific reasons [None, TransactionConflict]","CancellationReasons":[{"Code":"None"},{"Code":"TransactionConflict","Message":"Transaction is ongoing for the item"}]}"#;
    let result = answering(400, body)
        .await
        .append_all(&[commit(), commit()], None)
        .await;
    assert!(matches!(result, Err(AppendAllError::Busy)), "{result:?}");
}

#[tokio::test]
async fn a_taken_place_counts_more_than_a_busy_one() {
    let body = r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","CancellationReasons":[{"Code":"TransactionConflict"},{"Code":"ConditionalCheckFailed","Item":{"p":{"S":"Tally#two"},"v":{"N":"1"},"c":{"S":"winner"},"t":{"N":"5"},"e":{"B":"W3sidCI6IkFkZGVkIiwiZCI6bnVsbH1d"}}}]}"#;
    let result = answering(400, body)
        .await
        .append_all(&[commit(), commit()], None)
        .await;
    match result {
        Err(AppendAllError::Conflict(winners)) => {
            assert_eq!(winners[0].commit_id.as_str(), "winner");
        }
        other => panic!("not {other:?}"),
    }
}

#[tokio::test]
async fn throttling_and_a_broken_service_are_unavailable() {
    let throttled = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"slow down"}"#;
    let cancelled = r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","CancellationReasons":[{"Code":"ThrottlingError"},{"Code":"None"}]}"#;
    for (status, body) in [
        (400, throttled),
        (400, cancelled),
        (500, "{}"),
        (503, "<html>"),
    ] {
        let store = answering(status, body).await;
        let one = store.append(&commit()).await;
        assert!(
            matches!(one, Err(AppendError::Unavailable(_))),
            "{body}: {one:?}"
        );
        let all = store.append_all(&[commit(), commit()], None).await;
        let unavailable = matches!(
            all,
            Err(AppendAllError::Append(AppendError::Unavailable(_)))
        );
        assert!(unavailable, "{body}: {all:?}");
        let read = store
            .load(&commit().stream, 1, Version::MAX, Consistency::Eventual)
            .await;
        assert!(
            matches!(read, Err(ReadError::Unavailable(_))),
            "{body}: {read:?}"
        );
    }
}

#[tokio::test]
async fn a_failed_condition_without_its_item_is_not_taken_for_a_success() {
    let body = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"The conditional request failed"}"#;
    let result = answering(400, body).await.append(&commit()).await;
    assert!(
        matches!(result, Err(AppendError::Unavailable(_))),
        "{result:?}"
    );
}

#[tokio::test]
async fn a_connection_that_meets_a_transaction_can_be_closed_soon() {
    let connection = r#"{"Item":{"p":{"S":"connection#c"},"s":{"S":"-"},"c":{"S":"operator:anna"},"t":{"SS":["order#o"]},"ttl":{"N":"4000000000"}}}"#;
    let conflict = r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionConflictException","message":"Transaction is ongoing for the item"}"#;
    let client = service(move |request| {
        if request.contains("DynamoDB_20120810.GetItem") {
            (200, connection)
        } else {
            (400, conflict)
        }
    });
    let connections = Connections::new(client.await, "connections");
    let error = connections.close("c").await.expect_err("it is busy");
    assert_eq!(error.soon, Soon::Likely, "{error:?}");
}
