//! Commands that come over HTTP: known again by their key, and carried out on the version that the
//! client has seen.

use envelope::{Aggregate, Cause, CommandId, Version};
use event_store::{AppendAll, AppendError, Decider, ExecuteError, Load, Once};
use ports::{Clock, Ids};
use serde_json::{Map, Value};
use telemetry::chain;
use tracing::error;
use uuid::Uuid;

use crate::{Broken, Caller, Request, Response};

/// The longest key that is taken.
const KEY_CHARS_MAX: usize = 255;

/// A command that was sent.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Why it is carried out.
    pub cause: Cause,
    /// What tells another request under the same key from this one; `None` without a key.
    fingerprint: Option<String>,
    /// The versions on which alone it is to be carried out; `None` for any.
    if_match: Option<Vec<u64>>,
}

/// Why a decision was not made, beside the domain's own reasons.
#[derive(Debug, thiserror::Error)]
enum Refusal<R: std::error::Error + 'static> {
    /// The stream is not where the client has seen it.
    #[error("another version")]
    OtherVersion(Version),
    /// The domain refuses.
    #[error(transparent)]
    Domain(R),
}

impl Request {
    /// The command that it asks for, on behalf of the caller.
    ///
    /// With a header `Idempotency-Key`, it is the command of this key in a scope, such as the caller,
    /// whenever it comes. Otherwise it is known by `natural`.
    ///
    /// # Errors
    /// A problem of status 400 for a key that cannot be one.
    pub fn sent(
        &self,
        caller: &Caller,
        scope: &[&str],
        natural: impl FnOnce() -> CommandId,
    ) -> Result<Sent, Response> {
        let key = self.header("idempotency-key");
        let possible = |key: &str| {
            (1..=KEY_CHARS_MAX).contains(&key.len())
                && key.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if key.is_some_and(|key| !possible(key)) {
            let detail =
                format!("`Idempotency-Key` has 1 to {KEY_CHARS_MAX} visible ASCII characters");
            return Err(Response::problem(400, "Malformed header", &detail));
        }
        let id = key.map(|key| digest(&[scope, &[key]].concat()));
        let id = id.map_or_else(natural, CommandId::from_uuid);
        Ok(Sent {
            cause: Cause::command(&id).by(caller.subject()),
            fingerprint: key.map(|_| self.fingerprint()),
            if_match: None,
        })
    }

    /// What the request asks for, whatever the order and the spaces of its JSON.
    fn fingerprint(&self) -> String {
        let bytes = self.bytes().unwrap_or_default();
        let json = serde_json::from_slice::<Value>(&bytes).map(|json| json.to_string());
        let body = json.unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned());
        let mut parts = vec![self.route_key.as_str()];
        parts.extend(self.place().flat_map(|(name, value)| [name, value]));
        parts.push(&body);
        digest(&parts).simple().to_string()
    }

    fn if_match(&self) -> Result<Option<Vec<u64>>, Response> {
        let Some(header) = self
            .header("if-match")
            .filter(|header| header.trim() != "*")
        else {
            return Ok(None);
        };
        let version = |tag: &str| {
            let tag = tag.trim().strip_prefix('"')?.strip_suffix('"')?;
            tag.split('.').next()?.parse().ok()
        };
        let versions: Option<Vec<_>> = header.split(',').map(version).collect();
        let versions = versions.ok_or_else(|| {
            let detail =
                "`If-Match` is the `ETag` of the order, or its version in quotes, like \"1\"";
            Response::problem(400, "Malformed header", detail)
        });
        versions.map(Some)
    }
}

impl Sent {
    /// The same, to be carried out only on the versions that the request's header `If-Match` names, if it has one.
    ///
    /// # Errors
    /// A problem of status 400 for a tag that cannot be one.
    pub fn on_version(self, request: &Request) -> Result<Self, Response> {
        Ok(Self {
            if_match: request.if_match()?,
            ..self
        })
    }

    /// The same, said to the saga of this name: what it leads to is the saga's, like all else that the saga does.
    #[must_use]
    pub fn conducted_by(self, saga: &str) -> Self {
        Self {
            cause: self.cause.conducted_by(saga),
            ..self
        }
    }

