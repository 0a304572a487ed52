//! What of a request the functions look at.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Cursor, Response};

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
        Cursor::read(text).map(Some).ok_or_else(|| {
            let detail = format!("`{name}` is what the answer before has in its link to the next");
            Response::problem(400, "Malformed query", &detail)
        })
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// A problem of status 400 that says what is wrong with it.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Response> {
        let bad = |detail: &str| Response::problem(400, "Malformed body", detail);
        let bytes = self.bytes().ok_or_else(|| bad("the body is not base64"))?;
        serde_json::from_slice(&bytes).map_err(|error| bad(&error.to_string()))
    }

    /// The body; `None` if it should be base64 and is not.
    pub(crate) fn bytes(&self) -> Option<Vec<u8>> {
        let text = self.body.as_deref().unwrap_or_default();
        if self.is_base64_encoded {
            return BASE64_STANDARD.decode(text).ok();
        }
        Some(text.as_bytes().to_vec())
    }

    /// The route's variables and their values.
    pub(crate) fn place(&self) -> impl Iterator<Item = (&str, &str)> {
        let parameters = self.path_parameters.iter().flatten();
        parameters.map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
