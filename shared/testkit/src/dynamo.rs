//! A DynamoDB to test against: embedded in the process, or one that is running already.
//!
//! The embedded one speaks HTTP on a port of its own, so that everything from the SDK's retries to
//! the wire format is the real thing. It runs on a thread of its own: a test's runtime ends with
//! the test, and the server may be shared by several.

use std::net::SocketAddr;
use std::thread::JoinHandle;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedInterceptor};
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::create_table::builders::CreateTableFluentBuilder;
use aws_sdk_dynamodb::operation::create_table::{CreateTableError, CreateTableOutput};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use tokio::sync::oneshot;

use crate::Meter;

/// The variable that names the endpoint of a running DynamoDB to use in place of the embedded one.
pub const ENDPOINT_VARIABLE: &str = "EVENT_STORE_TEST_ENDPOINT";

/// Name of the events table, with the keys of the deployed one.
pub const EVENTS_TABLE: &str = "event-store-test-events";

/// Name of the views table, with the key of the deployed one.
pub const VIEWS_TABLE: &str = "event-store-test-views";

/// Name of the table of open connections, with the keys of the deployed one.
pub const CONNECTIONS_TABLE: &str = "event-store-test-connections";

/// A DynamoDB with all three tables. An embedded one stops when this is dropped.
pub struct Dynamo {
    endpoint: String,
    server: Option<Server>,
}

struct Server {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Dynamo {
    /// An empty one, embedded.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn embedded() -> Self {
        let (address, server) = Server::start();
        let dynamo = Self {
            endpoint: format!("http://{address}"),
            server: Some(server),
        };
        dynamo.create_tables().await;
        dynamo
    }

    /// The running one that [`ENDPOINT_VARIABLE`] names, or else an embedded one. A running one is
    /// shared with other tests and earlier runs.
    ///
    /// # Panics
    /// If it cannot be used.
    pub async fn from_env() -> Self {
        let Ok(endpoint) = std::env::var(ENDPOINT_VARIABLE) else {
            return Self::embedded().await;
        };
        Self::at(endpoint).await
    }

    /// The running one at this address. It is shared with whoever else uses it.
    ///
    /// # Panics
    /// If it cannot be used.
    pub async fn at(endpoint: impl Into<String>) -> Self {
        let dynamo = Self {
            endpoint: endpoint.into(),
            server: None,
        };
        dynamo.create_tables().await;
        dynamo
    }

    /// Makes one more table, billed by the request, unless it is there.
    ///
    /// # Panics
    /// If it cannot be made.
    pub async fn create_table(&self, table: &str, keys: &[(&str, ScalarAttributeType, KeyType)]) {
        create(&self.client(), table, keys).await;
    }

    /// Whether it is embedded, and so reports capacity as DynamoDB does.
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        self.server.is_some()
    }

    /// A client of its own. It belongs to the runtime of whoever uses it first.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::from_conf(self.config().build())
    }

    /// A client whose requests are counted.
    #[must_use]
    pub fn metered_client(&self, meter: &Meter) -> Client {
        let interceptor = SharedInterceptor::new(meter.clone());
        Client::from_conf(self.config().interceptor(interceptor).build())
    }

    fn config(&self) -> aws_sdk_dynamodb::config::Builder {
        aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "testkit"))
            .endpoint_url(&self.endpoint)
    }

    async fn create_tables(&self) {
        use ScalarAttributeType::{N, S};
        let client = self.client();
        create(
            &client,
            EVENTS_TABLE,
            &[("p", S, KeyType::Hash), ("v", N, KeyType::Range)],
        )
        .await;
        let of_connections = [("p", S, KeyType::Hash), ("s", S, KeyType::Range)];
        create(&client, CONNECTIONS_TABLE, &of_connections).await;
        let places = [("l", S, KeyType::Hash), ("s", S, KeyType::Range)];
        let all = Projection::builder().projection_type(ProjectionType::All);
        let lists = GlobalSecondaryIndex::builder()
            .index_name("lists")
            .set_key_schema(Some(schema(&places)))
            .projection(all.build())
            .build();
        let views = request(&client, VIEWS_TABLE, &[("k", S, KeyType::Hash)]);
        let views = attributes(views, &places).global_secondary_indexes(lists.expect("complete"));
        expect_created(VIEWS_TABLE, views.send().await);
    }
}

type Keys<'a> = &'a [(&'a str, ScalarAttributeType, KeyType)];

async fn create(client: &Client, table: &str, keys: Keys<'_>) {
    expect_created(table, request(client, table, keys).send().await);
}

fn request(client: &Client, table: &str, keys: Keys<'_>) -> CreateTableFluentBuilder {
    let request = client
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(schema(keys)));
    attributes(request, keys)
}

fn schema(keys: Keys<'_>) -> Vec<KeySchemaElement> {
    let element = |(name, _, role): &(&str, _, KeyType)| {
        let element = KeySchemaElement::builder().attribute_name(*name);
        element.key_type(role.clone()).build().expect("complete")
    };
    keys.iter().map(element).collect()
}

fn attributes(request: CreateTableFluentBuilder, keys: Keys<'_>) -> CreateTableFluentBuilder {
    keys.iter().fold(request, |request, (name, scalar, _)| {
        let attribute = AttributeDefinition::builder().attribute_name(*name);
        let attribute = attribute.attribute_type(scalar.clone()).build();
        request.attribute_definitions(attribute.expect("complete"))
    })
}

fn expect_created(table: &str, result: Result<CreateTableOutput, SdkError<CreateTableError>>) {
    let Err(error) = result else { return };
    let exists = error
        .as_service_error()
        .is_some_and(CreateTableError::is_resource_in_use_exception);
    assert!(exists, "table {table} cannot be made: {error:?}");
}

impl Server {
    fn start() -> (SocketAddr, Self) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener
            .local_addr()
            .expect("a bound listener has an address");
        listener
            .set_nonblocking(true)
            .expect("the listener can be polled");
        let (stop, stopped) = oneshot::channel();
        let serve = move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let runtime = runtime.expect("a runtime starts");
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                let database = dynoxide::Database::memory().expect("a database in memory");
                let server = dynoxide::server::serve_on(listener, database);
                // A graceful end would wait for clients that keep their connections open.
                tokio::select! { () = server => {}, _ = stopped => {} }
            });
        };
        let thread = std::thread::spawn(serve);
        (
            address,
            Self {
                stop: Some(stop),
                thread: Some(thread),
            },
        )
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
