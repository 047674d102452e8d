//! The OS Service as its callers meet it: real routes over a real database, in process, with a clock that
//! stands still. Billing and the workshop are on the bus; they say what a test has them say, and remember what
//! they hear. What touches the store's own rules is said about PostgreSQL as well.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where its shop does not come up")]

mod customers;
mod dead_letters;
mod erasure;
mod history;
mod link;
mod lists;
mod openapi;
mod public;
mod roles;
mod saga;
mod shop;
mod stuck;
mod vehicles;
mod work_orders;

/// Tests each sentence on a fresh shop, once over SQLite and once over PostgreSQL.
macro_rules! on_both_stores {
    ($($sentence:ident)+) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $sentence() {
                super::$sentence($crate::shop::Shop::new().await).await;
            })+
        }

        mod postgres {
            $(#[tokio::test]
            async fn $sentence() {
                super::$sentence($crate::shop::Shop::on_postgres().await).await;
            })+
        }
    };
}
pub(crate) use on_both_stores;
