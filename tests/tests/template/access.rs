//! Who may do what: each role and policy allows what its owner needs, and nobody forges an event of this system.
//!
//! Actions and resources are compared as they are written; there is no evaluation of policies here, so the rules are
//! stricter than IAM: no wildcard in an action, none as a resource but for the listed exceptions.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use tests::rules::alternatives;

use crate::plain_form::{Template, actions, statements, target, text};

/// The streams of an order.
const OF_ORDERS: [&str; 4] = ["Order#*", "Payment#*", "Reservation#*", "Shipment#*"];

/// The same, and that of its saga.
const OF_WORKFLOWS: [&str; 5] = [
    "Order#*",
    "OrderSaga#*",
    "Payment#*",
    "Reservation#*",
    "Shipment#*",
];

/// The kinds of streams that a function may read and may write, and claims, which are kept beside them.
///
/// Written out, since no other place in the template says what a function is about: a kind more is a decision.
const STREAMS: [(&str, &[&str], &[&str]); 25] = [
    (
        "AcceptEventRole",
        &["Customer#*", "Order#*", "StockItem#*", "claim#*"],
        &["Customer#*", "Order#*", "StockItem#*", "claim#*"],
    ),
    (
        "CancelOrderRole",
        &["Order#*", "claim#*"],
        &["Order#*", "claim#*"],
    ),
    ("ChargePaymentRole", &["Payment#*"], &["Payment#*"]),
    ("ConcludeOrderRole", &["Order#*"], &["Order#*"]),
    ("ConductOrderRole", &["OrderSaga#*"], &["OrderSaga#*"]),
    ("EmailCustomerRole", &["Customer#*"], &[]),
    ("ExpireOrderRole", &["Order#*", "Payment#*"], &["Order#*"]),
    (
        "PlaceOrderRole",
        &["Customer#*", "Order#*", "claim#*"],
        &["Order#*", "claim#*"],
    ),
    ("ProjectCustomerOrdersRole", &OF_ORDERS, &[]),
    ("ProjectOrderRole", &OF_ORDERS, &[]),
    ("ProjectReadyOrdersRole", &OF_ORDERS, &[]),
    ("ProjectSalesRole", &OF_ORDERS, &[]),
    ("ProjectStockRole", &["StockItem#*"], &[]),
    ("ProjectWorkflowRole", &OF_WORKFLOWS, &[]),
    ("QueryOrderRole", &["Order#*"], &[]),
    ("RecallShipmentRole", &["Shipment#*"], &["Shipment#*"]),
    ("RefundPaymentRole", &["Payment#*"], &["Payment#*"]),
    (
        "ReleaseInventoryRole",
        &["Reservation#*", "StockItem#*"],
        &["Reservation#*", "StockItem#*"],
    ),
    (
        "ReserveInventoryRole",
        &["Reservation#*", "StockItem#*"],
        &["Reservation#*", "StockItem#*"],
    ),
    (
        "RestockProductRole",
        &["StockItem#*", "claim#*"],
        &["StockItem#*", "claim#*"],
    ),
    ("ServeSocketRole", &["Order#*"], &[]),
    ("ShipOrderRole", &["Shipment#*"], &["Shipment#*"]),
    (
        "SteerWorkflowRole",
        &["OrderSaga#*", "claim#*"],
        &["OrderSaga#*", "claim#*"],
    ),
    ("TextCustomerRole", &["Customer#*"], &[]),
    (
        "UpdateCustomerRole",
        &["Customer#*", "claim#*"],
        &["Customer#*", "claim#*"],
    ),
];

/// Statements that may name every resource: neither X-Ray's actions, nor a phone number, nor an address that may be
/// verified through its domain can be named more closely.
const MAY_NAME_EVERYTHING: [(&str, &str); 3] = [
    ("*", "Trace"),
    ("TextCustomerRole", "SendText"),
    ("EmailCustomerRole", "SendEmail"),
];

#[test]
fn a_queue_lets_in_nobody_but_the_one_rule_that_feeds_it() {
    let template = Template::read();
    for policy in template.of("AWS::SQS::QueuePolicy") {
        let queues = policy.properties["Queues"]
            .as_array()
            .expect("a policy has queues");
        for statement in statements(&policy.properties["PolicyDocument"]) {
            assert_eq!(statement["Effect"], "Allow", "{}", policy.name);
            assert_eq!(statement["Action"], "sqs:SendMessage", "{}", policy.name);
            assert_eq!(
                statement["Principal"],
                json!({ "Service": "events.amazonaws.com" }),
                "{}",
                policy.name
            );
            let source = target(&statement["Condition"]["ArnEquals"]["aws:SourceArn"]);
            assert_eq!(
                template.get(source).kind,
                "AWS::Events::Rule",
                "{}",
                policy.name
            );
            assert!(
                queues
                    .iter()
                    .all(|queue| target(queue) == target(&statement["Resource"])),
                "{}",
                policy.name
            );
        }
    }
}

