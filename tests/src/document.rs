//! The document of the HTTP API, against which every answer that a test gets is checked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use serde_json::{Value, json};

/// An answer that the document describes: the operation, such as `GET /orders/{id}`, and the status.
pub type Described = (String, u16);

const TEXT: &str = include_str!("../../functions/describe-api/openapi.json");

/// Headers that HTTP or the gateway has in any answer.
const OF_ANY_ANSWER: [&str; 5] = [
    "apigw-requestid",
    "content-length",
    "content-type",
    "date",
    "server",
];

/// The document.
pub struct Document {
    json: Value,
}

impl Document {
    /// The one that `describe-api` serves.
    ///
    /// # Panics
    /// If it is not JSON.
    pub fn read() -> &'static Self {
        static DOCUMENT: OnceLock<Document> = OnceLock::new();
        DOCUMENT.get_or_init(|| Self {
            json: serde_json::from_str(TEXT).expect("JSON"),
        })
    }

    /// The document itself.
    #[must_use]
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// Every operation, as the routes of the template are written.
    ///
    /// # Panics
    /// If it has no paths.
    #[must_use]
    pub fn operations(&self) -> BTreeMap<String, &Value> {
        let paths = self.json["paths"].as_object().expect("paths").iter();
        let all = paths.flat_map(|(path, methods)| {
            let methods = methods.as_object().expect("methods").iter();
            methods.map(move |(method, operation)| {
                (format!("{} {path}", method.to_uppercase()), operation)
            })
        });
        all.collect()
    }

    /// Every answer that it describes, but for those that are the gateway's own.
    ///
    /// # Panics
    /// If an operation has none.
    #[must_use]
    pub fn answers(&self) -> BTreeSet<Described> {
        let operations = self.operations().into_iter();
        let all = operations.flat_map(|(name, operation)| {
            let answers = operation["responses"].as_object().expect("answers").keys();
            let given_here = |status: &&String| {
                let answer = self.resolve(&operation["responses"][status.as_str()]);
                answer["x-answered-by"] != "gateway"
            };
            let statuses: Vec<u16> = answers
                .filter(given_here)
                .map(|status| status.parse().expect("a status"))
                .collect();
            statuses
                .into_iter()
                .map(move |status| (name.clone(), status))
        });
        all.collect()
    }

    /// The operation that a request is about.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn operation(&self, method: &str, path: &str) -> String {
        let path = path.split('?').next().unwrap_or_default();
        let fits = |name: &&String| {
            let (of, template) = name.split_once(' ').expect("a method and a path");
            let (mut parts, mut templates) = (path.split('/'), template.split('/'));
            let alike =
                |(part, template): (&str, &str)| template.starts_with('{') || part == template;
            of == method
                && path.matches('/').count() == template.matches('/').count()
                && std::iter::zip(&mut parts, &mut templates).all(alike)
        };
        let operations = self.operations();
        // A path that is written out goes before one with a variable.
        let found = operations
            .keys()
            .filter(fits)
            .min_by_key(|name| name.matches('{').count());
        found
            .unwrap_or_else(|| panic!("the document has no {method} {path}"))
            .clone()
    }

    /// Follows a reference within the document, if this is one.
    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        let reference = value["$ref"]
            .as_str()
            .and_then(|text| text.strip_prefix('#'));
        reference.map_or(value, |pointer| {
            self.json
                .pointer(pointer)
                .unwrap_or_else(|| panic!("nothing at {pointer}"))
        })
    }

    /// Whether an answer is one that the document describes: its status, its type, the headers that it must
    /// have, and its body.
    ///
    /// # Panics
    /// If it is not.
    pub fn check(
        &self,
        operation: &str,
        status: u16,
        content_type: Option<&str>,
        headers: &[&str],
        body: &str,
    ) -> Described {
        let whole = &self.operations()[operation]["responses"][status.to_string()];
        assert!(
            whole.is_object(),
            "{operation} has no answer {status}: {body}"
        );
        let described = self.resolve(whole);
        let known = described["headers"].as_object();
        for (name, header) in known.into_iter().flatten() {
            let missing = header["required"] == true && !headers.contains(&name.as_str());
            assert!(!missing, "{operation}: {status} without {name}");
        }
        for name in headers {
            let is_told = known.is_some_and(|known| known.contains_key(*name));
            assert!(
                is_told || OF_ANY_ANSWER.contains(name),
                "{operation}: {status} with {name}, of which the document tells nothing"
            );
        }
        let Some(contents) = described.get("content") else {
            assert_eq!(body, "", "{operation}: {status}");
            return (operation.to_owned(), status);
        };
        let media = content_type
            .unwrap_or_default()
            .split(';')
            .next()
            .unwrap_or_default();
        let content = &contents[media];
        assert!(
            content.is_object(),
            "{operation}: {status} is of type {media:?}"
        );
        if media.ends_with("json") {
            let body: Value = serde_json::from_str(body).expect("JSON");
            let mut schema = content["schema"].clone();
            schema["components"] = json!({ "schemas": self.json["components"]["schemas"] });
            let validator = jsonschema::draft202012::new(&schema).expect("a schema");
            let errors: Vec<_> = validator
                .iter_errors(&body)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(
                errors.is_empty(),
                "{operation}: {status}: {errors:#?} in {body:#}"
            );
        }
        (operation.to_owned(), status)
    }
}
