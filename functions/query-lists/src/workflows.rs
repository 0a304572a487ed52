//! Workflows that have not ended, the oldest first: those in one state, or all, the most urgent state first.
//!
//! Each state is a list of its own. All are read one behind the other, and the cursor says in which one the next
//! page goes on; a page that is full is not followed into the next list.

use envelope::Timestamp;
use http_api::{Cursor, Request, Response};
use ports::{ListViews, LoadView, Page};
use projection_kit::list_rows;
use projections::Workflow;
use projections::workflow::{self, State};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{PAGE, PAGE_MAX, Refusal, possible};

/// Where a page goes on.
#[derive(Serialize, Deserialize)]
struct Place {
    /// The list.
    state: String,
    /// Where in it; at its beginning, if absent.
    after: Option<ports::Cursor>,
}

pub(crate) async fn answer<V: LoadView + ListViews>(
    views: &V,
    request: &Request,
    now: Timestamp,
) -> Result<Value, Refusal> {
    let asked = states(request)?;
    let max = request.number("limit", PAGE, 1..=PAGE_MAX)?;
    let place = request.cursor::<Place>("cursor")?;
    let (begin, mut after) = begin(place, asked)?;
    let mut next = begin;
    let mut entries = Vec::new();
    while let Some(state) = asked.get(next) {
        let room = max - u32::try_from(entries.len()).unwrap_or(max);
        let page = Page {
            after: after.as_ref(),
            ..Page::of(state.name(), room)
        };
        let found = list_rows::<Workflow, V>(views, page).await?;
        entries.extend(
            found
                .entries
                .iter()
                .map(|row| workflow::listed(&row.view, now)),
        );
        after = found.next;
        if after.is_none() {
            next += 1;
        }
        if after.is_some() || entries.len() >= max as usize {
            break;
        }
    }
    let of_state = request
        .query("state")
        .map(|state| format!("&state={state}"));
    let path = format!("/workflows?limit={max}{}", of_state.unwrap_or_default());
    let itself = request
        .query("cursor")
        .map(|cursor| format!("&cursor={cursor}"));
    let mut links = json!({ "self": { "href": format!("{path}{}", itself.unwrap_or_default()) } });
    if let Some(state) = asked.get(next) {
        let state = state.name().to_owned();
        let cursor = Cursor::of(&Place { state, after });
        links["next"] = json!({ "href": format!("{path}&cursor={cursor}") });
    }
    Ok(json!({ "entries": entries, "_links": links }))
}

/// The lists that are asked for.
fn states(request: &Request) -> Result<&'static [State], Response> {
    let Some(name) = request.query("state") else {
        return Ok(&State::OPEN);
    };
    let mut all = State::OPEN.chunks(1);
    all.find(|state| state[0].name() == name).ok_or_else(|| {
        let names = State::OPEN.map(State::name).map(|name| format!("`{name}`"));
        let detail = format!("`state` is one of {}", names.join(", "));
        Response::problem(400, "Malformed query", &detail)
    })
}

/// With which of the lists a page begins, and where in it.
fn begin(
    place: Option<Place>,
    asked: &[State],
) -> Result<(usize, Option<ports::Cursor>), Response> {
    let Some(Place { state, after }) = place else {
        return Ok((0, None));
    };
    possible(after.as_ref())?;
    let list = asked.iter().position(|known| known.name() == state);
    let list = list.ok_or_else(|| {
        let detail = "`cursor` is of another list than `state` names";
        Response::problem(400, "Malformed query", detail)
    });
    Ok((list?, after))
}

/// A list, unless the client has it. That what is in it grows older is no news.
pub(crate) fn unless_known(body: &Value, request: &Request) -> Response {
    let response = Response::json(200, body);
    let mut timeless = body.clone();
    let mut aged = false;
    for entry in timeless["entries"].as_array_mut().into_iter().flatten() {
        let entry = entry.as_object_mut();
        aged |= entry.is_some_and(|entry| entry.remove("ageSeconds").is_some());
    }
    if aged {
        response.unless_known_by(&timeless.to_string(), request)
    } else {
        response.unless_known(request)
    }
}