#[test]
fn every_function_has_a_role_of_its_own_without_managed_policies() {
    let template = Template::read();
    let functions: Vec<_> = template.of("AWS::Lambda::Function").collect();
    let roles: BTreeSet<_> = functions
        .iter()
        .map(|function| target(&function.properties["Role"]))
        .collect();
    assert_eq!(roles.len(), functions.len());
    for role in template.of("AWS::IAM::Role") {
        assert!(
            role.properties.get("ManagedPolicyArns").is_none(),
            "{}",
            role.name
        );
    }
}

#[test]
fn no_role_reaches_further_than_the_listed_exceptions() {
    let template = Template::read();
    for role in template.of("AWS::IAM::Role") {
        for statement in template.role_statements(role.name) {
            let listed = MAY_NAME_EVERYTHING.iter().any(|(owner, sid)| {
                (*owner == "*" || *owner == role.name) && statement["Sid"] == *sid
            });
            assert!(
                statement["Effect"] == "Deny" || statement["Resource"] != "*" || listed,
                "{}: {statement}",
                role.name
            );
            for action in actions(statement) {
                assert!(!action.contains('*'), "{}: {action}", role.name);
            }
        }
    }
}

#[test]
fn every_function_reads_and_writes_the_streams_it_is_about_and_no_others() {
    let template = Template::read();
    let mut expected = BTreeMap::new();
    for (role, read, written) in STREAMS {
        for (action, kinds) in [("dynamodb:Query", read), ("dynamodb:PutItem", written)] {
            if !kinds.is_empty() {
                expected.insert((role, action), json!(kinds));
            }
        }
    }
    let mut granted = BTreeMap::new();
    for role in template.of("AWS::IAM::Role") {
        for statement in template.role_statements(role.name) {
            if statement["Resource"] != json!({ "Fn::GetAtt": ["EventsTable", "Arn"] }) {
                continue;
            }
            let mut kinds =
                statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"].clone();
            if let Some(kinds) = kinds.as_array_mut() {
                kinds.sort_by(|one, other| text(one).cmp(text(other)));
            }
            for action in actions(statement) {
                let before = granted.insert((role.name, action), kinds.clone());
                assert_eq!(before, None, "{}: {action} twice", role.name);
            }
        }
    }
    assert_eq!(granted, expected);
}

#[test]
fn every_projection_writes_its_own_views_and_no_others() {
    let template = Template::read();
    let mut writers = BTreeMap::new();
    for role in template.of("AWS::IAM::Role") {
        for statement in template.role_statements(role.name) {
            let views = statement["Resource"] == json!({ "Fn::GetAtt": ["ViewsTable", "Arn"] });
            if views && actions(statement).any(|action| action == "dynamodb:PutItem") {
                let keys =
                    &statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
                let model = text(&keys[0]).trim_end_matches("@*");
                assert_eq!(*keys, json!([format!("{model}@*")]));
                assert_eq!(writers.insert(model.to_owned(), role.name), None);
            }
        }
    }
    let expected = [
        ("customer-orders", "ProjectCustomerOrdersRole"),
        ("order", "ProjectOrderRole"),
        ("ready-orders", "ProjectReadyOrdersRole"),
        ("sales", "ProjectSalesRole"),
        ("stock", "ProjectStockRole"),
        ("workflow", "ProjectWorkflowRole"),
    ];
    let expected = expected.map(|(model, role)| (model.to_owned(), role));
    assert_eq!(writers, BTreeMap::from(expected));
}

#[test]
fn only_the_relay_publishes_on_the_domain_bus() {
    let template = Template::read();
    for role in template.of("AWS::IAM::Role") {
        let publishes = template
            .role_statements(role.name)
            .flat_map(actions)
            .any(|action| action == "events:PutEvents");
        assert_eq!(publishes, role.name == "RelayEventsRole", "{}", role.name);
    }
    let bus = template.get("DomainBus").properties;
    let relay = template.get("RelayEventsRole").properties;
    let guards: Vec<_> = statements(&bus["Policy"]).collect();
    assert_eq!(guards.len(), 1);
    assert_eq!(
        (&guards[0]["Effect"], &guards[0]["Principal"]),
        (&json!("Deny"), &json!("*"))
    );
    assert_eq!(guards[0]["Action"], "events:PutEvents");
    assert!(
        text(&guards[0]["Resource"]["Fn::Sub"])
            .ends_with(&format!(":event-bus/{}", text(&bus["Name"]["Fn::Sub"])))
    );
    let spared = &guards[0]["Condition"]["ArnNotEquals"]["aws:PrincipalArn"]["Fn::Sub"];
    assert!(text(spared).ends_with(&format!(":role/{}", text(&relay["RoleName"]["Fn::Sub"]))));
}

