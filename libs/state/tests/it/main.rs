//! One contract, run on every store; and what only a cluster can do: fail over.

mod contract;
mod facts;
mod failover;
mod leases_contract;
mod random;
mod store;
mod survives;
mod tallies;

/// Each function takes a store; each becomes a test on each kind of store.
macro_rules! contract {
    ($($module:ident: $($name:ident),+ $(,)?;)+) => {
        contract!(@on embedded Embedded $($module: $($name),+;)+);
        contract!(@on redis Redis $($module: $($name),+;)+);
    };
    (@on $kind:ident $variant:ident $($module:ident: $($name:ident),+;)+) => {
        mod $kind {
            $($(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    if let Some(store) = crate::store::Store::open(crate::store::Kind::$variant).await {
                        crate::$module::$name(store.states.clone()).await;
                    }
                }
            )+)+
        }
    };
}

contract! {
    contract:
        an_unknown_task_is_none,
        facts_fold_to_a_status,
        another_tenant_does_not_see_a_task,
        adding_again_changes_nothing,
        the_version_grows_with_every_change,
        of_progress_the_highest_observation_holds,
        facts_of_many_tasks_are_added_at_once,
        many_facts_of_one_task_are_added_at_once,
        a_waiter_is_woken_by_a_change,
        a_waiter_gets_the_status_when_time_is_over,
        many_waiters_see_the_same_change,
        the_newest_task_of_a_name_is_found,
        tasks_are_found_by_the_end_of_their_id,
        tasks_are_listed_newest_first_in_pages,
        tasks_are_listed_by_state,
        a_list_by_state_looks_at_a_bounded_number,
        a_forgotten_task_is_gone_and_may_come_again;
    random:
        facts_in_any_order_from_many_writers_give_what_fold_gives;
    leases_contract:
        a_lease_has_one_holder,
        a_lease_ends_and_its_epoch_grows,
        a_renewed_lease_lasts,
        a_lost_lease_is_neither_renewed_nor_released,
        racing_for_a_lease_has_one_winner;
}
