//! Each kind of row that cannot be explained, found; and books that agree.

use serde_json::json;

use super::*;
use crate::saga::Story;

const ORDER: &str = "order";

fn saga(story: Story) -> Saga {
    Saga { fault: "fault".to_owned(), story, order: Some(ORDER.to_owned()), ended: Some(Ok(())) }
}

fn moved(payment: &str, is_refund: bool) -> Movement {
    Movement { payment: payment.to_owned(), is_refund, amount: 9990 }
}

fn event(topic: &str, data: Value) -> Event {
    Event { topic: topic.to_owned(), data }
}

/// All books of an order that was paid and repaired.
fn completed() -> Ledgers {
    let row = |value: Value| HashMap::from([(ORDER.to_owned(), vec![value])]);
    let told = ["work-order.created", "quote.approved", "payment.approved", "execution.completed"];
    Ledgers {
        sagas: vec![saga(Story::Happy)],
        orders: HashMap::from([(ORDER.to_owned(), json!({"id": ORDER, "status": "COMPLETED"}))]),
        quotes: row(json!({"id": "quote", "status": "APPROVED", "totalAmount": 99.9})),
        payments: row(json!({"id": "payment", "status": "APPROVED"})),
        jobs: row(json!({"id": "job", "status": "COMPLETED"})),
        movements: vec![moved("payment", false)],
        events: HashMap::from([(ORDER.to_owned(), told.map(|topic| event(topic, json!({}))).to_vec())]),
        ..Ledgers::default()
    }
}

fn wrongs(ledgers: &Ledgers) -> Vec<Wrong> {
    let mut wrongs: Vec<Wrong> = judge(ledgers).into_iter().map(|found| found.wrong).collect();
    wrongs.sort();
    wrongs.dedup();
    wrongs
}

/// The books after something was changed in them.
fn after(change: impl FnOnce(&mut Ledgers)) -> Vec<Wrong> {
    let mut ledgers = completed();
    change(&mut ledgers);
    wrongs(&ledgers)
}

#[test]
fn books_that_agree_are_explained() {
    assert_eq!(judge(&completed()), []);
}

#[test]
fn an_order_that_was_answered_and_is_not_there_is_lost() {
    assert!(after(|books| books.orders.clear()).contains(&Wrong::Lost));
}

#[test]
fn what_has_come_to_pass_must_have_been_told() {
    assert_eq!(after(|books| books.events.clear()), [Wrong::Lost]);
    assert_eq!(after(|books| books.jobs.clear()), [Wrong::Lost]);
}

#[test]
fn a_second_order_quote_job_or_capture_is_doubled() {
    let stranger = after(|books| drop(books.orders.insert("other".to_owned(), json!({"status": "PENDING"}))));
    assert_eq!(stranger, [Wrong::Doubled]);
    let twice = |book: &mut HashMap<String, Vec<Value>>| {
        book.values_mut().for_each(|rows| rows.push(rows[0].clone()))
    };
    assert!(after(|books| twice(&mut books.quotes)).contains(&Wrong::Doubled));
    assert!(after(|books| twice(&mut books.jobs)).contains(&Wrong::Doubled));
    assert!(after(|books| books.movements.push(moved("payment", false))).contains(&Wrong::Doubled));
}

#[test]
fn two_quotes_that_were_told_are_doubled_although_one_is_stored() {
    let told = after(|books| {
        let events = books.events.get_mut(ORDER).unwrap();
        events.extend(["one", "other"].map(|quote| event("quote.created", json!({ "quoteId": quote }))));
    });
    assert_eq!(told, [Wrong::Doubled]);
}

#[test]
fn money_that_is_held_or_missing_against_the_promises_is_wrong() {
    assert_eq!(after(|books| books.movements.clear()), [Wrong::Money]);
    assert_eq!(after(|books| books.movements.push(moved("payment", true))), [Wrong::Money]);
    assert_eq!(after(|books| books.movements.push(moved("unknown", false))), [Wrong::Money]);
    assert!(after(|books| books.movements[0].amount = 9989).contains(&Wrong::Money));
    let cancelled = after(|books| {
        books.sagas = vec![saga(Story::CancelAgainstRepair)];
        books.orders.values_mut().for_each(|order| order["status"] = json!("CANCELLED"));
    });
    assert!(cancelled.contains(&Wrong::Money), "{cancelled:?}");
}

#[test]
fn what_rests_somewhere_or_has_no_end_is_unfinished() {
    assert_eq!(after(|books| books.queues = [("os-quote-sent".to_owned(), 1)].into()), [Wrong::Unfinished]);
    assert_eq!(after(|books| books.unsent = [("os_service".to_owned(), 1)].into()), [Wrong::Unfinished]);
    assert_eq!(after(|books| books.sagas[0].ended = Some(Err("gone".to_owned()))), [Wrong::Unfinished]);
    assert_eq!(after(|books| books.sagas[0].story = Story::Fails), [Wrong::Unfinished]);
}

#[test]
fn a_dead_letter_is_explained_only_if_it_was_meant_to_be_one() {
    let letter = |body: &str| ("os-quote-sent.dlq".to_owned(), body.to_owned());
    let set_aside = after(|books| {
        books.poison.push("poison".to_owned());
        books.letters.push(letter("poison"));
    });
    assert_eq!(set_aside, []);
    assert_eq!(after(|books| books.letters.push(letter("{}"))), [Wrong::Lost]);
}

#[test]
fn a_part_is_where_its_order_has_it() {
    let shelf = |there: i64, aside: i64, line: &Value| {
        after(|books| {
            books.quotes.values_mut().flatten().for_each(|quote| quote["items"] = json!([line]));
            let part = json!({ "stockQuantity": there, "reserved": aside });
            books.parts = HashMap::from([("pad".to_owned(), part)]);
        })
    };
    let pad = json!({ "partId": "pad", "quantity": 1 });
    assert_eq!(shelf(ON_THE_SHELF - 1, 0, &pad), []);
    assert_eq!(shelf(ON_THE_SHELF, 0, &json!({ "quantity": 1 })), []);
    assert_eq!(shelf(ON_THE_SHELF, 0, &pad), [Wrong::Lost]);
    assert_eq!(shelf(ON_THE_SHELF - 2, 0, &pad), [Wrong::Doubled]);
    assert_eq!(shelf(ON_THE_SHELF - 1, 1, &pad), [Wrong::Unfinished]);
}
