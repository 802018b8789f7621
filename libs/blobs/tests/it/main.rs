//! One contract, run on every store; and what only a remote store can do: not answer.

mod blobs_contract;
mod paused;
mod records_contract;
mod store;
mod sweep_contract;

/// Each function takes an empty store; each becomes a test on each kind of store.
macro_rules! contract {
    ($($module:ident: $($name:ident),+ $(,)?;)+) => {
        contract!(@on embedded Embedded $($module: $($name),+;)+);
        contract!(@on folder Folder $($module: $($name),+;)+);
        contract!(@on s3 S3 $($module: $($name),+;)+);
    };
    (@on $kind:ident $variant:ident $($module:ident: $($name:ident),+;)+) => {
        mod $kind {
            $($(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    if let Some(store) = crate::store::Store::open(crate::store::Kind::$variant).await {
                        crate::$module::$name(store.blobs.clone()).await;
                    }
                }
            )+)+
        }
    };
}

contract! {
    blobs_contract:
        what_is_created_is_read,
        of_racing_creates_exactly_one_is_true,
        put_overwrites_and_create_does_not,
        deletes_are_done_also_where_there_is_none,
        lists_are_in_the_order_of_keys,
        lists_go_on_after_a_key,
        lists_of_many_are_whole,
        read_all_takes_one_name_of_a_prefix,
        bodies_may_be_large_or_empty;
    records_contract:
        a_number_is_taken_once,
        a_command_sent_again_is_not_taken_by_another,
        the_highest_is_the_highest_command,
        the_first_outcome_holds,
        what_is_rendered_first_holds,
        notes_are_overwritten,
        a_corrupt_record_says_so_and_quotes_nothing,
        a_name_has_one_holder,
        a_name_is_reclaimed_from_its_last_holder_only,
        racing_claims_of_a_name_have_one_winner,
        an_idempotency_key_remembers_its_request,
        tasks_and_tenants_are_listed_in_pages,
        a_namespace_has_one_tenant,
        a_claim_that_no_record_backs_is_taken_over,
        racing_claims_of_a_namespace_have_one_winner,
        racing_changes_of_a_gate_are_all_kept,
        racing_starts_get_one_installation,
        a_contest_is_withdrawn_once_and_restored,
        a_tally_keeps_its_meaning_under_its_name,
        access_records_come_and_go,
        a_token_id_is_no_path;
    sweep_contract:
        a_task_that_was_never_run_is_swept_after_seven_days,
        a_task_that_runs_for_weeks_is_left,
        what_waits_to_be_heard_of_is_told,
        a_last_command_that_was_never_run_is_swept,
        a_roll_back_that_waits_is_left,
        idempotency_keys_are_swept_after_a_day,
        a_name_without_a_task_is_given_back;
}
