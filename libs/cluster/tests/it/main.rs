//! One suite of the engine's behaviours, run on the sandbox and on the real API server.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod faults;
mod jobs;
mod logs;
mod ownership;
mod plans;
mod prune;
mod rights;
mod rollback;
mod secrets;
mod tasks;
mod watch;
mod workloads;
mod world;

/// Each case runs on both backends, in a namespace and as a task of its own.
macro_rules! suite {
    ($($module:ident: $($case:ident)+;)+) => {
        mod sandboxed {
            $(mod $module { $(
                #[tokio::test]
                async fn $case() {
                    crate::$module::$case(crate::world::World::sandbox().await).await;
                }
            )+ })+
        }
        mod real {
            $(mod $module { $(
                #[tokio::test]
                async fn $case() {
                    let Some(world) = crate::world::World::real().await else { return };
                    crate::$module::$case(world).await;
                }
            )+ })+
        }
    };
}

suite! {
    tasks:
        a_first_apply_costs_a_read_and_a_write_an_object
        passive_objects_are_healthy_with_the_answers
        applying_again_changes_nothing
        what_a_stale_writer_left_is_applied_again
        a_missing_object_is_reported_and_applied_again
        a_missing_namespace_is_refused_by_name
        a_namespace_is_made_where_that_is_allowed;
    ownership:
        a_foreign_object_is_refused_before_anything_is_written
        another_tasks_object_is_refused_with_its_name
        a_conflict_names_the_manager_and_the_field
        a_conflict_with_our_own_manager_is_forced
        immutable_fields_are_refused_by_name;
    workloads:
        a_deployment_becomes_healthy
        an_image_that_cannot_be_pulled_is_named
        live_replicas_are_sent_while_we_alone_own_them
        replicas_are_left_to_whoever_scaled;
    jobs:
        a_finished_job_is_not_run_again
        a_finished_job_that_is_gone_is_not_run_again
        a_job_that_vanished_before_its_end_was_seen_fails
        a_changed_job_that_finished_is_made_anew
        a_changed_job_that_runs_is_refused_unless_it_may_be_replaced
        going_back_to_a_job_that_ran_does_not_run_it_again
        a_job_that_may_have_run_before_a_crash_is_not_run_again
        a_job_whose_events_tell_its_end_is_not_run_again
        a_job_that_a_crash_kept_from_being_made_is_made
        a_job_that_an_earlier_tier_kept_from_being_made_is_made
        a_job_with_a_ttl_costs_one_more_read;
    prune:
        what_a_revision_no_longer_has_is_deleted
        volumes_and_kept_objects_stay;
    rollback:
        everything_goes_and_the_parent_last
        kept_objects_and_claims_are_listed
        a_finalizer_blocks_and_is_named
        what_is_written_after_a_roll_back_is_collected;
    secrets:
        no_text_repeats_a_value;
    plans:
        a_plan_writes_nothing_and_names_fields;
    watch:
        a_change_of_health_names_the_task;
}
