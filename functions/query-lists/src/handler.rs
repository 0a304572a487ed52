//! `GET /customers/{id}/orders`, `/ready-orders`, `/workflows`, `/stock`, `/stock/{id}` and `/sales`,
//! from the read models and nothing else.
//!
//! A list may lag behind its views for a moment, and a page is as large as the client asks, up to a
//! limit: nothing here reads a whole list, or all lists. A customer sees the own list, and stock;
//! the rest is for operators.

mod sales;
mod workflows;

use envelope::{StreamId, Version};
use http_api::{AFTER_MAX, Cursor, Request, Response, look_until};
use ports::{Clock, Consistency, ListViews, LoadView, Page, Unavailable};
use projection_kit::{Projection, has_reached, list_rows, load_row};
use projections::{
    CustomerOrders, ReadyOrders, Stock, Workflow, customer_orders, ready_orders, stock,
};
use serde::Deserialize;
use serde_json::{Value, json};
use telemetry::chain;
use tracing::error;

/// Entries of a page, if the client says nothing, and at most.
const PAGE: u32 = 20;
const PAGE_MAX: u32 = 100;

/// The handler.
#[derive(Clone)]
pub struct QueryLists<V, C> {
    views: V,
    clock: C,
}

/// Why there is no list to answer with.
enum Refusal {
    /// The question is wrong, or comes too early.
    Early(Response),
    /// The views did not answer.
    Unavailable(Unavailable),
}

impl From<Response> for Refusal {
    fn from(early: Response) -> Self {
        Self::Early(early)
    }
}

impl From<Unavailable> for Refusal {
    fn from(error: Unavailable) -> Self {
        Self::Unavailable(error)
    }
}

impl<V: LoadView + ListViews, C: Clock> QueryLists<V, C> {
    /// A handler over the views.
    pub fn new(views: V, clock: C) -> Self {
        Self { views, clock }
    }

    /// Answers one request.
    ///
    /// # Errors
    /// Only when the request or the answer is not JSON.
    pub async fn handle(&self, payload: Value) -> Result<Value, serde_json::Error> {
        let request = Request::deserialize(payload)?;
        let response = match self.answer(&request).await {
            Ok(body) => workflows::unless_known(&body, &request),
            Err(Refusal::Early(early)) => early,
            Err(Refusal::Unavailable(error)) => {
                error!(error = chain(&error), "the list could not be looked up");
                Response::unavailable("the read model did not answer")
            }
        };
        serde_json::to_value(response)
    }

    async fn answer(&self, request: &Request) -> Result<Value, Refusal> {
        let caller = request.caller()?;
        let id = request.path_parameter("id");
        match request.route_key.as_str() {
            "GET /customers/{id}/orders" => caller.acts_for(id)?,
            "GET /stock" | "GET /stock/{id}" => {}
            _ => caller.operates()?,
        }
        match request.route_key.as_str() {
            "GET /customers/{id}/orders" => {
                let path = format!("/customers/{}/orders", known_form(id)?);
                let newest_first = Asked {
                    reversed: true,
                    ..Asked::of(request, &path, id, PAGE_MAX)?
                };
                let own = |view: &customer_orders::View| {
                    let owner = view.customer_id.as_ref();
                    owner.is_some_and(|owner| owner.as_str() == id)
                };
                // An order of somebody else is waited for like one that does not exist.
                self.wait_for::<CustomerOrders>(request, None, own).await?;
                self.list::<CustomerOrders>(newest_first, order).await
            }
            "GET /ready-orders" => {
                // Whole orders, which may be large.
                let asked = Asked::of(request, "/ready-orders", ready_orders::LIST, PAGE)?;
                self.wait_for::<ReadyOrders>(request, None, |_| true)
                    .await?;
                self.list::<ReadyOrders>(asked, ready).await
            }
            "GET /workflows" => {
                self.wait_for::<Workflow>(request, None, |_| true).await?;
                workflows::answer(&self.views, request, self.clock.now()).await
            }
            "GET /stock" => {
                let asked = Asked::of(request, "/stock", stock::LIST, PAGE_MAX)?;
                self.wait_for::<Stock>(request, None, |_| true).await?;
                self.list::<Stock>(asked, level).await
            }
            "GET /stock/{id}" => {
                let id = known_form(id)?;
                self.wait_for::<Stock>(request, Some(id), |_| true).await?;
                let found = load_row::<Stock, V>(&self.views, id, Consistency::Eventual).await?;
                let found = found.ok_or_else(Response::not_found)?;
                Ok(level(&found.view))
            }
            "GET /sales" => sales::answer(&self.views, request).await,
            _ => Err(Response::not_found().into()),
        }
    }

