//! What every store promises, as one function per promise over a shop of books: authors, and books that
//! refer to them. [`store_conformance!`](crate::store_conformance) makes a test of each.

use std::sync::Arc;

use async_trait::async_trait;

use crate::store::{Field, Kind, Store};

mod books;
mod outbox;
mod racing;
mod reading;
mod writing;

pub use self::{outbox::*, racing::*, reading::*, writing::*};

/// Authors of books.
pub static AUTHORS: Kind = Kind { name: "authors", fields: &[Field::plain("name")] };

/// Books, which refer to their author where the store has foreign keys.
pub static BOOKS: Kind = Kind {
    name: "books",
    fields: &[
        Field::unique("isbn"),
        Field::plain("title"),
        Field::plain("author_id"),
        Field::many("tags"),
        Field::plain("search"),
    ],
};

/// Both kinds.
pub static KINDS: [&Kind; 2] = [&AUTHORS, &BOOKS];

/// An empty database that the promises are tried on.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Connects, as a restarted program or another replica would.
    async fn open(&self) -> Arc<dyn Store>;

    /// Whether books must have an author that exists. MongoDB does not look.
    fn has_foreign_keys(&self) -> bool;
}

/// One test per promise of a store. Takes the path of an `async fn() -> impl Backend`.
#[macro_export]
macro_rules! store_conformance {
    ($backend:path) => {
        $crate::store_conformance! { $backend:
            what_was_saved_reads_back_as_the_same_json
            loading_finds_those_that_exist
            nobody_and_nothing_may_be_asked_for
            a_record_is_found_by_each_of_its_fields
            a_changed_record_is_found_by_its_new_values_alone
            absent_and_null_values_are_not_found
            filters_hold_together
            a_search_takes_every_character_as_it_is
            a_search_finds_what_contains_each_of_its_words
            lists_are_newest_first_unless_told_otherwise
            pages_show_every_record_once_newest_first
            pages_of_one_value_show_every_record_once
            pages_show_every_record_once_by_a_field
            a_list_by_a_field_ends_where_it_is_told_to
            records_are_counted_up_to_a_limit
            a_field_that_is_not_there_is_our_mistake
            the_database_answers
            versions_count_the_commits
            the_second_writer_of_a_version_loses_and_leaves_nothing
            an_id_is_born_once
            a_missing_record_has_no_next_version
            a_batch_is_all_or_nothing_for_each_record
            a_unique_value_belongs_to_one_record
            a_unique_value_is_free_again_once_it_is_given_up
            a_book_must_have_an_author_that_exists
            an_author_with_books_stays
            a_deleted_record_is_gone_and_can_be_born_again
            a_stale_delete_is_a_conflict
            something_can_be_told_without_a_record
            a_batch_may_mix_many_changes
            a_batch_may_be_larger_than_a_command
            messages_wait_until_they_are_marked
            messages_survive_a_restart
            a_message_reads_back_as_it_was
            marking_twice_is_harmless
            fresh_messages_are_left_to_their_writer
            the_oldest_messages_come_first
            a_deleted_record_still_tells_what_it_had_to
            two_replicas_lose_no_increment
            eight_writers_of_a_unique_value_leave_one
            two_births_of_one_record_are_a_conflict
            batches_that_cross_each_other_all_end
            a_caller_that_hangs_up_leaves_the_store_usable
        }
    };
    ($backend:path: $($promise:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                $crate::testing::store::$promise(&$backend().await).await;
            }
        )*
    };
}