    /// Whether it has a key under which it counts once for good.
    #[must_use]
    pub fn has_key(&self) -> bool {
        self.fingerprint.is_some()
    }

    /// Carries it out, and returns the version of the stream after it. With a key the same request
    /// is answered with the same version, however much later it comes again.
    ///
    /// # Errors
    /// What to answer: `refuse` for what the domain refuses, 412 when the stream is not where the client
    /// has seen it, 422 for another request under the same key, 503 when it is unknown what became of it.
    ///
    /// # Cost
    /// [`Decider::execute_once`] with a key, [`Decider::execute`] without one; the same with `If-Match`,
    /// but that it shares no write.
    pub async fn carry_out<A: Aggregate, S: Load + AppendAll, C: Clock>(
        &self,
        decider: &Decider<A, S, C>,
        id: &str,
        command: &A::Command,
        refuse: impl Fn(&A::Rejection) -> Response,
    ) -> Result<Version, Response> {
        if self.fingerprint.is_none() && self.if_match.is_none() {
            let executed = decider.execute(id, &self.cause, command).await;
            return executed
                .map(|executed| executed.version)
                .map_err(|error| match error {
                    ExecuteError::Rejected(rejection) => refuse(&rejection),
                    other => self.failed(&other),
                });
        }
        let decide = |state: &A::State, version: Version| {
            let versions = self.if_match.as_ref();
            if versions.is_some_and(|versions| !versions.contains(&version.get())) {
                return Err(Refusal::OtherVersion(version));
            }
            A::decide(state, command).map_err(Refusal::Domain)
        };
        let fingerprint = self.fingerprint.as_deref().unwrap_or_default();
        let note = self
            .has_key()
            .then_some(|version| format!("{fingerprint} {version}"));
        match decider.execute_once(id, &self.cause, decide, note).await {
            Ok(Once::Executed(version)) => Ok(version),
            Ok(Once::Before(note)) => version_in(&note, fingerprint),
            Err(ExecuteError::Rejected(Refusal::Domain(rejection))) => Err(refuse(&rejection)),
            Err(ExecuteError::Rejected(Refusal::OtherVersion(version))) => {
                let detail =
                    format!("it is at version {version} by now: read it again, and decide again");
                Err(Response::problem(412, "Precondition failed", &detail))
            }
            Err(other) => Err(self.failed(&other)),
        }
    }

    fn failed<R: std::error::Error + 'static>(&self, error: &ExecuteError<R>) -> Response {
        if let ExecuteError::Append(large @ AppendError::TooLarge { .. }) = error {
            return Response::refused("Too large", [Broken::rule(large)]);
        }
        error!(error = chain(error), "a command could not be carried out");
        Response::unavailable(if self.has_key() {
            "whether it was carried out is unknown; the same request with the same `Idempotency-Key` finds out, and \
             does nothing twice"
        } else {
            "whether it was carried out is unknown; look before you send it again, and send it with an \
             `Idempotency-Key`, so that it may be sent again"
        })
    }
}

/// The command of a body that names what it is about, under this name: sent again, the same body is the
/// same command. Any other is a new one.
pub fn natural_id(body: &Map<String, Value>, name: &str, ids: &impl Ids) -> CommandId {
    let content = body.contains_key(name).then(|| Value::from(body.clone()));
    let id = content.map(|content| {
        let content = content.to_string();
        Uuid::new_v5(&Uuid::NAMESPACE_OID, content.as_bytes())
    });
    CommandId::from_uuid(id.unwrap_or_else(|| ids.next()))
}

/// A digest of texts that tells where each one ends.
fn digest(parts: &[&str]) -> Uuid {
    let json = serde_json::to_vec(parts).expect("texts are JSON");
    Uuid::new_v5(&Uuid::NAMESPACE_OID, &json)
}

/// The version of the first time, if it was the same request.
fn version_in(note: &str, fingerprint: &str) -> Result<Version, Response> {
    let found = note
        .split_once(' ')
        .filter(|(first, _)| *first == fingerprint);
    let version = found.and_then(|(_, version)| version.parse().ok());
    version.map(Version::new).ok_or_else(|| {
        let detail =
            "this `Idempotency-Key` was used for another request: a new request needs a new key";
        Response::refused("Key used before", [Broken::rule(&detail)])
    })
}

#[cfg(test)]
mod tests;