    /// Waits until the view of what the caller has written shows it; ends the request if it takes too long.
    async fn wait_for<P: Projection>(
        &self,
        request: &Request,
        id: Option<&str>,
        counts: impl Fn(&P::View) -> bool,
    ) -> Result<(), Refusal> {
        let Some(token) = request.after()? else {
            return Ok(());
        };
        let wrong = || {
            let detail = "`after` is the `token` that a command about something shown here was answered with";
            Response::problem(400, "Malformed query", detail)
        };
        let is_shown = |stream: &StreamId| {
            let view = P::view_of(stream);
            view.is_some_and(|view| id.is_none_or(|id| id == view))
        };
        let stream = token.stream().filter(is_shown).ok_or_else(wrong)?;
        let version = Version::new(token.version);
        let look = || has_reached::<P, V>(&self.views, &stream, version, &counts);
        let reached = |seen: &Option<bool>| *seen == Some(true);
        if reached(&look_until(&self.clock, AFTER_MAX, look, reached).await?) {
            return Ok(());
        }
        let body = json!({ "projected": false });
        Err(Response::json(202, &body).with("retry-after", "1").into())
    }

    /// A page of a list.
    async fn list<P: Projection>(
        &self,
        asked: Asked<'_>,
        entry: impl Fn(&P::View) -> Value,
    ) -> Result<Value, Refusal> {
        let Asked { path, max, .. } = asked;
        let page = Page {
            reversed: asked.reversed,
            after: asked.after.as_ref(),
            ..Page::of(asked.list, max)
        };
        let found = list_rows::<P, V>(&self.views, page).await?;
        let link = |cursor: Option<&ports::Cursor>| {
            let cursor = cursor.map(|cursor| format!("&cursor={}", Cursor::of(cursor)));
            json!({ "href": format!("{path}?limit={max}{}", cursor.unwrap_or_default()) })
        };
        let mut links = json!({ "self": link(asked.after.as_ref()) });
        if let Some(next) = &found.next {
            links["next"] = link(Some(next));
        }
        let entries = found.entries.iter().map(|row| entry(&row.view));
        Ok(json!({ "entries": entries.collect::<Vec<_>>(), "_links": links }))
    }
}

/// What a client asks of a list.
struct Asked<'a> {
    path: &'a str,
    list: &'a str,
    max: u32,
    after: Option<ports::Cursor>,
    reversed: bool,
}

impl<'a> Asked<'a> {
    fn of(
        request: &Request,
        path: &'a str,
        list: &'a str,
        page_max: u32,
    ) -> Result<Self, Response> {
        let after = request.cursor::<ports::Cursor>("cursor")?;
        possible(after.as_ref())?;
        Ok(Self {
            path,
            list,
            max: request.number("limit", PAGE, 1..=page_max)?,
            after,
            reversed: false,
        })
    }
}

/// What a table takes for a key; a cursor of ours has it.
fn possible(cursor: Option<&ports::Cursor>) -> Result<(), Response> {
    let possible = |cursor: &ports::Cursor| {
        (1..=1_024).contains(&cursor.place.len()) && (1..=2_048).contains(&cursor.key.len())
    };
    if cursor.is_none_or(possible) {
        return Ok(());
    }
    let detail = "`cursor` is what the answer before has in its link to the next";
    Err(Response::problem(400, "Malformed query", detail))
}

/// An id that could be one.
fn known_form(id: &str) -> Result<&str, Response> {
    let form = |c: char| c.is_ascii_alphanumeric() || "._:-".contains(c);
    let possible = (1..=64).contains(&id.len()) && id.chars().all(form);
    possible.then_some(id).ok_or_else(Response::not_found)
}

fn links(order_id: &str) -> Value {
    json!({ "self": { "href": format!("/orders/{order_id}") } })
}

fn order(view: &customer_orders::View) -> Value {
    json!({
        "orderId": view.order_id, "status": view.story.status(), "total": view.total, "lines": view.lines,
        "placedAt": view.story.when("OrderPlaced"), "updatedAt": view.story.last(),
        "_links": links(&view.order_id),
    })
}

fn ready(view: &ready_orders::View) -> Value {
    json!({
        "orderId": view.order_id, "items": view.items, "shippingAddress": view.shipping_address,
        "paidAt": view.story.when("PaymentCompleted"), "_links": links(&view.order_id),
    })
}

fn level(view: &stock::View) -> Value {
    json!({
        "productId": view.product_id, "available": view.available, "reserved": view.reserved,
        "updatedAt": view.changed_at,
        "_links": { "self": { "href": format!("/stock/{}", view.product_id) } },
    })
}

#[cfg(test)]
mod tests;
