//! What other systems and nobody's friends put on the inbound bus.

use domain::events::Workflow as Style;
use serde_json::{Value, json};

use crate::world::World;

/// What an order's data asks the outside parties to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    Ship,
    Decline,
    Undeliverable,
    OutOfStock,
    FlakyPayment,
    /// The provider answers in the end, perhaps long after anybody waits for it.
    BrokenPayment,
    FlakyCarrier,
    /// It wants one of the last units: as many are shipped as there are units, the others refused.
    Scarce,
}

/// Units of each product at the start.
pub(crate) const STOCK: [(&str, u64); 4] = [
    ("prod-1", 1_000),
    ("prod-2", 1_000),
    ("prod-3", 1_000),
    (SCARCE, 2),
];
/// What there is too little of.
pub(crate) const SCARCE: &str = "prod-scarce";

impl World {
    /// Stock comes in: the same events, however often they are sent.
    pub(crate) fn send_stock(&mut self) {
        for (product, quantity) in STOCK {
            let data = json!({"productId": product, "quantity": quantity});
            self.send(&json!({"eventId": format!("stock-{product}"), "eventType": "StockReplenished", "data": data}));
        }
    }

    pub(crate) fn send_registration(&mut self) {
        let data = json!({"customerId": "cust-1", "name": "Ada", "email": "ada@example.com", "phone": "+441234567"});
        self.send(&json!({"eventId": "cust-1", "eventType": "UserRegistered", "data": data}));
    }

    /// Sends an order in a style, or in the usual one. No other order has this price, so an amount of money tells whose it is.
    pub(crate) fn send_order(&mut self, told: Told, price: i64, style: Option<Style>) {
        let order_id = format!("ord-{price}");
        let (mut products, mut quantities) = ([0; 2], [0; 2]);
        for index in 0..2 {
            products[index] = self.dice.below(3);
            quantities[index] = 1 + i64::try_from(self.dice.below(3)).expect("small");
        }
        let lines: Vec<_> = match told {
            Told::Scarce => vec![(SCARCE, 1)],
            Told::OutOfStock => vec![(STOCK[products[0]].0, quantities[0]), ("prod-none", 1)],
            _ => (0..2)
                .map(|index| (STOCK[products[index]].0, quantities[index]))
                .collect(),
        };
        let total = price * lines.iter().map(|(_, quantity)| quantity).sum::<i64>();
        let items: Vec<_> = lines
            .into_iter()
            .map(|(product, quantity)| {
                json!({"productId": product, "quantity": quantity, "unitPrice": {"amount": price, "currency": "EUR"}})
            })
            .collect();
        let method = match told {
            Told::Decline => "sandbox-decline",
            Told::FlakyPayment => "sandbox-fail-2",
            Told::BrokenPayment => "sandbox-fail-40",
            _ => "sandbox-approve",
        };
        let line = match told {
            Told::Undeliverable => "sandbox-undeliverable",
            Told::FlakyCarrier => "sandbox-fail-3",
            _ => "1 High Street",
        };
        let mut event = json!({"eventId": format!("placed-{order_id}"), "eventType": "OrderPlaced", "data": {
            "orderId": order_id, "customerId": "cust-1", "items": items,
            "total": {"amount": total, "currency": "EUR"},
            "shippingAddress": {"line1": line}, "payment": {"method": method},
        }});
        if let Some(style) = style {
            event["data"]["workflow"] = json!(style);
        }
        for _ in 0..=self.dice.below(3) {
            self.send(&event);
        }
        self.orders.insert(order_id, (told, total));
    }

    /// Messages that must end as dead letters, and disturb nobody.
    pub(crate) fn send_rubbish(&mut self) {
        self.send(&json!({"eventType": "OrderPlaced", "data": {}}));
        self.send(&json!({"eventId": "forged-1", "eventType": "PaymentCompleted", "data": {}}));
        let unsealed = json!({"eventId": "forged-2", "eventType": "OrderPlaced", "schemaVersion": 1,
            "timestamp": "2026-01-01T00:00:00Z", "aggregateType": "Order", "aggregateId": "ord-x", "version": 1,
            "data": {}, "metadata": {"correlationId": "x"}});
        let message = json!({"detail-type": "OrderPlaced", "detail": unsealed});
        self.enqueue("reserve-inventory", message);
    }

    fn send(&mut self, detail: &Value) {
        let message = json!({"source": "shop.test", "detail": detail});
        self.enqueue("accept-event", message);
    }
}
