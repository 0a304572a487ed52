//! The contract of the views' port: the table and the views in memory obey the same cases.
//! `EVENT_STORE_TEST_ENDPOINT` names a running DynamoDB to try instead of the embedded one.

use std::collections::BTreeMap;

use adapter_dynamodb::Views;
use futures::future::join_all;
use ports::{
    Addition, Change, Consistency, Ids, ListViews, ListedAt, LoadView, MemoryViews, Page,
    RandomIds, Revision, SaveView, SaveViewError, Viewed,
};
use testkit::{Dynamo, dynamo};

trait Port: LoadView + SaveView + ListViews {}
impl<V: LoadView + SaveView + ListViews> Port for V {}

fn fresh(name: &str) -> String {
    format!("{name}#{}", RandomIds.next())
}

async fn seen<V: Port>(views: &V, key: &str) -> Option<Viewed<String>> {
    let found = views.load(key, Consistency::Strong).await;
    found.expect("the table answers")
}

/// Only one of two who have seen the same wins.
async fn a_view_is_saved_over_what_its_writer_saw_and_nothing_else<V: Port>(views: &V) {
    let key = fresh("view");
    assert_eq!(seen(views, &key).await, None);
    for (revision, text) in ["first", "second"].into_iter().enumerate() {
        let text = text.to_owned();
        let change = Change::new(&key, &text, Revision(revision as u64));
        views.save(&change).await.expect("as it was seen");
        let again = views.save(&change).await;
        assert!(matches!(again, Err(SaveViewError::Conflict)), "{again:?}");
        let found = seen(views, &key).await.expect("a view");
        assert_eq!((found.view, found.revision.0), (text, revision as u64 + 1));
    }
}

async fn save_at<V: Port>(views: &V, list: &str, place: &str, revision: u64) -> String {
    let (key, text) = (format!("{list}/{place}"), place.to_owned());
    let change = Change {
        listed: Some(ListedAt {
            list: list.to_owned(),
            place: place.to_owned(),
        }),
        ..Change::new(&key, &text, Revision(revision))
    };
    views.save(&change).await.expect("as it was seen");
    key
}

/// Everything that a page and those behind it have.
async fn pages<V: Port>(views: &V, page: Page<'_>) -> Vec<Vec<String>> {
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let page = Page {
            after: after.as_ref(),
            ..page
        };
        let listing = views
            .list::<String>(&page)
            .await
            .expect("the table answers");
        pages.push(listing.entries);
        after = listing.next;
        if after.is_none() {
            return pages;
        }
    }
}

async fn a_list_is_read_in_order_from_both_ends_and_page_by_page<V: Port>(views: &V) {
    let list = fresh("list");
    for place in ["d", "a", "c", "e", "b"] {
        save_at(views, &list, place, 0).await;
    }
    save_at(views, &fresh("list"), "x", 0).await;
    let page = Page::of(&list, 2);
    let forwards = [vec!["a", "b"], vec!["c", "d"], vec!["e"]];
    assert_eq!(pages(views, page).await, forwards);
    let reversed = Page {
        reversed: true,
        ..page
    };
    let backwards = [vec!["e", "d"], vec!["c", "b"], vec!["a"]];
    assert_eq!(pages(views, reversed).await, backwards);
    let within = Page {
        from: Some("b"),
        to: Some("d"),
        ..page
    };
    assert_eq!(pages(views, within).await.concat(), ["b", "c", "d"]);
    let open = Page {
        from: Some("d"),
        ..page
    };
    assert_eq!(pages(views, open).await.concat(), ["d", "e"]);
    // No page behind the last, also if that is full.
    let five = vec![vec!["a", "b", "c", "d", "e"]];
    assert_eq!(pages(views, Page::of(&list, 5)).await, five);
    let none: [[&str; 0]; 1] = [[]];
    assert_eq!(pages(views, Page::of(&fresh("none"), 2)).await, none);
}

