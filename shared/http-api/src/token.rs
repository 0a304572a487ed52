//! Read your writes: a write hands out how far its stream got, and a read waits until its view is there.

use std::time::Duration;

use envelope::{Aggregate, StreamId};
use ports::Clock;
use serde::{Deserialize, Serialize};

use crate::{Cursor, Request, Response};

/// How long a read waits for what its caller has written.
pub const AFTER_MAX: Duration = Duration::from_secs(10);

/// The waits between two looks: the first, and the longest.
const LOOK: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));

/// How far a stream got. Clients get it as a text that means nothing to them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// The kind of the stream.
    #[serde(rename = "t")]
    pub aggregate_type: String,
    /// Its id.
    #[serde(rename = "i")]
    pub aggregate_id: String,
    /// The version after the write.
    #[serde(rename = "v")]
    pub version: u64,
}

impl Token {
    /// Of a write to the stream of an aggregate.
    #[must_use]
    pub fn of<A: Aggregate>(id: &str, version: u64) -> Self {
        Self {
            aggregate_type: A::TYPE.to_owned(),
            aggregate_id: id.to_owned(),
            version,
        }
    }

    /// The stream, if there can be one of this kind and id.
    #[must_use]
    pub fn stream(&self) -> Option<StreamId> {
        StreamId::new(&self.aggregate_type, &self.aggregate_id).ok()
    }
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Cursor::of(self).fmt(f)
    }
}

/// The longest that a client can have a request wait for something to happen, in seconds.
pub const WAIT_SECONDS_MAX: u64 = 20;

impl Request {
    /// How long to wait for something to happen, as the parameter `wait` of the query says: `20s`, or
    /// `20`. Not at all if it says nothing.
    ///
    /// # Errors
    /// A problem of status 400 for anything else.
    pub fn wait(&self) -> Result<Duration, Response> {
        let text = self.query("wait").unwrap_or("0");
        let seconds = text.strip_suffix('s').unwrap_or(text).parse().ok();
        let seconds = seconds.filter(|seconds| *seconds <= WAIT_SECONDS_MAX);
        seconds.map(Duration::from_secs).ok_or_else(|| {
            let detail =
                format!("`wait` is a number of seconds up to {WAIT_SECONDS_MAX}, like `10s`");
            Response::problem(400, "Malformed query", &detail)
        })
    }

    /// What the view should have seen, as the parameter `after` of the query says.
    ///
    /// # Errors
    /// A problem of status 400 for anything that no write has handed out.
    pub fn after(&self) -> Result<Option<Token>, Response> {
        let Some(text) = self.query("after") else {
            return Ok(None);
        };
        let token = Cursor::read::<Token>(text).ok_or_else(|| {
            let detail = "`after` is the `token` that a write was answered with";
            Response::problem(400, "Malformed query", detail)
        });
        token.map(Some)
    }
}

/// Looks again and again until it is enough, or the time is up; what was seen last.
///
/// # Errors
/// The first one of a look.
pub async fn look_until<T, E, F: Future<Output = Result<T, E>>>(
    clock: &impl Clock,
    time: Duration,
    look: impl Fn() -> F,
    enough: impl Fn(&T) -> bool,
) -> Result<T, E> {
    let began = clock.now();
    let mut wait = LOOK.0;
    loop {
        let seen = look().await?;
        let passed = clock.now().millis_since(began);
        let left = time.saturating_sub(Duration::from_millis(passed));
        if left.is_zero() || enough(&seen) {
            return Ok(seen);
        }
        clock.sleep(wait.min(left)).await;
        wait = (wait * 2).min(LOOK.1);
    }
}

#[cfg(test)]
mod tests {
    use envelope::Timestamp;
    use ports::ManualClock;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_token_comes_back_as_it_was_given_out_and_nothing_else_is_one() {
        let token = Token {
            aggregate_type: "Order".to_owned(),
            aggregate_id: "ord-1".to_owned(),
            version: 7,
        };
        let after = |text: &str| {
            let request = json!({ "queryStringParameters": { "after": text } });
            serde_json::from_value::<Request>(request)
                .expect("a request")
                .after()
        };
        assert_eq!(after(&token.to_string()), Ok(Some(token)));
        assert_eq!(Request::default().after(), Ok(None));
        for other in ["", "7", "eyJhIjoxfQ"] {
            assert_eq!(after(other).expect_err("made up").status_code, 400);
        }
    }

    #[test]
    fn a_wait_is_bounded() {
        let wait = |text: &str| {
            let request = json!({ "queryStringParameters": { "wait": text } });
            let wait = serde_json::from_value::<Request>(request)
                .expect("a request")
                .wait();
            wait.map(|wait| wait.as_secs())
                .map_err(|problem| problem.status_code)
        };
        assert_eq!((wait("20s"), wait("7"), wait("0s")), (Ok(20), Ok(7), Ok(0)));
        for wrong in ["21s", "-1", "", "s", "1m", "1ss"] {
            assert_eq!(wait(wrong), Err(400), "{wrong}");
        }
        assert_eq!(Request::default().wait(), Ok(Duration::ZERO));
    }

    #[tokio::test]
    async fn it_looks_at_once_and_ends_with_the_time() {
        let clock = ManualClock::at(Timestamp::from_millis(0));
        let one = || async { Ok::<_, ()>(1) };
        let at_once = look_until(&clock, Duration::from_secs(9), one, |seen| *seen == 1).await;
        assert_eq!((at_once, clock.now()), (Ok(1), Timestamp::from_millis(0)));
        let looks = std::cell::Cell::new(0);
        let count = || async {
            looks.set(looks.get() + 1);
            Ok::<_, ()>(looks.get())
        };
        let never = look_until(&clock, Duration::from_secs(2), count, |_| false).await;
        assert_eq!(clock.now(), Timestamp::from_millis(2_000));
        assert_eq!(never, Ok(looks.get()));
        assert!((4..10).contains(&looks.get()), "{looks:?}");
        let fail = || async { Err::<(), _>("no") };
        let error = look_until(&clock, Duration::from_secs(2), fail, |()| true);
        assert_eq!(error.await, Err("no"));
    }
}
