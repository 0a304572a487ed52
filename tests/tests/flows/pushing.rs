//! What a client of the socket sees, driven by a WebSocket client that knows nothing but the address.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::api::Api;
use crate::outside::Outside;

const CUSTOMER: &str = "cust-42";

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long nothing comes where nothing should.
const SILENCE: Duration = Duration::from_secs(2);

struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// The address of the socket with a ticket for this caller.
async fn address(api: &Api<'_>) -> String {
    let answer = api.post("/push-tickets", &[], &json!({})).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.body["url"].as_str().expect("an address").to_owned()
}

impl Client {
    async fn connect(api: &Api<'_>) -> Self {
        let address = address(api).await;
        let (socket, _) = connect_async(address).await.expect("the ticket is good");
        Self(socket)
    }

    async fn say(&mut self, frame: &str) {
        let sent = self.0.send(Message::text(frame)).await;
        sent.expect("the socket is open");
    }

    /// The next message, whatever it is.
    async fn hear(&mut self) -> Value {
        let message = tokio::time::timeout(PATIENCE, self.0.next()).await;
        let message = message.expect("a message in time").expect("an open socket");
        let text = message.expect("a message").into_text().expect("text");
        serde_json::from_str(&text).expect("JSON")
    }

    /// Says something and returns the answer; what is pushed meanwhile is put aside.
    async fn ask(&mut self, frame: &Value, pushed: &mut Vec<Value>) -> Value {
        self.say(&frame.to_string()).await;
        loop {
            let message = self.hear().await;
            if message["type"] != "order" {
                return message;
            }
            pushed.push(message);
        }
    }

    /// Waits for silence. Until then a push of this order may come late, or twice, and no other.
    async fn hears_nothing_but_late(&mut self, id: &str, newest: u64) {
        while let Ok(message) = tokio::time::timeout(SILENCE, self.0.next()).await {
            let message = message.expect("an open socket").expect("a message");
            let message: Value =
                serde_json::from_str(&message.into_text().expect("text")).expect("JSON");
            let is_late = message["orderId"] == id && revision(&message) <= newest;
            assert!(is_late, "{message}");
        }
    }

    async fn hears_nothing(&mut self) {
        let message = tokio::time::timeout(SILENCE, self.0.next()).await;
        assert!(message.is_err(), "{message:?}");
    }

    /// Listens until an order is at its end; returns its messages, those put aside first.
    async fn until_shipped(&mut self, id: &str, mut pushed: Vec<Value>) -> Vec<Value> {
        pushed.retain(|message| message["orderId"] == id);
        while pushed
            .last()
            .is_none_or(|last| last["order"]["status"] != "SHIPPED" || told(last) < 5)
        {
            let message = self.hear().await;
            assert_eq!(message["type"], "order", "{message}");
            if message["orderId"] == id {
                pushed.push(message);
            }
        }
        pushed
    }
}

/// How many things have happened to the order of a message.
fn told(message: &Value) -> usize {
    message["order"]["history"].as_array().map_or(0, Vec::len)
}

fn revision(message: &Value) -> u64 {
    message["revision"].as_u64().expect("a revision")
}

fn order(id: &str, product: &str) -> Value {
    let mut order = Outside::order(id, "sandbox-approve", product);
    order["data"]["customerId"] = json!(CUSTOMER);
    order
}