async fn a_view_stands_where_it_was_saved_last<V: Port>(views: &V) {
    let list = fresh("list");
    let key = save_at(views, &list, "a", 0).await;
    save_at(views, &list, "b", 0).await;
    let text = "moved".to_owned();
    let moved = Change {
        listed: Some(ListedAt {
            list: list.clone(),
            place: "c".to_owned(),
        }),
        ..Change::new(&key, &text, Revision(1))
    };
    views.save(&moved).await.expect("as it was seen");
    let page = Page::of(&list, 10);
    assert_eq!(pages(views, page).await.concat(), ["b", "moved"]);
    let gone = Change::new(&key, &text, Revision(2));
    views.save(&gone).await.expect("as it was seen");
    assert_eq!(pages(views, page).await.concat(), ["b"]);
}

fn addition(list: &str, amounts: &[(&str, i64)]) -> Addition {
    let amounts = amounts.iter().map(|(name, by)| ((*name).to_owned(), *by));
    Addition {
        total: format!("{list}/total"),
        listed: ListedAt {
            list: list.to_owned(),
            place: "total".to_owned(),
        },
        amounts: amounts.collect(),
    }
}

async fn amounts<V: Port>(views: &V, list: &str) -> BTreeMap<String, i64> {
    let totals = views.totals(&Page::of(list, 10)).await;
    let mut totals = totals.expect("the table answers").entries;
    assert!(totals.len() <= 1);
    totals.pop().map(|total| total.amounts).unwrap_or_default()
}

async fn what_is_not_saved_adds_nothing_and_what_is_adds_once<V: Port>(views: &V) {
    let (list, key, text) = (fresh("totals"), fresh("view"), "x".to_owned());
    let first = Change {
        additions: vec![addition(&list, &[("orders", 1), ("revenue:EUR", 500)])],
        ..Change::new(&key, &text, Revision(0))
    };
    views.save(&first).await.expect("as it was seen");
    let again = views.save(&first).await;
    assert!(matches!(again, Err(SaveViewError::Conflict)), "{again:?}");
    let second = Change {
        additions: vec![addition(&list, &[("revenue:EUR", -700), ("refunds", 1)])],
        ..Change::new(&key, &text, Revision(1))
    };
    views.save(&second).await.expect("as it was seen");
    let expected = [("orders", 1), ("refunds", 1), ("revenue:EUR", -200)];
    let expected = expected.map(|(name, amount)| (name.to_owned(), amount));
    assert_eq!(amounts(views, &list).await, BTreeMap::from(expected));
    assert_eq!(
        seen(views, &key).await.expect("a view").revision,
        Revision(2)
    );
}

/// A conflict may also be that somebody else is at the total; then it is tried again.
async fn a_total_is_the_sum_of_what_its_writers_added<V: Port>(views: &V) {
    let list = fresh("totals");
    let writer = async |number: u64| {
        let (key, text) = (fresh("view"), "x".to_owned());
        for revision in 0..5 {
            let change = Change {
                additions: vec![addition(&list, &[("sum", 10_i64.pow(number as u32))])],
                ..Change::new(&key, &text, Revision(revision))
            };
            while let Err(error) = views.save(&change).await {
                assert!(matches!(error, SaveViewError::Conflict), "{error:?}");
                let found = seen(views, &key).await.map_or(0, |found| found.revision.0);
                assert_eq!(found, revision, "nothing was saved");
                tokio::task::yield_now().await;
            }
        }
    };
    join_all((0..6).map(writer)).await;
    assert_eq!(amounts(views, &list).await["sum"], 555_555);
}

async fn obeys_the_contract<V: Port>(views: &V) {
    a_view_is_saved_over_what_its_writer_saw_and_nothing_else(views).await;
    a_list_is_read_in_order_from_both_ends_and_page_by_page(views).await;
    a_view_stands_where_it_was_saved_last(views).await;
    what_is_not_saved_adds_nothing_and_what_is_adds_once(views).await;
    a_total_is_the_sum_of_what_its_writers_added(views).await;
}

#[tokio::test]
async fn views_on_a_table_obey_the_contract() {
    let dynamo = Dynamo::from_env().await;
    obeys_the_contract(&Views::new(dynamo.client(), dynamo::VIEWS_TABLE)).await;
}

#[tokio::test]
async fn views_in_memory_obey_the_contract() {
    obeys_the_contract(&MemoryViews::default()).await;
}
