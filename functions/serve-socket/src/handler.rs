//! The socket: `$connect`, frames, `$disconnect`.
//!
//! A subscription is stored before the state is read, and the state is read strongly consistent:
//! what is saved before the reading is in the state, and for what is saved after it the subscription
//! is found. So nothing falls between the two, and something may come twice.
//!
//! Answers are sent as frames like everything else, not returned: so they come in order with the
//! states behind them, and the API needs no route responses.

mod access;
mod states;

use std::time::Duration;

use domain::CustomerId;
use envelope::Timestamp;
use event_store::Load;
use http_api::Caller;
use ports::{
    Clock, CloseConnection, Connection, Deadline, KeepConnections, ListViews, LoadView, SendError,
    SendFrame, SubscribeError, Unavailable,
};
use push::{Action, Frame, Tickets, Topic, caller_in, text_of};
use serde::Deserialize;
use serde_json::{Value, json};
use telemetry::{chain, metric};
use tracing::{error, info, warn};

/// How long API Gateway keeps a connection open at most
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html>).
const CONNECTION_MAX: Duration = Duration::from_secs(2 * 60 * 60);

/// Subscriptions of a connection.
const SUBSCRIPTIONS_MAX: usize = 20;

/// The handler.
#[derive(Clone)]
pub struct ServeSocket<K, V, S, F, C> {
    connections: K,
    views: V,
    store: S,
    frames: F,
    tickets: Tickets,
    clock: C,
}

/// What of an event of the socket is looked at.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    request_context: Context,
    #[serde(default)]
    query_string_parameters: Option<Value>,
    #[serde(default)]
    body: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    event_type: String,
    connection_id: String,
}

/// Why a frame was not carried out.
enum Refusal {
    /// The client is told.
    Told { title: &'static str, detail: String },
    /// Something that is needed did not answer. The client is told that, too.
    Unavailable(Unavailable),
    /// Nobody is there any more.
    Gone,
}

impl Refusal {
    fn told(title: &'static str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self::Told { title, detail }
    }
}

impl From<Unavailable> for Refusal {
    fn from(error: Unavailable) -> Self {
        Self::Unavailable(error)
    }
}

impl From<SendError> for Refusal {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Gone => Self::Gone,
            SendError::Unavailable(error) => Self::Unavailable(error),
        }
    }
}

impl From<SubscribeError> for Refusal {
    fn from(error: SubscribeError) -> Self {
        match error {
            SubscribeError::NotOpen => not_open(),
            SubscribeError::TooMany => {
                let detail = format!("a connection has at most {SUBSCRIPTIONS_MAX}; end one first");
                Self::told("Too many subscriptions", detail)
            }
            SubscribeError::Unavailable(error) => Self::Unavailable(error),
        }
    }
}

fn not_open() -> Refusal {
    Refusal::told("Not connected", "the connection has ended; connect again")
}

/// How an event was answered for: a handshake that is not 200 fails, everything else is for the record.
type Status = u16;

