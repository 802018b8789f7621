//! One contract, run on every store; and what only a server can do: pause and die.

mod batches;
mod contract;
mod ledger_contract;
mod log_contract;
mod outage;
mod store;

/// Each function takes a store and a name for its contest; each becomes a test on each kind of store.
macro_rules! contract {
    ($($module:ident: $($name:ident),+ $(,)?;)+) => {
        contract!(@on embedded Embedded $($module: $($name),+;)+);
        contract!(@on mongo Mongo $($module: $($name),+;)+);
    };
    (@on $kind:ident $variant:ident $($module:ident: $($name:ident),+;)+) => {
        mod $kind {
            $($(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    if let Some(store) = crate::store::Store::open(crate::store::Kind::$variant, stringify!($name)).await {
                        crate::$module::$name(store.log.clone()).await;
                    }
                }
            )+)+
        }
    };
}

contract! {
    contract:
        the_first_of_an_id_counts,
        the_same_id_twice_in_a_batch_counts_once,
        another_content_of_an_id_conflicts,
        an_id_belongs_to_its_caller_and_contest,
        an_id_that_marea_gave_is_the_same_as_text,
        a_batch_that_comes_again_has_its_verdicts,
        a_batch_handled_twice_at_once_counts_once,
        what_does_not_fit_is_not_logged,
        a_voter_has_as_many_places_as_the_contest_gives,
        an_over_limit_voter_on_many_connections_gets_no_place_more,
        batches_handled_twice_at_once_in_other_orders_agree_on_who_is_above_the_limit,
        a_voter_has_new_places_in_the_next_period,
        keys_have_places_in_order_and_one_each,
        keys_that_are_given_places_at_once_have_one_each,
        many_batches_at_once;
    ledger_contract:
        an_entry_is_frozen_by_the_first,
        entries_come_in_the_order_of_their_batches,
        many_entries_are_read_whole,
        marks_only_rise,
        contests_and_slots_are_known,
        a_generation_is_followed_once,
        a_snapshot_adds_up,
        a_producer_with_a_gap_shows_it,
        a_snapshot_follows_what_comes,
        what_processes_have_in_hand_is_told_until_they_withdraw;
    log_contract:
        a_ballot_is_found_by_its_id_whoever_cast_it,
        the_log_is_newest_first_in_pages,
        a_cursor_does_not_tell_who_cast,
        the_log_is_filtered,
        rows_above_the_limit_are_told_apart;
}
