//! As much of Lambda's runtime API as a starting function needs: something that takes its first request for work.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>. The same stub stands in for the AWS services: a
//! function that warms its connections while it starts gets an answer at once, so that the network is not measured.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

const NEXT: &str = "GET /2018-06-01/runtime/invocation/next";
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// The stub. It serves until the process ends.
pub(crate) struct RuntimeApi {
    address: SocketAddr,
    polls: Receiver<Instant>,
}

impl RuntimeApi {
    /// Listens on a free port.
    pub(crate) fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("no port is free")?;
        let address = listener.local_addr()?;
        let (sender, polls) = channel();
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let sender = sender.clone();
                std::thread::spawn(move || serve(connection, &sender));
            }
        });
        Ok(Self { address, polls })
    }

    /// Host and port.
    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Waits for a function's next request for work, and says when it came.
    pub(crate) fn polled(&self, patience: Duration) -> Option<Instant> {
        self.polls.recv_timeout(patience).ok()
    }

    /// Forgets requests of functions that were measured before.
    pub(crate) fn forget(&self) {
        while self.polls.try_recv().is_ok() {}
    }
}

/// Answers on one connection until it is closed. A request for work is never answered: there is none.
fn serve(mut connection: TcpStream, polls: &Sender<Instant>) {
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = connection.read(&mut buffer) {
        let now = Instant::now();
        head.extend_from_slice(&buffer[..count]);
        let complete = head.windows(4).any(|end| end == b"\r\n\r\n");
        if head.starts_with(NEXT.as_bytes()) && complete {
            // Nobody listens any more when the bench is over.
            let _ = polls.send(now);
            head.clear();
        } else if complete {
            let answer =
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
            if connection.write_all(answer).is_err() {
                return;
            }
            head.clear();
        } else if head.len() > HEAD_BYTES_MAX {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_for_work_is_noticed_and_any_other_is_answered() {
        let api = RuntimeApi::start().expect("a port");
        let mut other = TcpStream::connect(api.address()).expect("a connection");
        other
            .write_all(b"GET /ping HTTP/1.1\r\n\r\n")
            .expect("sent");
        let mut status = [0; 15];
        other.read_exact(&mut status).expect("an answer");
        assert_eq!(&status, b"HTTP/1.1 200 OK");
        assert!(api.polled(Duration::from_millis(10)).is_none());
        let mut function = TcpStream::connect(api.address()).expect("a connection");
        function
            .write_all(format!("{NEXT} HTTP/1.1\r\n\r\n").as_bytes())
            .expect("sent");
        assert!(api.polled(Duration::from_secs(5)).is_some());
    }
}
