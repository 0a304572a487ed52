//! A client of the HTTP API, which checks each answer against the API's document.

use reqwest::Method;
use serde_json::Value;
use tests::document::Document;

/// The API, as one caller sees it.
#[derive(Clone)]
pub(crate) struct Api<'a> {
    url: &'a str,
    http: &'a reqwest::Client,
    token: String,
}

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).map(|value| value.to_str());
        value.and_then(Result::ok).unwrap_or_default()
    }
}

impl<'a> Api<'a> {
    pub(crate) fn new(url: &'a str, http: &'a reqwest::Client, token: String) -> Self {
        Self { url, http, token }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], None).await
    }

    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(Method::GET, path, headers, None).await
    }

    pub(crate) async fn post(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        self.send(Method::POST, path, headers, Some(body.to_string()))
            .await
    }

    pub(crate) async fn put(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        self.send(Method::PUT, path, headers, Some(body.to_string()))
            .await
    }

    /// With any text as the body.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Answer {
        let mut request = self
            .http
            .request(method.clone(), format!("{}{path}", self.url));
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body);
        }
        let response = request.send().await.expect("the API answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("a body");
        let content_type = headers
            .get("content-type")
            .map(|value| value.to_str().expect("text"));
        let names: Vec<_> = headers
            .keys()
            .map(reqwest::header::HeaderName::as_str)
            .collect();
        let document = Document::read();
        let operation = document.operation(method.as_str(), path);
        document.check(&operation, status, content_type, &names, &text);
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answer {
            status,
            headers,
            body,
        }
    }
}
