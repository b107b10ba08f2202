//! One contract, held on three: SQLite on real files, a real PostgreSQL with several replicas, and a simulated world.

#[path = "contract/ends.rs"]
mod ends;
#[path = "contract/fixture.rs"]
mod fixture;
#[path = "contract/running.rs"]
mod running;
#[path = "contract/steps.rs"]
mod steps;

/// Each promise on each engine, as a test of its own.
macro_rules! promises {
    ($($part:ident { $($name:ident),+ $(,)? })+) => {
        mod sqlite {
            $(mod $part { $(
                #[test]
                fn $name() {
                    crate::fixture::on_sqlite(stringify!($part), stringify!($name), crate::$part::$name);
                }
            )+ })+
        }

        mod postgres {
            $(mod $part { $(
                #[test]
                fn $name() {
                    crate::fixture::on_postgres(stringify!($part), stringify!($name), crate::$part::$name);
                }
            )+ })+
        }

        mod simulated {
            $(mod $part { $(
                #[test]
                fn $name() {
                    crate::fixture::simulated(crate::$part::$name);
                }
            )+ })+
        }
    };
}

promises! {
    running {
        a_job_is_there_when_its_transaction_is_kept_and_only_then,
        a_repeated_call_enqueues_one_job,
        no_job_runs_before_its_time,
        higher_priorities_run_first_and_older_jobs_within,
        no_more_than_the_limit_run_at_a_time_over_all_replicas,
        each_job_runs_once_though_many_workers_claim,
        a_dead_workers_job_is_taken_over,
        a_holder_whose_job_was_taken_over_changes_nothing,
        a_worker_that_claims_a_job_again_stops_its_former_run,
        a_long_job_keeps_its_lease,
        a_stopped_worker_gives_back_what_runs,
        a_schedule_enqueues_one_job_for_each_due_time,
    }
    ends {
        a_failed_job_is_tried_again_and_parked_after_its_last_attempt,
        a_job_that_fails_for_good_is_parked_at_once,
        a_panic_is_a_failed_attempt,
        an_attempt_that_runs_for_too_long_has_failed,
        what_nobody_knows_or_can_read_is_parked,
        a_cancelled_job_does_not_run,
        a_running_job_that_is_cancelled_stops,
        a_parked_job_is_replayed_under_the_same_call,
        a_replay_that_may_repeat_effects_has_to_be_allowed,
        what_is_done_is_removed_after_a_while,
        too_large_a_payload_is_refused,
        a_kind_that_lives_longer_than_its_effects_is_refused,
        a_lease_too_short_to_be_renewed_is_refused,
    }
    steps {
        steps_happen_once_through_failures,
        a_failed_step_is_taken_back_newest_first,
        a_compensation_that_fails_says_what_is_left,
        a_cancelled_job_is_taken_back_and_not_run_again,
        a_compensated_job_begins_anew,
    }
}
