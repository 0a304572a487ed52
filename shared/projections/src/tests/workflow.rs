//! What is said of workflows of both styles, and what is drawn of them.

use envelope::{Envelope, Timestamp};
use serde_json::{Value, json};

use super::conducted::Conducted;
use super::expected;
use super::history::History;
use crate::workflow::{Account, State, StepState, View, mermaid, svg, whole};
use crate::{OrderStatus, Workflow};
use projection_kit::Projection;

async fn views() -> std::collections::BTreeMap<String, View> {
    let history = History::of_a_shop().await;
    expected::<Workflow>(&history.events()).views
}

fn states(account: &Account) -> (State, StepState, Vec<StepState>) {
    let steps = account.steps().map(|step| step.state).collect();
    (account.state, account.start.state, steps)
}

#[tokio::test]
async fn an_orchestrated_order_is_where_its_saga_is() {
    use StepState::{
        Compensated, Compensating, Done, Failed as Broken, InFlight, Skipped, Stuck, Waiting,
    };
    let views = views().await;
    let cases = [
        (
            Conducted::Running,
            State::Running,
            Done,
            [InFlight, Waiting, Waiting, Waiting],
        ),
        (
            Conducted::Completed,
            State::Completed,
            Done,
            [Done, Done, Done, Done],
        ),
        (
            Conducted::Declined,
            State::Failed,
            Compensated,
            [Compensated, Broken, Skipped, Skipped],
        ),
        (
            Conducted::Unbegun,
            State::Cancelled,
            Done,
            [Skipped, Skipped, Skipped, Skipped],
        ),
        (
            Conducted::Stuck,
            State::Stuck,
            Compensated,
            [Done, Done, Stuck, Skipped],
        ),
        (
            Conducted::Late,
            State::Compensating,
            Compensated,
            [Compensated, Compensating, Skipped, Skipped],
        ),
    ];
    for (end, state, start, steps) in cases {
        let view = &views[&end.id()];
        let account = view.account(Timestamp::from_millis(0));
        assert_eq!(states(&account), (state, start, steps.to_vec()), "{end:?}");
        assert_eq!(view.is_open(), state.is_open(), "{end:?}");
    }
    let completed = views[&Conducted::Completed.id()].story.status();
    assert_eq!(completed, OrderStatus::Completed);
    let late = &views[&Conducted::Late.id()].steps()[1];
    assert_eq!(late.resolution.as_deref(), Some("asked the provider"));
    assert_eq!(
        (late.attempts, late.compensation_attempts),
        (Some(2), Some(1))
    );
}

#[tokio::test]
async fn the_view_keeps_nothing_of_what_the_saga_keeps_for_its_commands() {
    let json = serde_json::to_string(&views().await).expect("JSON");
    assert!(json.contains("saga-completed") && !json.contains("shippingAddress"));
}

