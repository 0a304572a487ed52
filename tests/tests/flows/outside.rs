//! What another system has: the AWS API, the HTTP API, and names. It also looks into the stack as
//! an operator would.

use std::time::{Duration, Instant};

use adapter_dynamodb::EventStore;
use adapter_s3::aws_sdk_s3;
use dev::issuer::Caller;
use dev::stack::Stack;
use envelope::{Envelope, StreamId, Version};
use event_store::{Load, envelopes_from};
use ports::Consistency;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::api::Api;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(300);

/// A line of every address and the e-mail domain of every customer: what must not be in a log.
pub(crate) const PERSONAL: &str = "17 Confidential Lane";

pub(crate) struct Outside<'a> {
    pub(crate) stack: &'a Stack,
    pub(crate) http: reqwest::Client,
    events: aws_sdk_eventbridge::Client,
    queues: aws_sdk_sqs::Client,
    logs: aws_sdk_cloudwatchlogs::Client,
    pub(crate) mail: aws_sdk_sesv2::Client,
    pub(crate) store: EventStore,
    pub(crate) objects: aws_sdk_s3::Client,
    pub(crate) dynamodb: adapter_dynamodb::Client,
}

impl<'a> Outside<'a> {
    pub(crate) async fn of(stack: &'a Stack) -> Self {
        let credentials = aws_sdk_sqs::config::Credentials::new(
            stack.env("AWS_ACCESS_KEY_ID"),
            stack.env("AWS_SECRET_ACCESS_KEY"),
            None,
            None,
            "the stack's variables",
        );
        let aws = aws_config::defaults(aws_config::BehaviorVersion::latest())
            .endpoint_url(stack.env("AWS_ENDPOINT_URL"))
            .region(aws_config::Region::new(stack.env("AWS_REGION").to_owned()))
            .credentials_provider(credentials)
            .load()
            .await;
        let dynamodb = adapter_dynamodb::Client::new(&aws);
        // A bucket's name goes into the path: not every machine resolves `<bucket>.localhost`.
        let objects = aws_sdk_s3::config::Builder::from(&aws).force_path_style(true);
        Self {
            stack,
            http: reqwest::Client::new(),
            events: aws_sdk_eventbridge::Client::new(&aws),
            queues: aws_sdk_sqs::Client::new(&aws),
            logs: aws_sdk_cloudwatchlogs::Client::new(&aws),
            mail: aws_sdk_sesv2::Client::new(&aws),
            store: EventStore::new(dynamodb.clone(), stack.env("EVENTS_TABLE")),
            objects: aws_sdk_s3::Client::from_conf(objects.build()),
            dynamodb,
        }
    }

    /// An order as another system says it: nothing in it that only we would know.
    pub(crate) fn order(id: &str, method: &str, product: &str) -> Value {
        json!({
            "eventId": format!("evt-{id}"),
            "eventType": "OrderPlaced",
            "schemaVersion": 1,
            "timestamp": "2026-11-21T10:00:00Z",
            "metadata": { "correlationId": format!("story-{id}") },
            "data": {
                "orderId": id,
                "customerId": "cust-7",
                "items": [{ "productId": product, "quantity": 1, "unitPrice": { "amount": 1999, "currency": "EUR" } }],
                "total": { "amount": 1999, "currency": "EUR" },
                "shippingAddress": { "line1": PERSONAL, "city": "London" },
                "payment": { "method": method },
            },
        })
    }

    pub(crate) async fn put(&self, bus: &str, source: &str, kind: &str, detail: &Value) {
        let entry = aws_sdk_eventbridge::types::PutEventsRequestEntry::builder()
            .event_bus_name(self.stack.env(bus))
            .source(source)
            .detail_type(kind)
            .detail(detail.to_string())
            .build();
        let output = self.events.put_events().entries(entry).send().await;
        let output = output.expect("the bus answers");
        assert_eq!(output.failed_entry_count(), 0, "{:?}", output.entries());
    }

