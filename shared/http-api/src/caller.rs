//! Who asks.
//!
//! The gateway's JWT authoriser has checked issuer, audience, times and signature before a function
//! is invoked at all. Here its claims are only read. A request without any is refused: a route whose authoriser
//! was forgotten in the template must not be open.

use serde_json::{Map, Value};

use crate::{Request, Response};

/// The word in the claim `scope` that makes an operator.
pub const OPERATOR: &str = "operator";

/// Whoever sent a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A customer, by the claim `sub`.
    Customer(String),
    /// An operator, by the claim `scope`; with the claim `sub`.
    Operator(String),
}

impl Caller {
    /// The claim `sub`.
    #[must_use]
    pub fn subject(&self) -> &str {
        match self {
            Self::Customer(subject) | Self::Operator(subject) => subject,
        }
    }

    /// Whether what belongs to this customer is the caller's business.
    #[must_use]
    pub fn may_see(&self, customer_id: &str) -> bool {
        match self {
            Self::Customer(subject) => subject == customer_id,
            Self::Operator(_) => true,
        }
    }

    /// Fills a customer's own id into what he asks for, under this name: customers need not say who they are.
    ///
    /// # Errors
    /// A problem of status 403, if a customer says that he is another one.
    pub fn fill_in(&self, body: &mut Map<String, Value>, name: &str) -> Result<(), Response> {
        let Self::Customer(subject) = self else {
            return Ok(());
        };
        let said = body.entry(name).or_insert_with(|| subject.as_str().into());
        self.acts_for(said.as_str().unwrap_or_default())
    }

    /// Lets nobody but operators pass.
    ///
    /// # Errors
    /// A problem of status 403.
    pub fn operates(&self) -> Result<(), Response> {
        match self {
            Self::Operator(_) => Ok(()),
            Self::Customer(_) => Err(forbidden("this is for operators")),
        }
    }

    /// Lets the customer pass, and operators.
    ///
    /// # Errors
    /// A problem of status 403, which does not depend on whether there is such a customer.
    pub fn acts_for(&self, customer_id: &str) -> Result<(), Response> {
        if self.may_see(customer_id) {
            return Ok(());
        }
        Err(forbidden("this is for the customer and for operators"))
    }
}

fn forbidden(detail: &str) -> Response {
    Response::problem(403, "Forbidden", detail)
}

impl Request {
    /// Who sent it.
    ///
    /// # Errors
    /// A problem of status 401 without a subject.
    pub fn caller(&self) -> Result<Caller, Response> {
        let claims = &self.request_context.authorizer.jwt.claims;
        let claim = |name: &str| claims.get(name).and_then(|value| value.as_str());
        let Some(subject) = claim("sub").filter(|subject| !subject.is_empty()) else {
            return Err(Response::problem(
                401,
                "Unauthorized",
                "the token names no subject",
            ));
        };
        let mut scopes = claim("scope").unwrap_or_default().split(' ');
        Ok(if scopes.any(|scope| scope == OPERATOR) {
            Caller::Operator(subject.to_owned())
        } else {
            Caller::Customer(subject.to_owned())
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn caller(claims: &serde_json::Value) -> Result<Caller, u16> {
        let request =
            json!({ "requestContext": { "authorizer": { "jwt": { "claims": claims } } } });
        let request: Request = serde_json::from_value(request).expect("a request");
        request.caller().map_err(|problem| problem.status_code)
    }

    #[test]
    fn claims_say_who_asks_and_without_any_nobody_does() {
        let customer = Caller::Customer("cust-1".to_owned());
        assert_eq!(caller(&json!({ "sub": "cust-1" })), Ok(customer.clone()));
        for scope in ["orders", "", "operators", "no-operator", "Operator"] {
            let claims = json!({ "sub": "cust-1", "scope": scope });
            assert_eq!(caller(&claims), Ok(customer.clone()), "{scope}");
        }
        let operator = caller(&json!({ "sub": "ops", "scope": "orders operator" }));
        assert_eq!(operator, Ok(Caller::Operator("ops".to_owned())));
        for none in [
            json!({}),
            json!({ "sub": "" }),
            json!({ "sub": 7 }),
            json!({ "scope": "operator" }),
        ] {
            assert_eq!(caller(&none), Err(401));
        }
        let bare = Request::default().caller().expect_err("nobody");
        assert_eq!(bare.status_code, 401);
    }

    #[test]
    fn customers_are_kept_to_themselves() {
        let customer = Caller::Customer("cust-1".to_owned());
        assert_eq!(customer.acts_for("cust-1"), Ok(()));
        assert_eq!(
            customer
                .acts_for("cust-2")
                .expect_err("foreign")
                .status_code,
            403
        );
        assert_eq!(
            customer.operates().expect_err("no operator").status_code,
            403
        );
        let operator = Caller::Operator("cust-1".to_owned());
        assert_eq!(
            (operator.acts_for("cust-2"), operator.operates()),
            (Ok(()), Ok(()))
        );
    }
}
