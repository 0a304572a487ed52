//! `GET /customers/{id}/orders`, `/ready-orders`, `/workflows`, `/stock`, `/stock/{id}` and `/sales`,
//! from the read models and nothing else.
//!
//! A list may lag behind its views for a moment, and a page is as large as the client asks, up to a
//! limit: nothing here reads a whole list, or all lists.

mod sales;

use http_api::{Cursor, Request, Response};
use ports::{Consistency, ListViews, LoadView, Page, Unavailable};
use projection_kit::{Projection, list_rows, load_row};
use projections::{
    CustomerOrders, ReadyOrders, Stock, Workflow, customer_orders, ready_orders, stock, workflow,
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
pub struct QueryLists<V> {
    views: V,
}

/// Why there is no list to answer with.
enum Refusal {
    /// The question is wrong.
    Problem(Response),
    /// The views did not answer.
    Unavailable(Unavailable),
}

impl From<Response> for Refusal {
    fn from(problem: Response) -> Self {
        Self::Problem(problem)
    }
}

impl From<Unavailable> for Refusal {
    fn from(error: Unavailable) -> Self {
        Self::Unavailable(error)
    }
}

impl<V: LoadView + ListViews> QueryLists<V> {
    /// A handler over the views.
    pub fn new(views: V) -> Self {
        Self { views }
    }

    /// Answers one request.
    ///
    /// # Errors
    /// Only when the request or the answer is not JSON.
    pub async fn handle(&self, payload: Value) -> Result<Value, serde_json::Error> {
        let request = Request::deserialize(payload)?;
        let response = match self.answer(&request).await {
            Ok(body) => Response::json(200, &body).unless_known(&request),
            Err(Refusal::Problem(problem)) => problem,
            Err(Refusal::Unavailable(error)) => unavailable(&error),
        };
        serde_json::to_value(response)
    }

    async fn answer(&self, request: &Request) -> Result<Value, Refusal> {
        let id = request.path_parameter("id");
        match request.route_key.as_str() {
            "GET /customers/{id}/orders" => {
                let path = format!("/customers/{id}/orders");
                let newest_first = true;
                self.list::<CustomerOrders>(request, &path, id, newest_first, order)
                    .await
            }
            "GET /ready-orders" => {
                let list = ready_orders::LIST;
                self.list::<ReadyOrders>(request, "/ready-orders", list, false, ready)
                    .await
            }
            "GET /workflows" => {
                self.list::<Workflow>(request, "/workflows", workflow::LIST, false, open)
                    .await
            }
            "GET /stock" => {
                self.list::<Stock>(request, "/stock", stock::LIST, false, level)
                    .await
            }
            "GET /stock/{id}" => {
                let found = load_row::<Stock, V>(&self.views, id, Consistency::Eventual).await?;
                let found = found.ok_or_else(no_such_product)?;
                Ok(level(&found.view))
            }
            "GET /sales" => sales::answer(&self.views, request).await,
            _ => Err(Response::problem(404, "No such page", "there is nothing here").into()),
        }
    }

    /// A page of a list.
    async fn list<P: Projection>(
        &self,
        request: &Request,
        path: &str,
        list: &str,
        reversed: bool,
        entry: impl Fn(&P::View) -> Value,
    ) -> Result<Value, Refusal> {
        let max = request.number("limit", PAGE, 1..=PAGE_MAX)?;
        let after = request.cursor::<ports::Cursor>("cursor")?;
        let page = Page {
            reversed,
            after: after.as_ref(),
            ..Page::of(list, max)
        };
        let found = list_rows::<P, V>(&self.views, page).await?;
        let mut links = json!({ "self": { "href": path } });
        if let Some(next) = &found.next {
            let cursor = Cursor::of(next);
            links["next"] = json!({ "href": format!("{path}?limit={max}&cursor={cursor}") });
        }
        let entries = found.entries.iter().map(|row| entry(&row.view));
        Ok(json!({ "entries": entries.collect::<Vec<_>>(), "_links": links }))
    }
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

fn open(view: &workflow::View) -> Value {
    json!({
        "orderId": view.order_id, "status": view.story.status(), "steps": view.steps(),
        "beganAt": view.story.when("OrderPlaced"), "_links": links(&view.order_id),
    })
}

fn level(view: &stock::View) -> Value {
    json!({
        "productId": view.product_id, "available": view.available, "reserved": view.reserved,
        "updatedAt": view.changed_at,
        "_links": { "self": { "href": format!("/stock/{}", view.product_id) } },
    })
}

fn no_such_product() -> Response {
    Response::problem(
        404,
        "No such product",
        "no stock of this product ever came in",
    )
}

fn unavailable(error: &(dyn std::error::Error + 'static)) -> Response {
    error!(error = chain(error), "the list could not be looked up");
    Response::problem(503, "Try again", "the read model did not answer").with("retry-after", "1")
}

#[cfg(test)]
mod tests;