impl<K, V, S, F, C> ServeSocket<K, V, S, F, C>
where
    K: KeepConnections + CloseConnection,
    V: LoadView + ListViews,
    S: Load,
    F: SendFrame,
    C: Clock,
{
    /// A handler of one socket.
    pub fn new(connections: K, views: V, store: S, frames: F, tickets: Tickets, clock: C) -> Self {
        Self {
            connections,
            views,
            store,
            frames,
            tickets,
            clock,
        }
    }

    /// Answers one event of the socket.
    ///
    /// # Errors
    /// Only when the event is none.
    pub async fn handle(&self, payload: Value) -> Result<Value, serde_json::Error> {
        let event = Event::deserialize(payload)?;
        let id = event.request_context.connection_id.as_str();
        let status = match event.request_context.event_type.as_str() {
            "CONNECT" => self.connect(id, &event).await,
            "DISCONNECT" => self.disconnect(id).await,
            _ => self.message(id, event.body.as_deref()).await,
        };
        Ok(json!({ "statusCode": status }))
    }

    async fn connect(&self, id: &str, event: &Event) -> Status {
        let parameters = event.query_string_parameters.as_ref();
        let ticket = parameters.and_then(|all| all["ticket"].as_str());
        let now = self.clock.now();
        let admitted = match self.tickets.check(ticket.unwrap_or_default(), now) {
            Ok(admitted) => admitted,
            Err(bad) => {
                warn!(connection.id = id, error = %bad, "nobody gets in with this ticket");
                return 401;
            }
        };
        let most_ms = i64::try_from(CONNECTION_MAX.as_millis()).unwrap_or(i64::MAX);
        let until = Timestamp::from_millis(now.as_millis().saturating_add(most_ms));
        let until = admitted.until.map_or(until, |token| token.min(until));
        let caller = text_of(&admitted.caller);
        let open = || self.connections.open(id, &caller, until);
        match Deadline::persist(&self.clock, seed(id), open).await {
            Ok(()) => {
                info!(connection.id = id, "connected");
                200
            }
            Err(error) => unavailable(id, &error),
        }
    }

    async fn disconnect(&self, id: &str) -> Status {
        let close = || self.connections.close(id);
        match Deadline::persist(&self.clock, seed(id), close).await {
            Ok(()) => {
                info!(connection.id = id, "disconnected");
                200
            }
            Err(error) => unavailable(id, &error),
        }
    }

    /// Carries out a frame, and answers it whatever becomes of it.
    async fn message(&self, id: &str, text: Option<&str>) -> Status {
        let frame = Frame::read(text.unwrap_or_default());
        let topic = frame.as_ref().ok().map(|frame| frame.topic.clone());
        let carried_out = match frame {
            Ok(frame) => self.carry_out(id, &frame).await,
            Err(malformed) => Err(Refusal::told("Malformed frame", malformed.to_string())),
        };
        let (title, detail, status) = match carried_out {
            Ok(()) => return 200,
            Err(Refusal::Gone) => return self.disconnect(id).await,
            Err(Refusal::Told { title, detail }) => (title, detail, 200),
            Err(Refusal::Unavailable(error)) => {
                let status = unavailable(id, &error);
                let detail = "something that is needed did not answer; send the frame again";
                ("Try again", detail.to_owned(), status)
            }
        };
        let answer = push::error(title, &detail, topic.as_ref());
        match self.send(id, &answer).await {
            Ok(()) => status,
            Err(SendError::Gone) => self.disconnect(id).await,
            Err(SendError::Unavailable(error)) => unavailable(id, &error),
        }
    }

    async fn carry_out(&self, id: &str, frame: &Frame) -> Result<(), Refusal> {
        let find = || self.connections.find(id);
        let found = Deadline::persist(&self.clock, seed(id), find).await?;
        // The API keeps it open until it is two hours old, also when its caller's token has expired.
        let connection = found.filter(|connection| connection.until > self.clock.now());
        let connection = connection.ok_or_else(not_open)?;
        let topic = &frame.topic;
        match frame.action {
            Action::Subscribe => self.subscribe(id, &connection, frame).await,
            Action::Unsubscribe => {
                let name = topic.to_string();
                let end = || self.connections.unsubscribe(id, &name);
                Deadline::persist(&self.clock, seed(id), end).await?;
                Ok(self.send(id, &push::unsubscribed(topic)).await?)
            }
        }
    }

    async fn subscribe(
        &self,
        id: &str,
        connection: &Connection,
        frame: &Frame,
    ) -> Result<(), Refusal> {
        let caller = caller_in(&connection.caller).ok_or_else(not_open)?;
        if !self.may_hear(&caller, &frame.topic).await? {
            return Err(nothing_there(&frame.topic));
        }
        let (name, until) = (frame.topic.to_string(), connection.until);
        let begin = || {
            let connections = &self.connections;
            connections.subscribe(id, &name, until, SUBSCRIPTIONS_MAX)
        };
        Deadline::persist(&self.clock, seed(id), begin).await?;
        let states = self.states(frame).await?;
        self.send(id, &push::subscribed(&frame.topic)).await?;
        for state in states {
            self.send(id, &state.message()).await?;
        }
        Ok(())
    }

    /// Whether the caller may hear about the topic. An order has to be there; of a customer nobody
    /// asks that, whose first order is yet to come.
    async fn may_hear(&self, caller: &Caller, topic: &Topic) -> Result<bool, Unavailable> {
        let owner = match topic {
            Topic::Order(id) => self.owner(id).await?,
            Topic::Customer(id) => Some(CustomerId::new(id)),
        };
        Ok(owner.is_some_and(|owner| caller.may_see(owner.as_str())))
    }

    async fn send(&self, id: &str, text: &str) -> Result<(), SendError> {
        let send = || self.frames.send(id, text);
        Deadline::persist(&self.clock, seed(id), send).await
    }
}

/// The same for what does not exist and for what is somebody else's: who guesses ids learns nothing.
fn nothing_there(topic: &Topic) -> Refusal {
    match topic {
        Topic::Order(_) => Refusal::told(
            "No such order",
            "there is no order with this id among those that you may see",
        ),
        Topic::Customer(_) => Refusal::told(
            "No such customer",
            "there is no customer with this id among those that you may see",
        ),
    }
}

/// Tells apart those who wait at the same time.
fn seed(id: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

fn unavailable(id: &str, error: &(dyn std::error::Error + 'static)) -> Status {
    metrics::counter!(metric::FAILED).increment(1);
    error!(
        connection.id = id,
        error = chain(error),
        "an event of the socket could not be carried out"
    );
    503
}

#[cfg(test)]
mod tests;
