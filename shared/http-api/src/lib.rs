//! Requests and answers of an API Gateway HTTP API (payload format 2.0), and problem details.
//!
//! Format: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>;
//! problems: RFC 9457.

mod caller;

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::RangeInclusive;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use caller::{Caller, OPERATOR};

/// What of a request the functions look at.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Request {
    /// The route that matched, for example `GET /orders/{id}`.
    pub route_key: String,
    /// The values of the route's variables; none if it has no variables.
    path_parameters: Option<BTreeMap<String, String>>,
    query_string_parameters: Option<BTreeMap<String, String>>,
    headers: BTreeMap<String, String>,
    body: Option<String>,
    is_base64_encoded: bool,
    pub(crate) request_context: Context,
}

/// What the gateway says of a request.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Context {
    pub(crate) authorizer: Authorizer,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Authorizer {
    pub(crate) jwt: Jwt,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Jwt {
    pub(crate) claims: BTreeMap<String, Value>,
}

impl Request {
    /// The value of a variable of the route; empty if the route has no such variable.
    #[must_use]
    pub fn path_parameter(&self, name: &str) -> &str {
        let parameters = self.path_parameters.as_ref();
        parameters
            .and_then(|all| all.get(name))
            .map_or("", String::as_str)
    }

    /// The value of a parameter of the query.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<&str> {
        let parameters = self.query_string_parameters.as_ref()?;
        parameters.get(name).map(String::as_str)
    }

    /// The value of a header; its name in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(found.1)
    }

    /// A parameter of the query that is a number in a range; `default` if it is not given.
    ///
    /// # Errors
    /// A problem of status 400 that says what it may be.
    pub fn number(
        &self,
        name: &str,
        default: u32,
        range: RangeInclusive<u32>,
    ) -> Result<u32, Response> {
        let Some(text) = self.query(name) else {
            return Ok(default);
        };
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| {
            let detail = format!(
                "`{name}` is a number from {} to {}",
                range.start(),
                range.end()
            );
            Response::problem(400, "Malformed query", &detail)
        })
    }

    /// A parameter of the query that an earlier answer has given out.
    ///
    /// # Errors
    /// A problem of status 400 for anything else.
    pub fn cursor<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Response> {
        let Some(text) = self.query(name) else {
            return Ok(None);
        };
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok();
        let place = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        place.map(Some).ok_or_else(|| {
            let detail = format!("`{name}` is what the answer before has in its link to the next");
            Response::problem(400, "Malformed query", &detail)
        })
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// A problem of status 400 that says what is wrong with it.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Response> {
        let bad = |detail: String| Response::problem(400, "Malformed body", &detail);
        let text = self.body.as_deref().unwrap_or_default();
        let bytes = if self.is_base64_encoded {
            BASE64_STANDARD
                .decode(text)
                .map_err(|_| bad("the body is not base64".to_owned()))?
        } else {
            text.as_bytes().to_vec()
        };
        serde_json::from_slice(&bytes).map_err(|error| bad(error.to_string()))
    }
}

/// A place to go on from, as clients get it: opaque to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(String);

impl Cursor {
    /// Of whatever the place is known by.
    ///
    /// # Panics
    /// If that is not JSON.
    pub fn of(place: &impl Serialize) -> Self {
        let json = serde_json::to_vec(place).expect("a place is JSON");
        Self(BASE64_URL_SAFE_NO_PAD.encode(json))
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

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

    /// An answer that says what went wrong, as `application/problem+json`.
    #[must_use]
    pub fn problem(status_code: u16, title: &str, detail: &str) -> Self {
        let body =
            json!({"type": "about:blank", "title": title, "status": status_code, "detail": detail});
        Self::json(status_code, &body).with("content-type", "application/problem+json")
    }

    /// The answer with a tag of what it says; without a body, if the client has that already.
    #[must_use]
    pub fn unless_known(self, request: &Request) -> Self {
        let mut hasher = DefaultHasher::new();
        self.body.hash(&mut hasher);
        let tag = format!("W/\"{:016x}\"", hasher.finish());
        let known = request.header("if-none-match").is_some_and(|known| {
            let mut tags = known.split(',').map(str::trim);
            tags.any(|known| known == tag || known == "*")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_read_plain_or_in_base64_and_a_bad_one_is_a_problem() {
        let request = |body: &str, is_base64_encoded| -> Request {
            let json = json!({"routeKey": "POST /orders", "body": body, "pathParameters": null, "isBase64Encoded": is_base64_encoded});
            serde_json::from_value(json).expect("a request")
        };
        assert_eq!(request("{\"a\":1}", false).json(), Ok(json!({"a": 1})));
        assert_eq!(request("eyJhIjoxfQ==", true).json(), Ok(json!({"a": 1})));
        for bad in [
            request("{", false),
            request("%%%", true),
            Request::default(),
        ] {
            let problem = bad.json::<Value>().expect_err("malformed");
            assert_eq!(problem.status_code, 400);
            assert_eq!(problem.headers["content-type"], "application/problem+json");
        }
    }
}
