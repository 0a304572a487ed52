//! Requests and answers of an API Gateway HTTP API (payload format 2.0), and problem details.
//!
//! Format: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>;
//! problems: RFC 9457.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What of a request the functions look at.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Request {
    /// The route that matched, for example `GET /orders/{id}`.
    pub route_key: String,
    /// The values of the route's variables; none if it has no variables.
    path_parameters: Option<BTreeMap<String, String>>,
    body: Option<String>,
    is_base64_encoded: bool,
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

    /// The body as JSON.
    ///
    /// # Errors
    /// A problem of status 400 that says what is wrong with it.
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, Response> {
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
