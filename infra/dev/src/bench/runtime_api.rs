//! As much of Lambda's runtime API as a function needs for one event.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>. The same stub stands in for the AWS services and
//! answers each request at once with `{}`, so that the network is not measured.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::clock::now_millis;

const NEXT: &str = "GET /2018-06-01/runtime/invocation/next";
const REQUEST_BYTES_MAX: usize = 1024 * 1024;
/// How long the function may take over the event, as it is told.
const DEADLINE_MS: i64 = 15_000;

/// The stub. It serves until the process ends.
pub(crate) struct RuntimeApi {
    address: SocketAddr,
    polls: Receiver<Instant>,
    event: Event,
}

/// The event that the next request for work gets.
type Event = Arc<Mutex<Option<String>>>;

impl RuntimeApi {
    /// Listens on a free port.
    pub(crate) fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("no port is free")?;
        let address = listener.local_addr()?;
        let (sender, polls) = channel();
        let event = Event::default();
        let next = event.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (sender, next) = (sender.clone(), next.clone());
                std::thread::spawn(move || serve(connection, &sender, &next));
            }
        });
        Ok(Self {
            address,
            polls,
            event,
        })
    }

    /// Host and port.
    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Waits for a function's next request for work, and says when it came.
    pub(crate) fn polled(&self, patience: Duration) -> Option<Instant> {
        self.polls.recv_timeout(patience).ok()
    }

    /// Forgets requests of functions that were measured before, and has one event for the next function.
    pub(crate) fn begin(&self, event: &str) {
        while self.polls.try_recv().is_ok() {}
        let mut next = self.event.lock().unwrap_or_else(PoisonError::into_inner);
        *next = Some(event.to_owned());
    }
}

/// Answers on one connection until it is closed. A request for work is left without an answer when there is none.
fn serve(mut connection: TcpStream, polls: &Sender<Instant>, event: &Event) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = connection.read(&mut buffer) {
        let now = Instant::now();
        bytes.extend_from_slice(&buffer[..count]);
        let Some(length) = request_length(&bytes) else {
            if bytes.len() > REQUEST_BYTES_MAX {
                return;
            }
            continue;
        };
        let is_poll = bytes.starts_with(NEXT.as_bytes());
        bytes.drain(..length);
        let answer = if is_poll {
            // Nobody listens any more when the bench is over.
            let _ = polls.send(now);
            let next = event.lock().unwrap_or_else(PoisonError::into_inner).take();
            next.map(|event| answer(&event))
        } else {
            Some(answer("{}"))
        };
        if answer.is_some_and(|answer| connection.write_all(answer.as_bytes()).is_err()) {
            return;
        }
    }
}

/// The bytes of the request at the beginning, once it is there as a whole.
fn request_length(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    let body = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok())
        .unwrap_or(0);
    (bytes.len() >= head + body).then_some(head + body)
}

/// The headers are those that come with an event; other requests do not mind them.
fn answer(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         lambda-runtime-aws-request-id: bench\r\nlambda-runtime-deadline-ms: {}\r\n\
         lambda-runtime-invoked-function-arn: arn:aws:lambda:eu-west-1:000000000000:function:bench\r\n\r\n{body}",
        body.len(),
        now_millis() + DEADLINE_MS
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_for_work_is_noticed_and_gets_the_event_once() {
        let api = RuntimeApi::start().expect("a port");
        api.begin(r#"{"a":1}"#);
        let mut other = TcpStream::connect(api.address()).expect("a connection");
        let request = b"POST /ping HTTP/1.1\r\ncontent-length: 2\r\n\r\n";
        other.write_all(request).expect("sent");
        other.write_all(b"{}").expect("sent");
        let mut status = [0; 15];
        other.read_exact(&mut status).expect("an answer");
        assert_eq!(&status, b"HTTP/1.1 200 OK");
        assert!(api.polled(Duration::from_millis(10)).is_none());
        let mut function = TcpStream::connect(api.address()).expect("a connection");
        let poll = format!("{NEXT} HTTP/1.1\r\n\r\n");
        function.write_all(poll.as_bytes()).expect("sent");
        assert!(api.polled(Duration::from_secs(5)).is_some());
        let mut answer = vec![0; 1024];
        let count = function.read(&mut answer).expect("the event");
        assert!(answer[..count].ends_with(br#"{"a":1}"#));
        function.write_all(poll.as_bytes()).expect("sent");
        assert!(api.polled(Duration::from_secs(5)).is_some());
    }

    #[test]
    fn a_request_is_whole_with_its_body() {
        let head = b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n";
        assert_eq!(request_length(head), None);
        let whole = [head.as_slice(), b"abc"].concat();
        assert_eq!(request_length(&whole), Some(whole.len()));
    }
}
