//! What one may subscribe to, and who subscribes, as texts in a table.

use http_api::Caller;
use serde_json::{Value, json};

/// What a subscription is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topic {
    /// One order.
    Order(String),
    /// All orders of a customer.
    Customer(String),
}

impl Topic {
    /// The name of the topic in frames and messages, and the id.
    #[must_use]
    pub fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Order(id) => ("order", id),
            Self::Customer(id) => ("customer", id),
        }
    }

    /// The message with a field that says what it is about.
    pub(crate) fn about(&self, mut message: Value) -> Value {
        let (name, id) = self.parts();
        message[name] = json!(id);
        message
    }
}

impl std::fmt::Display for Topic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (name, id) = self.parts();
        write!(f, "{name}#{id}")
    }
}

const OPERATOR: &str = "operator:";
const CUSTOMER: &str = "customer:";

/// A caller as a text.
#[must_use]
pub fn text_of(caller: &Caller) -> String {
    let kind = match caller {
        Caller::Operator(_) => OPERATOR,
        Caller::Customer(_) => CUSTOMER,
    };
    format!("{kind}{}", caller.subject())
}

/// The caller that a text stands for.
#[must_use]
pub fn caller_in(text: &str) -> Option<Caller> {
    let customer = text.strip_prefix(CUSTOMER);
    let operator = text.strip_prefix(OPERATOR);
    let customer = customer.map(|subject| Caller::Customer(subject.to_owned()));
    customer.or_else(|| Some(Caller::Operator(operator?.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_reads_back_and_no_customer_is_taken_for_an_operator() {
        for subject in ["cust-1", "operator", "operator:x", "customer:x", ""] {
            for kind in [Caller::Customer, Caller::Operator] {
                let caller = kind(subject.to_owned());
                assert_eq!(caller_in(&text_of(&caller)), Some(caller));
            }
        }
        assert_eq!(caller_in("cust-1"), None);
    }
}