/// Waits until nothing is written down about any connection: no other flow has one.
async fn nothing_is_left(outside: &Outside<'_>) {
    let begun = Instant::now();
    loop {
        let scan = outside.dynamodb.scan();
        let scan = scan.table_name(outside.stack.env("CONNECTIONS_TABLE"));
        let found = scan.send().await.expect("the table answers");
        if found.count() == 0 {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{:?}", found.items());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn a_bad_ticket_is_refused(outside: &Outside<'_>, good: &str) {
    let socket = outside.stack.env("SOCKET_URL");
    assert!(good.starts_with(&format!("{socket}?ticket=")), "{good}");
    let cut = &good[..good.len() - 1];
    let forged = good.replace("?ticket=", "?ticket=9");
    for bad in [socket, &format!("{socket}?ticket="), cut, &forged] {
        match connect_async(bad).await {
            Err(tungstenite::Error::Http(response)) => {
                assert!(
                    [401, 403].contains(&response.status().as_u16()),
                    "{response:?}"
                );
            }
            other => panic!("{bad}: {other:?}"),
        }
    }
}

pub(crate) async fn what_happens_to_an_order_is_pushed_to_whom_it_concerns(outside: &Outside<'_>) {
    let customer = outside.customer(CUSTOMER);
    a_bad_ticket_is_refused(outside, &address(&customer).await).await;
    let mut client = Client::connect(&customer).await;
    let mut operator = Client::connect(&outside.operator()).await;
    let mut other = Client::connect(&outside.customer("cust-43")).await;

    // Before anything is placed: whoever subscribes to a customer hears of orders that do not exist yet.
    let frame = json!({ "action": "subscribe", "customer": CUSTOMER });
    let mut aside = Vec::new();
    let answer = client.ask(&frame, &mut aside).await;
    assert_eq!(
        answer,
        json!({ "type": "subscribed", "customer": CUSTOMER })
    );
    outside.put_inbound(&order("flow-pushed", "prod-15")).await;
    outside.story_with("flow-pushed", &["OrderPlaced"]).await;
    let of_order = json!({ "action": "subscribe", "order": "flow-pushed" });
    let mut operators = Vec::new();
    let answer = operator.ask(&of_order, &mut operators).await;
    assert_eq!(
        answer,
        json!({ "type": "subscribed", "order": "flow-pushed" })
    );

    let pushed = client.until_shipped("flow-pushed", aside).await;
    let seen = operator.until_shipped("flow-pushed", operators).await;
    for messages in [&pushed, &seen] {
        let last = messages.last().expect("a message");
        let (_, whole) = outside.get("/orders/flow-pushed").await;
        assert_eq!(last["order"], whole, "the same as a query says");
        // Doubled and out of order they may be; what is dropped by its revision leaves a story that grows.
        let by_revision: BTreeMap<_, _> = messages
            .iter()
            .map(|message| (revision(message), told(message)))
            .collect();
        let story: Vec<_> = by_revision.values().collect();
        assert!(story.is_sorted(), "{by_revision:?}");
        let (newest, _) = by_revision.last_key_value().expect("a message");
        assert_eq!(revision(last), *newest);
    }
    assert!(pushed.len() > 1, "step by step: {pushed:?}");

    // Somebody else learns nothing, not even that there is such an order.
    let mut answers = Vec::new();
    for id in ["flow-pushed", "flow-never-placed"] {
        let frame = json!({ "action": "subscribe", "order": id });
        let mut answer = other.ask(&frame, &mut Vec::new()).await;
        assert_eq!(answer["order"].take(), id);
        answers.push(answer);
    }
    assert_eq!(answers[0]["type"], "error");
    assert_eq!(answers[0], answers[1]);
    for malformed in ["{", "{\"action\":\"dance\"}"] {
        other.say(malformed).await;
        assert_eq!(other.hear().await["title"], "Malformed frame");
    }

    // Connected again, a client gets what it has not seen and nothing else.
    drop(client);
    outside.put_inbound(&order("flow-missed", "prod-16")).await;
    outside.wait_for("flow-missed", "SHIPPED").await;
    outside.story_with("flow-missed", &["OrderFulfilled"]).await;
    let mut client = Client::connect(&customer).await;
    let newest = pushed.iter().map(revision).max().expect("a message");
    let frame =
        json!({ "action": "subscribe", "customer": CUSTOMER, "seen": { "flow-pushed": newest } });
    let mut aside = Vec::new();
    assert_eq!(client.ask(&frame, &mut aside).await["type"], "subscribed");
    let missed = client.until_shipped("flow-missed", aside).await;
    let newest_missed = missed.iter().map(revision).max().expect("a message");
    client
        .hears_nothing_but_late("flow-missed", newest_missed)
        .await;
    let seen = json!({ "flow-missed": newest_missed });
    let frame = json!({ "action": "subscribe", "order": "flow-missed", "seen": seen });
    let answer = client.ask(&frame, &mut Vec::new()).await;
    assert_eq!(answer["type"], "subscribed");
    client.hears_nothing().await;

    drop((client, operator, other));
    nothing_is_left(outside).await;
}
