//! Queries of lists, with the cursor that a client sends back. What is refused names its parameter, and what is taken
//! asks the store for no more than a page.

use axum::{
    extract::FromRequestParts,
    http::{Request, Uri},
};
use futures::FutureExt;
use garage_kit::{http::Page, store::Order};

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(uri) = format!("/things?{text}").parse::<Uri>() else { return };
    let (mut parts, ()) = Request::get(uri).body(()).unwrap().into_parts();
    match Page::from_request_parts(&mut parts, &()).now_or_never().expect("a query is there at once") {
        Ok(page) => {
            let query = page.query(Order::By("name"), Vec::new());
            assert!((2..=201).contains(&query.limit), "{}", query.limit);
            assert!(query.after.is_none_or(|after| !after.value.contains('\0')));
        }
        Err(problem) => {
            assert_eq!(problem.status(), 400, "{problem}");
            let known = |field: &str| {
                ["limit", "cursor"].contains(&field) || field.contains('\0') || !field.is_empty()
            };
            assert!(
                problem.errors().iter().all(|error| known(&error.field) && !error.detail.is_empty()),
                "{problem}"
            );
        }
    }
}
