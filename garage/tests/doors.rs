//! Every door of the three services, by the services' own documents: who may go through, and that nobody else does,
//! whatever they bring along. The rules are SPEC 5's; a route that no rule knows fails here, so none can be forgotten.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on stops, and says why")]

#[path = "doors/document.rs"]
mod document;
#[path = "doors/rules.rs"]
mod rules;
#[path = "doors/shown.rs"]
mod shown;
#[path = "doors/world.rs"]
mod world;
#[path = "doors/written.rs"]
mod written;

use std::collections::BTreeSet;

use garage::shop::At;
use reqwest::Method;
use serde_json::json;

use document::Operation;
use rules::{RULES, Who};
use world::{World, by_link};

const ROLES: [&str; 3] = ["attendant", "technician", "manager"];

fn who(operation: &Operation) -> Who {
    let rule = RULES.iter().find(|(at, name, _)| *at == operation.at && *name == operation.name());
    rule.map_or_else(|| panic!("no rule says who may {operation}: add one to doors/rules.rs"), |rule| rule.2)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rules_are_about_the_routes_that_there_are() {
    let world = World::open().await;
    let documented: BTreeSet<_> =
        world.operations().await.iter().map(|operation| (operation.at as usize, operation.name())).collect();
    let ruled: BTreeSet<_> = RULES.iter().map(|(at, name, _)| (*at as usize, (*name).to_owned())).collect();
    assert_eq!(documented, ruled);
    for operation in world.operations().await {
        assert_eq!(operation.is_open, who(&operation) == Who::Anybody, "{operation}");
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_s_order_is_closed_to_a_link_and_stays_as_it_was() {
    let world = World::open().await;
    let theirs = world.all_about_the_other().await;
    let link = world.token(&by_link(&world.mine));
    for operation in world.operations().await.iter().filter(|operation| !operation.is_open) {
        let (path, body) = (operation.path_to(&world.theirs), operation.body_about(&world.theirs));
        let status = world.ask(Some(&link), operation, &path, body).await;
        assert!([403, 404].contains(&status), "{operation} opens to another order's link: {status}");
    }
    assert_eq!(world.all_about_the_other().await, theirs);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_comes_in_without_a_token_or_with_a_made_up_one() {
    let world = World::open().await;
    for operation in world.operations().await.iter().filter(|operation| !operation.is_open) {
        let (path, body) = (operation.path_to(&world.theirs), operation.body_about(&world.theirs));
        assert_eq!(world.ask(None, operation, &path, body.clone()).await, 401, "{operation}");
        assert_eq!(world.ask(Some("made.up.token"), operation, &path, body).await, 401, "{operation}");
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_is_told_so_before_anything_is_read() {
    let world = World::open().await;
    let mut callers: Vec<_> = ROLES.map(|role| (role, world.token_of(&[role]))).into();
    callers.push(("nobody in particular", world.token_of(&[])));
    callers.push(("a customer without a link", world.token_of(&["customer"])));
    callers.push(("an administrator of something else", world.token_of(&["admin", "Manager", "manager "])));
    for operation in world.operations().await.iter().filter(|operation| !operation.is_open) {
        for (role, token) in callers.iter().filter(|(role, _)| !who(operation).is(role)) {
            for path in [operation.path_to(&world.theirs), operation.path_to_nothing()] {
                let status = world.ask_nonsense(token, operation, &path).await;
                assert_eq!(status, 403, "{operation} by {role} at {path}");
            }
        }
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_is_let_in() {
    let world = World::open().await;
    for operation in world.operations().await.iter().filter(|operation| !operation.is_open) {
        for role in ROLES.iter().filter(|role| who(operation).is(role)) {
            // What is asked is nonsense, so that nothing changes; that it is told so shows that the door was open.
            let status = world
                .ask(Some(&world.token_of(&[role])), operation, &operation.path_to_nothing(), Some(json!({})))
                .await;
            assert!(
                ![401, 403, 405, 429].contains(&status) && status < 500,
                "{operation} by {role}: {status}"
            );
        }
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_opens_what_concerns_its_own_order_and_no_more() {
    let world = World::open().await;
    let link = world.token(&by_link(&world.mine));
    for operation in world.operations().await.iter().filter(|operation| !operation.is_open) {
        // What would change the order is asked in a way that cannot be done.
        let body = (operation.method != Method::GET).then(|| json!({}));
        let status = world.ask(Some(&link), operation, &operation.path_to(&world.mine), body).await;
        if who(operation).admits_links() {
            assert!(![401, 403, 404, 405].contains(&status) && status < 500, "{operation}: {status}");
        } else {
            assert_eq!(status, 403, "{operation}");
        }
    }
    world.close().await;
}

#[test]
fn links_reach_all_three_services() {
    for at in [At::Os, At::Billing, At::Execution] {
        assert!(RULES.iter().any(|(place, _, who)| *place == at && who.admits_links()), "{at:?}");
    }
}
