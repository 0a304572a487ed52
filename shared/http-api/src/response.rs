//! Answers, problem details among them.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use envelope::{Aggregate, Version};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{Request, Token};

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    /// HTTP status.
    pub status_code: u16,
    /// Headers, names in lower case.
    pub headers: BTreeMap<&'static str, String>,
    /// JSON.
    pub body: String,
}

impl Response {
    /// An answer with a JSON body.
    #[must_use]
    pub fn json(status_code: u16, body: &Value) -> Self {
        let headers = BTreeMap::from([("content-type", "application/json".to_owned())]);
        Self {
            status_code,
            headers,
            body: body.to_string(),
        }
    }

    /// An answer with a text that is not JSON.
    #[must_use]
    pub fn text(content_type: &str, body: &str) -> Self {
        Self {
            status_code: 200,
            headers: BTreeMap::from([("content-type", content_type.to_owned())]),
            body: body.to_owned(),
        }
    }

    /// An answer that says what went wrong, as `application/problem+json`.
    #[must_use]
    pub fn problem(status_code: u16, title: &str, detail: &str) -> Self {
        let body =
            json!({"type": "about:blank", "title": title, "status": status_code, "detail": detail});
        Self::json(status_code, &body).with("content-type", "application/problem+json")
    }

    /// A command about an order was stored: what both placing and cancelling are answered with.
    #[must_use]
    pub fn order_accepted<A: Aggregate>(order_id: &str, status: &str, version: Version) -> Self {
        let itself = format!("/orders/{order_id}");
        let body = json!({
            "orderId": order_id,
            "status": status,
            "stage": "stored",
            "version": version,
            "token": Token::of::<A>(order_id, version.get()).to_string(),
            "_links": {
                "self": { "href": itself },
                "status": { "href": format!("{itself}/status") },
            },
        });
        Self::json(202, &body)
            .with("location", itself)
            .with("retry-after", "1")
            .with("etag", format!("\"{version}\""))
    }

    /// Some rules that the request breaks, all of them, as a problem of status 422: in words in its
    /// `detail`, and one by one in its `errors`.
    #[must_use]
    pub fn refused(title: &str, broken: impl IntoIterator<Item = Broken>) -> Self {
        let broken: Vec<_> = broken.into_iter().collect();
        let details: Vec<_> = broken.iter().map(Broken::in_words).collect();
        let body = json!({
            "type": "about:blank", "title": title, "status": 422, "detail": details.join("; "), "errors": broken,
        });
        Self::json(422, &body).with("content-type", "application/problem+json")
    }

    /// There is nothing of this id, or nothing that this caller may know of.
    #[must_use]
    pub fn not_found() -> Self {
        Self::problem(404, "Not found", "there is nothing with this id")
    }

    /// Something that the answer needs did not answer itself, which the log tells more of.
    #[must_use]
    pub fn unavailable(detail: &str) -> Self {
        Self::problem(503, "Try again", detail).with("retry-after", "1")
    }

    /// The answer with a tag of what it says; without a body, if the client has that already.
    #[must_use]
    pub fn unless_known(self, request: &Request) -> Self {
        let tag = format!("\"{}\"", self.digest());
        self.tagged(tag, request)
    }

    /// The same with a tag of what it was made of, for an answer that is another one each second, because it says how
    /// long something has been going on: that alone is no news.
    #[must_use]
    pub fn unless_known_by(self, made_of: &impl Hash, request: &Request) -> Self {
        let mut hasher = DefaultHasher::new();
        (self.status_code, self.headers.get("content-type")).hash(&mut hasher);
        made_of.hash(&mut hasher);
        self.tagged(format!("W/\"{:016x}\"", hasher.finish()), request)
    }

    /// The same with a tag that also says the version of the one stream that commands with `If-Match`
    /// are about: [`Sent`](crate::Sent) takes such a tag as it takes the version alone.
    #[must_use]
    pub fn of_version_unless_known(self, version: u64, request: &Request) -> Self {
        let tag = format!("\"{version}.{}\"", self.digest());
        self.tagged(tag, request)
    }

    /// A digest of what it says.
    fn digest(&self) -> String {
        let mut hasher = DefaultHasher::new();
        (self.status_code, &self.body).hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }

    fn tagged(self, tag: String, request: &Request) -> Self {
        let opaque = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
        let known = request.header("if-none-match").is_some_and(|known| {
            let mut tags = known.split(',').map(str::trim);
            tags.any(|known| opaque(known) == opaque(&tag) || known == "*")
        });
        let tagged = self.with("etag", tag);
        if !known || tagged.status_code != 200 {
            return tagged;
        }
        let mut headers = tagged.headers;
        headers.remove("content-type");
        Self {
            status_code: 304,
            headers,
            body: String::new(),
        }
    }

    /// The same answer with one more header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.insert(name, value.into());
        self
    }
}

/// A rule that a request breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// JSON pointer to the value in the body, where there is one to blame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// What is wrong, without the value.
    pub detail: String,
}

impl Broken {
    fn in_words(&self) -> String {
        let pointer = self.pointer.iter().map(|pointer| format!("{pointer}: "));
        pointer.chain([self.detail.clone()]).collect()
    }

    /// A rule about the value at a JSON pointer.
    #[must_use]
    pub fn at(pointer: String, detail: String) -> Self {
        Self {
            pointer: Some(pointer).filter(|pointer| !pointer.is_empty()),
            detail,
        }
    }

    /// A rule about the request as a whole.
    pub fn rule(detail: &impl ToString) -> Self {
        Self {
            pointer: None,
            detail: detail.to_string(),
        }
    }
}
