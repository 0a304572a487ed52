//! A read model that is lost is made anew from what is stored, while the system works.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use adapter_dynamodb::Views;
use dev::args::{Arguments, Command, Model, OnUnreadable, Output, Rebuild};
use envelope::Version;
use ports::{Change, Consistency, LoadView, SaveView, Viewed};
use projection_kit::{Projection, Row};
use projections::{Order, order};

use crate::outside::Outside;

const ORDER: &str = "flow-rebuilt";
const PATIENCE: Duration = Duration::from_secs(60);

const KEY: &str = "order@1#flow-rebuilt";

async fn view(views: &Views) -> Viewed<Row<order::View>> {
    let found = views.load(KEY, Consistency::Strong).await;
    found.expect("the table answers").expect("a view")
}

pub(crate) async fn a_lost_view_is_rebuilt_and_the_query_answers_as_before(outside: &Outside<'_>) {
    let order = Outside::order(ORDER, "sandbox-approve", "prod-12");
    outside.put_inbound(&order).await;
    outside.wait_for(ORDER, "SHIPPED").await;
    let views = Views::new(outside.dynamodb.clone(), outside.stack.env("VIEWS_TABLE"));
    // The last event of all, so that nothing but the rebuild can fill what is wiped.
    let begun = Instant::now();
    while view(&views).await.view.version_of("Order") < Version::new(2) {
        assert!(
            begun.elapsed() < PATIENCE,
            "OrderFulfilled is not in the view"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let path = format!("/orders/{ORDER}");
    let before = outside.get(&path).await;

    let seen = view(&views).await.revision;
    let wiped = Row {
        versions: BTreeMap::new(),
        view: Order::new(ORDER),
    };
    let saved = views.save(&Change::new(KEY, &wiped, seen)).await;
    saved.expect("nobody else saves it");
    assert_ne!(outside.get(&path).await, before, "the view is wiped");

    let rebuild = Rebuild {
        model: Model::Order,
        segments: 3,
        rate: None,
        on_unreadable: OnUnreadable::Stop,
        resume: false,
        views: None,
        endpoint: Some(outside.stack.endpoint().to_owned()),
        output: Output { json: true },
    };
    let command = Command::Rebuild(rebuild);
    let ended = tokio::task::spawn_blocking(|| dev::main(Arguments { command }));
    assert_eq!(ended.await.expect("it ends"), ExitCode::SUCCESS);
    assert_eq!(outside.get(&path).await, before);
}
