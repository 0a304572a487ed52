//! A workflow in the form that is asked for: as JSON, as text for Mermaid, or as a picture.
//!
//! `?format=` goes before the header `Accept`, because a link and a browser's address bar have no headers.

use envelope::Timestamp;
use http_api::{Request, Response};
use projection_kit::Row;
use projections::workflow;

use crate::again_if;

/// A form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Form(&'static str);

const JSON: &str = "application/json";
const MERMAID: &str = "text/vnd.mermaid";
const SVG: &str = "image/svg+xml";

impl Form {
    /// The form that a request asks for.
    ///
    /// # Errors
    /// A problem of status 400 for one that there is not.
    pub(crate) fn of(request: &Request) -> Result<Self, Response> {
        Ok(Self(match request.query("format") {
            None => request.preferred(&[JSON, MERMAID, SVG]),
            Some("json") => JSON,
            Some("mermaid") => MERMAID,
            Some("svg") => SVG,
            Some(_) => {
                let detail = "`format` is `json`, `mermaid` or `svg`";
                return Err(Response::problem(400, "Malformed query", detail));
            }
        }))
    }

    /// The workflow in it, unless the client has it. How old the workflow is by now is no news.
    pub(crate) fn show(
        self,
        row: &Row<workflow::View>,
        now: Timestamp,
        request: &Request,
    ) -> Response {
        let view = &row.view;
        let response = match self.0 {
            MERMAID => Response::text(MERMAID, &workflow::mermaid(&view.account(now))),
            // Whatever may be in it one day, a browser is to run nothing of it and to fetch nothing for it.
            SVG => Response::text(SVG, &workflow::svg(&view.account(now))).with(
                "content-security-policy",
                "default-src 'none'; style-src 'unsafe-inline'",
            ),
            _ => Response::json(200, &workflow::whole(view, now)),
        };
        let versions: Vec<_> = row.versions.iter().collect();
        let response = again_if(view.is_open(), response.with("vary", "accept"));
        response.unless_known_by(&format!("{versions:?}"), request)
    }
}
