//! `GET /openapi.json`, the contract of the HTTP API, and `GET /docs`, the same for people: Swagger UI over
//! the document, from here and from nowhere else.
//!
//! `tests/tests/api` keeps the document true: it exercises every route and every answer in it.

use http_api::{Request, Response};
use serde::Deserialize;
use serde_json::Value;

/// The contract.
const DOCUMENT: &str = include_str!("../openapi.json");

const PAGE: &str = include_str!("page.html");
const SCRIPT: &str = include_str!(concat!(env!("OUT_DIR"), "/swagger-ui-bundle.js"));
const STYLE: &str = include_str!(concat!(env!("OUT_DIR"), "/swagger-ui.css"));

/// How long the files of the page may be kept by browsers, in seconds.
const FILE_AGE: &str = "max-age=86400";

/// Answers one request.
///
/// # Errors
/// Only when the request or the answer is not JSON.
pub fn handle(payload: Value) -> Result<Value, serde_json::Error> {
    let request = Request::deserialize(payload)?;
    let file =
        |content_type, text| Response::text(content_type, text).with("cache-control", FILE_AGE);
    let response = match (request.route_key.as_str(), request.path_parameter("file")) {
        ("GET /openapi.json", _) => Response::text("application/json", DOCUMENT),
        ("GET /docs", _) => Response::text("text/html; charset=utf-8", PAGE),
        ("GET /docs/{file}", "swagger-ui-bundle.js") => {
            file("text/javascript; charset=utf-8", SCRIPT)
        }
        ("GET /docs/{file}", "swagger-ui.css") => file("text/css; charset=utf-8", STYLE),
        _ => Response::not_found(),
    };
    serde_json::to_value(response)
}
