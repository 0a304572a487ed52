//! The orders that are generated.

use serde_json::json;

use crate::demo::samples::Run;
use crate::inbound::Entry;
use crate::seed::{CUSTOMERS, PRODUCTS};

/// What the order of this number is called.
pub(crate) fn order_id(run: &Run, number: u32) -> String {
    format!("load-{}-{number}", run.id())
}

/// An order of one to three products, spread over all products and customers.
pub(crate) fn order(run: &Run, number: u32) -> Entry {
    let order_id = order_id(run, number);
    let event_id = format!("{order_id}-placed");
    let lines = 1 + number % 3;
    let items: Vec<_> = (0..lines)
        .map(|line| {
            let product = format!("prod-{}", 1 + (number * 3 + line) % PRODUCTS);
            json!({ "productId": product, "quantity": 1, "unitPrice": { "amount": 1_000, "currency": "EUR" } })
        })
        .collect();
    let detail = json!({
        "eventId": event_id,
        "eventType": "OrderPlaced",
        "schemaVersion": 1,
        "timestamp": run.time(),
        "aggregateType": "Order",
        "aggregateId": order_id,
        "version": 1,
        "data": {
            "orderId": order_id,
            "customerId": format!("cust-{}", 1 + number % CUSTOMERS),
            "items": items,
            "total": { "amount": 1_000 * lines, "currency": "EUR" },
            "shippingAddress": { "name": "Load Example", "line1": "Hauptstr. 1", "city": "Berlin", "country": "DE" },
            "payment": { "method": "sandbox-approve" },
        },
        "metadata": { "correlationId": order_id },
    });
    Entry {
        source: "load-generator".to_owned(),
        detail_type: "OrderPlaced".to_owned(),
        detail,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_products_of_one_order_differ() {
        let run = Run::now();
        for number in 1..100 {
            let entry = order(&run, number);
            let items = entry.detail["data"]["items"]
                .as_array()
                .expect("items")
                .clone();
            let products: HashSet<String> = items
                .iter()
                .map(|item| item["productId"].to_string())
                .collect();
            assert_eq!(products.len(), items.len());
        }
    }
}
