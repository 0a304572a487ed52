//! Serves the socket: connections, subscriptions and what a new subscriber is told.

use adapter_apigateway::aws_sdk_apigatewaymanagement::config::Builder;
use adapter_apigateway::{Sockets, client_at};
use ports::SystemClock;
use push::Tickets;
use serve_socket::ServeSocket;
use wiring::{Error, Wiring, variable};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::start().await;
    let client = client_at(Builder::from(wiring.aws()), variable("SOCKET_ENDPOINT")?);
    let handler = ServeSocket::new(
        wiring.connections()?,
        wiring.views()?,
        wiring.event_store()?,
        Sockets::new(client),
        Tickets::new(variable("TICKET_KEY")?.as_bytes()),
        SystemClock,
    );
    wiring
        .serve(async |payload, _| handler.handle(payload).await)
        .await
}
