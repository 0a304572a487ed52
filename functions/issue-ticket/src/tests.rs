//! Tickets, and for whom there are none.

use envelope::Timestamp;
use http_api::Caller;
use ports::ManualClock;
use push::Admitted;

use super::*;

const URL: &str = "wss://a1.execute-api.eu-west-1.amazonaws.com/live";

fn ask(context: &Value) -> Value {
    let clock = ManualClock::at(Timestamp::from_millis(1_000));
    let handler = IssueTicket::new(Tickets::new(b"key"), URL, clock);
    let request = json!({ "routeKey": "POST /push-tickets", "requestContext": context });
    let mut answer = handler.handle(request).expect("JSON");
    answer["body"] = serde_json::from_str(answer["body"].as_str().expect("text")).expect("JSON");
    answer
}

#[test]
fn a_caller_gets_the_address_of_the_socket_with_a_ticket_of_his_own() {
    let customer = json!({ "sub": "cust-1", "scope": "orders" });
    let operator = json!({ "sub": "anna", "scope": "operator" });
    let callers = [
        (customer, Caller::Customer("cust-1".to_owned())),
        (operator, Caller::Operator("anna".to_owned())),
    ];
    for (claims, caller) in callers {
        let answer = ask(&json!({ "authorizer": { "jwt": { "claims": claims } } }));
        assert_eq!(answer["statusCode"], 201);
        assert_eq!(answer["headers"]["cache-control"], "no-store");
        assert_eq!(answer["body"]["expiresAt"], "1970-01-01T00:01:01Z");
        let url = answer["body"]["url"].as_str().expect("an address");
        let ticket = url
            .strip_prefix(URL)
            .and_then(|rest| rest.strip_prefix("?ticket="));
        let ticket = ticket.expect("the socket's address and a ticket");
        let checked = Tickets::new(b"key").check(ticket, Timestamp::from_millis(60_999));
        let until = None;
        assert_eq!(checked, Ok(Admitted { caller, until }));
    }
}

#[test]
fn a_ticket_knows_when_the_token_expires_however_the_gateway_says_it() {
    let cases = [
        (json!(1_795_212_345), Some(1_795_212_345_000)),
        (json!("1795212345"), Some(1_795_212_345_000)),
        (json!("1.795212345E9"), Some(1_795_212_345_000)),
        (json!(1_795_212_345.5), Some(1_795_212_345_500)),
        (json!(30), Some(30_000)),
        (json!(-1), None),
        (json!("NaN"), None),
        (json!("1e300"), None),
        (json!("soon"), None),
        (json!([1]), None),
        (json!(null), None),
    ];
    for (exp, expected) in cases {
        let claims = json!({ "sub": "cust-1", "exp": exp });
        let answer = ask(&json!({ "authorizer": { "jwt": { "claims": claims } } }));
        let url = answer["body"]["url"].as_str().expect("an address");
        let (_, ticket) = url.split_once("?ticket=").expect("a ticket");
        let checked = Tickets::new(b"key").check(ticket, Timestamp::from_millis(1_000));
        let until = checked.expect("good").until;
        assert_eq!(until, expected.map(Timestamp::from_millis), "{exp}");
    }
}

#[test]
fn whoever_is_not_known_gets_none() {
    for context in [
        json!({}),
        json!({ "authorizer": { "jwt": { "claims": {} } } }),
    ] {
        let answer = ask(&context);
        assert_eq!(answer["statusCode"], 401);
        assert_eq!(answer["body"].get("url"), None);
    }
}