#[test]
fn every_rule_on_the_domain_bus_takes_named_events_of_this_system_only() {
    let template = Template::read();
    for rule in template.of("AWS::Events::Rule") {
        if target(&rule.properties["EventBusName"]) == "DomainBus" {
            let ways = alternatives(&rule.properties["EventPattern"]);
            for way in ways.expect("a pattern") {
                assert_eq!(way["source"], json!(["event-router"]), "{}", rule.name);
                let named = way["detail-type"].is_array();
                let of_sagas = way["detail"]["aggregateType"] == json!(["OrderSaga"]);
                assert!(named || of_sagas, "{}: {way}", rule.name);
            }
        }
    }
}

#[test]
fn every_function_that_takes_events_from_the_domain_bus_can_check_their_seal() {
    let template = Template::read();
    for rule in template.of("AWS::Events::Rule") {
        if target(&rule.properties["EventBusName"]) == "DomainBus" {
            let queue = target(&rule.properties["Targets"][0]["Arn"]);
            for mapping in
                template.pointing_at("AWS::Lambda::EventSourceMapping", "EventSourceArn", queue)
            {
                let function = template.get(target(&mapping["FunctionName"]));
                let key = &function.properties["Environment"]["Variables"]["SEAL_KEY"]["Fn::Sub"];
                assert_eq!(
                    key, "{{resolve:secretsmanager:${SealKey}}}",
                    "{}",
                    function.name
                );
            }
        }
    }
}

/// Routes that anyone may call.
const OPEN: [&str; 3] = ["GET /docs", "GET /docs/{file}", "GET /openapi.json"];

#[test]
fn the_apis_may_call_their_functions_and_nobody_else_may() {
    let template = Template::read();
    for permission in template.of("AWS::Lambda::Permission") {
        assert_eq!(
            permission.properties["Principal"], "apigateway.amazonaws.com",
            "{}",
            permission.name
        );
        let function = target(&permission.properties["FunctionName"]);
        let integrations =
            template.pointing_at("AWS::ApiGatewayV2::Integration", "IntegrationUri", function);
        let api = target(&integrations[0]["ApiId"]);
        let caller = text(&permission.properties["SourceArn"]["Fn::Sub"]);
        assert!(
            caller.contains(&format!(":${{{api}}}/")),
            "{}: {caller}",
            permission.name
        );
    }
}

#[test]
fn every_route_of_the_http_api_asks_who_calls_and_the_socket_is_opened_by_tickets_alone() {
    let template = Template::read();
    for route in template.of("AWS::ApiGatewayV2::Route") {
        let key = text(&route.properties["RouteKey"]);
        match target(&route.properties["ApiId"]) {
            "Api" if OPEN.contains(&key) => {
                assert_eq!(route.properties["AuthorizationType"], "NONE");
            }
            "Api" => {
                let authorizer = template.get(target(&route.properties["AuthorizerId"]));
                assert_eq!(route.properties["AuthorizationType"], "JWT", "{key}");
                assert_eq!(authorizer.properties["AuthorizerType"], "JWT");
                let jwt = &authorizer.properties["JwtConfiguration"];
                assert_eq!(target(&jwt["Issuer"]), "JwtIssuer");
                assert_eq!(target(&jwt["Audience"][0]), "JwtAudience");
            }
            "SocketApi" => {
                let integration = text(&route.properties["Target"]["Fn::Sub"]);
                assert_eq!(integration, "integrations/${ServeSocketIntegration}");
            }
            other => panic!(
                "{}: how callers of {other} are known is not said",
                route.name
            ),
        }
    }
    let with_key = template.of("AWS::Lambda::Function").filter(|function| {
        let variables = &function.properties["Environment"]["Variables"];
        variables["TICKET_KEY"]["Fn::Sub"] == "{{resolve:secretsmanager:${TicketKey}}}"
    });
    let with_key: BTreeSet<_> = with_key.map(|function| function.name).collect();
    assert_eq!(with_key, BTreeSet::from(["IssueTicket", "ServeSocket"]));
    let tickets = &template.get("IssueTicket").properties["Environment"]["Variables"];
    assert!(
        tickets.get("SEAL_KEY").is_none(),
        "who lets people in seals nothing"
    );
}

#[test]
fn frames_are_sent_to_the_connections_of_the_one_socket() {
    let template = Template::read();
    for role in template.of("AWS::IAM::Role") {
        for statement in template.role_statements(role.name) {
            if actions(statement).any(|action| action.starts_with("execute-api:")) {
                let connections = text(&statement["Resource"]["Fn::Sub"]);
                assert!(
                    connections.ends_with(":${SocketApi}/live/POST/@connections/*"),
                    "{}: {connections}",
                    role.name
                );
            }
        }
    }
}

#[test]
fn everything_at_rest_is_encrypted() {
    let template = Template::read();
    for queue in template.of("AWS::SQS::Queue") {
        assert_eq!(
            queue.properties["SqsManagedSseEnabled"], true,
            "{}",
            queue.name
        );
    }
    for table in template.of("AWS::DynamoDB::Table") {
        assert_eq!(
            table.properties["SSESpecification"]["SSEEnabled"], true,
            "{}",
            table.name
        );
    }
}