    pub(crate) async fn put_inbound(&self, detail: &Value) {
        self.put("INBOUND_BUS", "shop.of.another.team", "order", detail)
            .await;
    }

    /// The HTTP API, as an operator sees it.
    pub(crate) fn operator(&self) -> Api<'_> {
        self.api(&Caller::Operator)
    }

    /// The HTTP API, as this customer sees it.
    pub(crate) fn customer(&self, id: &str) -> Api<'_> {
        self.api(&Caller::Customer(id.to_owned()))
    }

    fn api(&self, caller: &Caller) -> Api<'_> {
        let token = self.stack.token(caller, 3_600).expect("a token");
        Api::new(self.stack.env("API_URL"), &self.http, token)
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        let answer = self.operator().get(path).await;
        (answer.status, answer.body)
    }

    /// Waits until the order has this status; panics when it ends otherwise.
    pub(crate) async fn wait_for(&self, order_id: &str, status: &str) -> Value {
        let begun = Instant::now();
        loop {
            let (code, body) = self.get(&format!("/orders/{order_id}")).await;
            let now = body["status"].as_str().unwrap_or_default().to_owned();
            if now == status {
                return body;
            }
            // A saga has yet to complete what is shipped.
            let ended = ["FAILED", "CANCELLED", "COMPLETED"].contains(&now.as_str())
                || (now == "SHIPPED" && status != "COMPLETED");
            assert!(!ended, "{order_id} is {now}, not {status}: {body}");
            assert!(
                begun.elapsed() < PATIENCE,
                "{order_id} is still {now} ({code}): {body}"
            );
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Waits until the stored story of an order has an event of each of these types.
    pub(crate) async fn story_with(&self, order_id: &str, types: &[&str]) -> Vec<Envelope> {
        let begun = Instant::now();
        loop {
            let story = self.story(order_id).await;
            let has = |kind: &&str| story.iter().any(|event| event.event_type == **kind);
            if types.iter().all(has) {
                return story;
            }
            let seen: Vec<_> = story.iter().map(|event| &event.event_type).collect();
            assert!(begun.elapsed() < PATIENCE, "{order_id} has only {seen:?}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// What is stored about an order, in the order of its streams.
    pub(crate) async fn story(&self, order_id: &str) -> Vec<Envelope> {
        let mut story = Vec::new();
        for kind in ["Order", "OrderSaga", "Reservation", "Payment", "Shipment"] {
            story.extend(self.stream(kind, order_id).await);
        }
        story
    }

    async fn stream(&self, kind: &str, id: &str) -> Vec<Envelope> {
        let stream = StreamId::new(kind, id).expect("an id");
        let first = Version::new(1);
        let commits = self
            .store
            .read(&stream, first, Version::MAX, Consistency::Strong)
            .await;
        envelopes_from(&commits.expect("readable"), first)
    }

    /// How many units of a product are set aside for an order.
    pub(crate) async fn held(&self, order_id: &str, product: &str) -> i64 {
        let events = self.stream("StockItem", product).await;
        let of_order = events
            .iter()
            .filter(|event| event.data["orderId"] == order_id);
        of_order
            .map(|event| {
                let quantity = event.data["quantity"].as_i64().expect("a number");
                match event.event_type.as_str() {
                    "StockReserved" => quantity,
                    "StockReleased" => -quantity,
                    other => panic!("{other} names an order"),
                }
            })
            .sum()
    }

    /// Asks the emulator what no other part of this project needs the SDK for; it takes such requests unsigned. Nothing if
    /// what the path names is not there.
    pub(crate) async fn ask(
        &self,
        method: Method,
        service: &str,
        path: &str,
        body: &Value,
    ) -> Option<Value> {
        let scope = format!(
            "AWS4-HMAC-SHA256 Credential={}/20261121/{}/{service}/aws4_request, SignedHeaders=host, Signature=0",
            self.stack.env("AWS_ACCESS_KEY_ID"),
            self.stack.env("AWS_REGION")
        );
        let url = format!("{}{path}", self.stack.endpoint());
        let request = self
            .http
            .request(method, url)
            .header("authorization", scope);
        let response = request.json(body).send().await;
        let response = response.expect("the emulator answers");
        let (status, text) = (response.status(), response.text().await);
        let text = text.expect("a body");
        if status == StatusCode::NOT_FOUND {
            return None;
        }
        assert!(status.is_success(), "{path}: {status} {text}");
        Some(serde_json::from_str(&text).expect("JSON"))
    }

    /// The environment of a function.
    pub(crate) async fn variables(&self, function: &str) -> Value {
        let path = self.configuration_of(function);
        let configuration = self.ask(Method::GET, "lambda", &path, &json!({})).await;
        configuration.expect("a function")["Environment"]["Variables"].clone()
    }

    /// Gives a function another environment; its instances are replaced.
    pub(crate) async fn set_variables(&self, function: &str, variables: &Value) {
        let body = json!({ "Environment": { "Variables": variables } });
        let path = self.configuration_of(function);
        let set = self.ask(Method::PUT, "lambda", &path, &body).await;
        assert!(set.is_some(), "there is no function {function}");
    }

    fn configuration_of(&self, function: &str) -> String {
        let stack = self.stack.env("STACK_NAME");
        format!("/2015-03-31/functions/{stack}-{function}/configuration")
    }

    /// How many messages are in a queue that nobody reads.
    pub(crate) async fn waiting(&self, queue: &str) -> u32 {
        let count = aws_sdk_sqs::types::QueueAttributeName::ApproximateNumberOfMessages;
        let request = self
            .queues
            .get_queue_attributes()
            .queue_url(self.stack.env(queue));
        let answer = request.attribute_names(count.clone()).send().await;
        let answer = answer.expect("the queue answers");
        let counted = answer.attributes().and_then(|all| all.get(&count));
        counted
            .and_then(|number| number.parse().ok())
            .expect("a number")
    }

    /// Waits for a dead letter whose text contains `needle`, and takes it out of the queue.
    pub(crate) async fn dead_letter(&self, queue: &str, needle: &str) -> Value {
        let begun = Instant::now();
        loop {
            let request = self
                .queues
                .receive_message()
                .queue_url(self.stack.env(queue));
            let output = request
                .max_number_of_messages(10)
                .visibility_timeout(1)
                .send()
                .await;
            for message in output.expect("the queue answers").messages() {
                let body = message.body().unwrap_or_default();
                if body.contains(needle) {
                    let receipt = message.receipt_handle().expect("a receipt");
                    let delete = self
                        .queues
                        .delete_message()
                        .queue_url(self.stack.env(queue));
                    let deleted = delete.receipt_handle(receipt).send().await;
                    if deleted.is_err() {
                        // It was hidden for a second, which has passed on a busy machine: it comes again.
                        continue;
                    }
                    return serde_json::from_str(body).unwrap_or_else(|_| body.into());
                }
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "no dead letter with {needle} in {queue}"
            );
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Logs carry ids, and never what an event says about a person.
    pub(crate) async fn no_log_quotes_a_payload(&self) {
        let groups = self
            .logs
            .describe_log_groups()
            .send()
            .await
            .expect("log groups");
        let mut lines = 0;
        for group in groups.log_groups() {
            let name = group.log_group_name().expect("a name");
            let mut pages = self
                .logs
                .filter_log_events()
                .log_group_name(name)
                .into_paginator()
                .send();
            while let Some(page) = pages.next().await {
                for event in page.expect("logs").events() {
                    let line = event.message().unwrap_or_default();
                    lines += 1;
                    for personal in [PERSONAL, "@example", "unitPrice", "shippingAddress\":"] {
                        assert!(
                            !line.contains(personal),
                            "{name} logged {personal:?}: {line}"
                        );
                    }
                }
            }
        }
        assert!(lines > 100, "the functions' logs were found: {lines} lines");
    }
}