#[tokio::test]
async fn open_workflows_stand_in_the_list_of_their_state_and_ended_ones_in_none() {
    let lists = expected::<Workflow>(&History::of_a_shop().await.events()).lists;
    let ids = |state: State| {
        let list = lists[state.name()].iter();
        list.map(|view| view.order_id.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(ids(State::Stuck), ["saga-stuck"]);
    assert_eq!(ids(State::Compensating), ["ord-8", "ord-10", "saga-late"]);
    assert_eq!(ids(State::Running), ["ord-0", "ord-3", "saga-running"]);
    assert_eq!(lists.len(), 3);
}

/// Which step came of what is read from the events, and not from the plan.
#[test]
fn the_steps_of_a_choreography_begin_with_what_caused_them() {
    let mut view = Workflow::new("ord-1");
    let event = |kind: &str, event: &str, id: &str, cause: &str, at: &str| -> Envelope {
        let data = json!({
            "orderId": "ord-1", "customerId": "c", "items": [], "total": { "amount": 1, "currency": "EUR" },
            "amount": { "amount": 1, "currency": "EUR" }, "shippingAddress": { "line1": "x" },
            "payment": { "method": "m" }, "providerReference": "R", "trackingNumber": "T", "reason": "none",
        });
        let envelope = json!({
            "eventId": id, "eventType": event, "schemaVersion": 1, "timestamp": at, "aggregateType": kind,
            "aggregateId": "ord-1", "version": 1, "data": data,
            "metadata": { "correlationId": "s", "causationId": cause, "attempt": 3 },
        });
        serde_json::from_value(envelope).expect("an envelope")
    };
    let at = |second: u32| format!("2026-01-01T00:00:0{second}Z");
    // Somebody has payment react to the order itself, side by side with stock.
    let events = [
        event("Payment", "PaymentCompleted", "e-3", "e-1", &at(3)),
        event("Order", "OrderPlaced", "e-1", "request", &at(1)),
        event("Reservation", "InventoryReserved", "e-2", "e-1", &at(2)),
    ];
    for event in &events {
        Workflow::fold(&mut view, event).expect("known");
    }
    let steps = view.steps();
    let causes: Vec<_> = steps.iter().map(|step| step.caused_by.as_deref()).collect();
    let began: Vec<_> = steps.iter().map(|step| step.began_at).collect();
    let (placed, paid) = (Timestamp::parse(&at(1)), Timestamp::parse(&at(3)));
    assert_eq!(
        causes,
        [
            Some("OrderPlaced"),
            Some("OrderPlaced"),
            Some("PaymentCompleted")
        ]
    );
    assert_eq!(began, [placed, placed, paid]);
    assert_eq!(steps[1].attempts, Some(3));
    assert_eq!(steps[2].state, StepState::InFlight);
}

/// An answer that comes after the end opens the workflow again; its last word closes it.
#[tokio::test]
async fn a_workflow_is_open_again_when_a_late_answer_is_undone() {
    let history = History::of_a_shop().await;
    let late = Conducted::Late.id();
    let of_saga =
        |event: &&Envelope| event.aggregate_id == late && event.aggregate_type == "OrderSaga";
    let events = history.events();
    let mut view = Workflow::new(&late);
    let mut open = Vec::new();
    for event in events.iter().filter(of_saga) {
        Workflow::fold(&mut view, event).expect("known");
        if event.event_type == "SagaCompensated" {
            open.push(view.is_open());
        }
    }
    assert_eq!(open, [false]);
    assert!(view.is_open(), "the money is to be given back");
}

#[tokio::test]
async fn a_message_that_the_view_need_not_know_is_passed_over_and_progress_is_not() {
    let history = History::of_a_shop().await;
    let events = history.events();
    let command = events
        .iter()
        .find(|event| event.event_type == "ReserveInventory");
    let mut command = command.expect("it was sent").clone();
    let mut view = Workflow::new("saga-running");
    command.event_type = "PaintInventory".to_owned();
    assert_eq!(Workflow::fold(&mut view, &command), Ok(()));
    command.event_type = "SagaPainted".to_owned();
    assert!(Workflow::fold(&mut view, &command).is_err());
}

fn now(view: &View) -> Timestamp {
    let updated = view.account(Timestamp::from_millis(0)).updated_at;
    Timestamp::from_millis(updated.expect("something happened").as_millis() + 42_000)
}

/// What a picture and its text are made of, for those that a person will look at.
#[tokio::test]
async fn workflows_are_told_and_drawn_as_pinned() {
    let views = views().await;
    for id in [
        "ord-3",
        "ord-5",
        "saga-running",
        "saga-completed",
        "saga-declined",
        "saga-stuck",
    ] {
        let view = &views[id];
        let account = view.account(now(view));
        insta::assert_json_snapshot!(format!("{id}.json"), whole(view, now(view)));
        insta::assert_snapshot!(format!("{id}.mermaid"), mermaid(&account));
        insta::assert_snapshot!(format!("{id}.svg"), svg(&account));
    }
}

/// Of this saga no two steps run side by side; of others some will.
#[tokio::test]
async fn steps_of_one_stage_stand_above_each_other() {
    let views = views().await;
    let view = &views["saga-declined"];
    let mut account = view.account(now(view));
    let aside = account.stages.remove(1);
    account.stages[0].extend(aside);
    let picture = svg(&account);
    insta::assert_snapshot!("side-by-side.svg", picture);
    insta::assert_snapshot!("side-by-side.mermaid", mermaid(&account));
}

/// Reasons are written by whoever feels like it.
#[tokio::test]
async fn what_comes_from_outside_is_text_and_nothing_else() {
    let views = views().await;
    let view = &views[&Conducted::Declined.id()];
    let mut account = view.account(now(view));
    let hostile = format!(
        "<script>alert('1')</script> \"]; click a \"javascript:x\" & ]]> \u{0}\u{1b} {}",
        "x".repeat(5_000)
    );
    account.order_id = hostile.clone();
    account.reason = Some(hostile.clone());
    for step in account.stages.iter_mut().flatten() {
        step.name = hostile.clone();
        step.reason = Some(hostile.clone());
        step.compensation_reason = Some(hostile.clone());
        step.caused_by = Some(hostile.clone());
    }
    let picture = svg(&account);
    assert!(!picture.contains("<script") && !picture.contains("alert('"));
    assert!(!picture.contains('\u{0}') && !picture.contains('\u{1b}'));
    assert!(picture.len() < 30_000, "{}", picture.len());
    let elements = picture.matches('<').count();
    assert_eq!(elements, picture.matches('>').count());
    let text = mermaid(&account);
    assert!(!text.contains("<script"));
    assert!(!text.lines().any(|line| line.trim().starts_with("click")));
    for line in text.lines().skip(3).filter(|line| line.contains(":::")) {
        assert_eq!(line.matches('"').count(), 2, "{line}");
    }
    assert!(text.len() < 12_000, "{}", text.len());
    let title = text
        .lines()
        .nth(1)
        .and_then(|line| line.strip_prefix("title: "));
    let title: Value = serde_json::from_str(title.expect("a title")).expect("one text");
    assert!(title.is_string());
}
