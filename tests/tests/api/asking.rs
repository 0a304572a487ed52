//! Requests as the gateway hands them to a function.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tests::document::{Described, Document};

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) method: &'static str,
    /// With its query.
    pub(crate) path: String,
    headers: BTreeMap<&'static str, &'static str>,
    body: Option<Value>,
    claims: Value,
}

/// What a function answers.
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

pub(crate) fn get(path: &str) -> Ask {
    Ask {
        method: "GET",
        path: path.to_owned(),
        headers: BTreeMap::new(),
        body: None,
        claims: json!({ "sub": "cust-1" }),
    }
}

pub(crate) fn post(path: &str, body: &Value) -> Ask {
    by("POST", path, body)
}

pub(crate) fn put(path: &str, body: &Value) -> Ask {
    by("PUT", path, body)
}

pub(crate) fn by(method: &str, path: &str, body: &Value) -> Ask {
    let methods = ["POST", "PUT"];
    Ask {
        method: methods
            .into_iter()
            .find(|known| *known == method)
            .expect("a method"),
        body: Some(body.clone()),
        ..get(path)
    }
}

impl Ask {
    /// From another customer than `cust-1`; from nobody, if it is empty.
    pub(crate) fn by(mut self, customer: &str) -> Self {
        self.claims = json!({ "sub": customer });
        self
    }

    pub(crate) fn by_operator(mut self) -> Self {
        self.claims = json!({ "sub": "ops", "scope": "operator" });
        self
    }

    pub(crate) fn with(mut self, (name, value): (&'static str, &'static str)) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// In the gateway's form, for the route that it is about.
    pub(crate) fn payload(&self, route: &str) -> Value {
        let (path, query) = self.path.split_once('?').unwrap_or((&self.path, ""));
        let (_, template) = route.split_once(' ').expect("two words");
        let parts = std::iter::zip(template.split('/'), path.split('/'));
        let parameters: BTreeMap<_, _> = parts
            .filter_map(|(name, part)| {
                let name = name.strip_prefix('{')?.strip_suffix('}')?;
                Some((name.to_owned(), part.replace("%20", " ")))
            })
            .collect();
        let query: BTreeMap<_, _> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .collect();
        json!({
            "version": "2.0", "routeKey": route, "pathParameters": parameters, "queryStringParameters": query,
            "headers": self.headers, "body": self.body.as_ref().map(Value::to_string), "isBase64Encoded": false,
            "requestContext": { "authorizer": { "jwt": { "claims": self.claims } } },
        })
    }
}

impl Answer {
    pub(crate) fn of(response: &Value) -> Self {
        let headers = response["headers"].as_object().expect("headers").iter();
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        Self {
            status: u16::try_from(response["statusCode"].as_u64().expect("a status"))
                .expect("a status"),
            headers: headers
                .map(|(name, value)| (name.clone(), text(value)))
                .collect(),
            body: text(&response["body"]),
        }
    }

    pub(crate) fn check(&self, document: &Document, ask: &Ask) -> Described {
        let operation = document.operation(ask.method, &ask.path);
        let content_type = self.headers.get("content-type").map(String::as_str);
        let names: Vec<_> = self.headers.keys().map(String::as_str).collect();
        document.check(&operation, self.status, content_type, &names, &self.body)
    }
}
