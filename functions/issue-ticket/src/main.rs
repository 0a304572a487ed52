//! Issues tickets for the socket.

use issue_ticket::IssueTicket;
use ports::SystemClock;
use push::Tickets;
use wiring::{Error, Wiring, variable};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::start().await;
    let tickets = Tickets::new(variable("TICKET_KEY")?.as_bytes());
    let handler = IssueTicket::new(tickets, variable("SOCKET_URL")?, SystemClock);
    wiring
        .serve(async |payload, _| handler.handle(payload))
        .await
}
