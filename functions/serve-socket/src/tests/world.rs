//! A socket over in-memory ports, and those who talk to it.

use envelope::{Cause, CommandId, StreamId, Timestamp, Version};
use event_store::{Append, Commit, Memory, Recorded};
use http_api::Caller;
use ports::{
    Change, FindSubscribers, ListedAt, ManualClock, MemoryConnections, MemoryFrames, MemoryViews,
    Revision, SaveView,
};
use push::Tickets;
use serde_json::{Value, json};

use crate::ServeSocket;

pub(crate) struct World {
    pub(crate) socket:
        ServeSocket<MemoryConnections, MemoryViews, Memory, MemoryFrames, ManualClock>,
    pub(crate) connections: MemoryConnections,
    pub(crate) views: MemoryViews,
    pub(crate) store: Memory,
    pub(crate) frames: MemoryFrames,
    pub(crate) clock: ManualClock,
}

pub(crate) fn customer() -> Caller {
    Caller::Customer("cust-1".to_owned())
}

pub(crate) fn operator() -> Caller {
    Caller::Operator("anna".to_owned())
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_millis(1_000_000)
}

pub(crate) fn tickets() -> Tickets {
    Tickets::new(b"key")
}

pub(crate) fn world() -> World {
    let connections = MemoryConnections::default();
    let (views, store, frames) = (
        MemoryViews::default(),
        Memory::default(),
        MemoryFrames::default(),
    );
    let clock = ManualClock::at(now());
    let socket = ServeSocket::new(
        connections.clone(),
        views.clone(),
        store.clone(),
        frames.clone(),
        tickets(),
        clock.clone(),
    );
    World {
        socket,
        connections,
        views,
        store,
        frames,
        clock,
    }
}

impl World {
    pub(crate) async fn event(&self, kind: &str, id: &str, more: &Value) -> u64 {
        let mut event = json!({ "requestContext": { "eventType": kind, "connectionId": id } });
        for (name, value) in more.as_object().expect("fields") {
            event[name] = value.clone();
        }
        let answer = self.socket.handle(event).await.expect("JSON");
        assert_eq!(answer.get("body"), None, "answers are frames");
        answer["statusCode"].as_u64().expect("a status")
    }

    pub(crate) async fn knock(&self, id: &str, ticket: &str) -> u64 {
        let more = json!({ "queryStringParameters": { "ticket": ticket } });
        self.event("CONNECT", id, &more).await
    }

    pub(crate) async fn connect(&self, id: &str, caller: &Caller) {
        self.connect_until(id, caller, None).await;
    }

    /// A connection of a caller whose token expires then.
    pub(crate) async fn connect_until(&self, id: &str, caller: &Caller, end: Option<Timestamp>) {
        let ticket = tickets().issue(caller, end, now());
        assert_eq!(self.knock(id, &ticket.text).await, 200);
    }

    /// Sends a frame and returns what comes back.
    pub(crate) async fn say(&self, id: &str, frame: &Value) -> Vec<Value> {
        let more = json!({ "body": frame.to_string() });
        self.event("MESSAGE", id, &more).await;
        self.heard(id)
    }

    pub(crate) fn heard(&self, id: &str) -> Vec<Value> {
        let frames = self.frames.take(id);
        let read = |text: &String| serde_json::from_str(text).expect("JSON");
        frames.iter().map(read).collect()
    }

    /// A view of an order that has so many events, and its line in the customer's list.
    pub(crate) async fn project(&self, order_id: &str, customer: Option<&str>, events: u64) {
        let mut view = json!({
            "orderId": order_id, "items": [], "lines": 0, "story": { "OrderPlaced": "2026-11-21T10:00:00Z" },
        });
        if let Some(customer) = customer {
            view["customerId"] = json!(customer);
        }
        let row = json!({ "versions": { "Order": events }, "view": view });
        let key = format!("order@1#{order_id}");
        let order = Change::new(&key, &row, Revision(0));
        self.views.save(&order).await.expect("saved");
        let Some(customer) = customer else { return };
        let key = format!("customer-orders@1#{order_id}");
        let line = Change {
            listed: Some(ListedAt {
                list: format!("customer-orders@1#{customer}"),
                place: order_id.to_owned(),
            }),
            ..Change::new(&key, &row, Revision(0))
        };
        self.views.save(&line).await.expect("saved");
    }

    /// An order that was taken and is not projected yet.
    pub(crate) async fn take_order(&self, order_id: &str, customer: &str) {
        let cause = Cause::command(&CommandId::new(format!("place-{order_id}")).expect("valid"));
        let placed = Recorded {
            event_id: None,
            event_type: "OrderPlaced".to_owned(),
            schema_version: 1,
            data: json!({
                "orderId": order_id, "customerId": customer, "items": [],
                "total": { "amount": 1, "currency": "EUR" }, "shippingAddress": { "line1": "x" },
                "payment": { "method": "m" },
            }),
        };
        let commit = Commit {
            stream: StreamId::new("Order", order_id).expect("valid"),
            first: Version::new(1),
            commit_id: cause.commit_id().clone(),
            time: now(),
            metadata: cause.metadata(),
            events: vec![placed],
            joined: vec![],
            payload: None,
            carried: None,
        };
        self.store.append(&commit).await.expect("appended");
    }

    pub(crate) async fn subscribers(&self, topic: &str) -> Vec<String> {
        let found = self.connections.subscribers(topic, now(), 100).await;
        found.expect("an answer")
    }
}
