//! One contract, held on three: SQLite on real files, a real PostgreSQL, and SQLite in a simulated world.

#[path = "contract/documents.rs"]
mod documents;
#[path = "contract/fixture.rs"]
mod fixture;
#[path = "contract/migrations.rs"]
mod migrations;
#[path = "contract/once.rs"]
mod once;
#[path = "contract/rows.rs"]
mod rows;
#[path = "contract/statements.rs"]
mod statements;
#[path = "contract/together.rs"]
mod together;
#[path = "contract/transactions.rs"]
mod transactions;
#[path = "contract/values.rs"]
mod values;

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
    values {
        each_type_comes_back_as_it_went_in,
        the_smallest_and_the_largest_of_each_type_come_back,
        what_one_engine_cannot_keep_both_refuse,
        a_value_of_another_type_is_named_with_its_column,
        a_parameter_stands_where_its_number_is,
        json_is_read_into_a_type,
        a_flag_is_a_condition,
    }
    statements {
        wrong_sql_is_shown,
        the_number_of_parameters_is_checked,
        words_that_end_a_transaction_are_refused,
        a_query_changes_nothing,
        two_statements_are_not_one,
        one_row_is_one_row,
        an_answer_has_a_limit_of_rows,
        an_answer_has_a_limit_of_bytes,
        parameters_have_a_limit,
        each_kind_of_constraint_is_told_apart,
    }
    transactions {
        all_of_it_is_kept_or_nothing,
        once_a_statement_failed_nothing_is_kept,
        it_sees_what_it_has_done,
        functions_take_the_transaction_along,
        a_call_to_a_component_is_denied,
        waiting_for_anything_else_is_denied,
        a_panic_keeps_nothing_and_stops_nobody,
        what_follows_a_commit_follows_only_a_commit,
        what_is_not_kept_is_followed_by_nothing,
    }
    together {
        what_was_acknowledged_is_seen_by_all,
        increments_of_many_add_up,
        two_that_look_before_they_write_do_not_both_write,
        many_on_their_own_rows_are_all_kept,
        a_caller_who_gives_up_leaves_all_or_nothing,
    }
    migrations {
        each_is_run_once_in_order,
        a_changed_one_stops_the_start_with_both_checksums,
        a_renumbered_one_is_named_with_both_names,
        an_older_program_runs_on_what_was_expanded,
        an_older_program_stops_at_what_was_contracted,
        one_that_came_late_is_refused,
        a_gap_is_refused,
        a_failing_one_names_its_statement_and_leaves_nothing,
        one_cannot_end_its_transaction,
        a_start_that_does_not_migrate_says_what_is_missing,
        many_may_start_at_once,
    }
    once {
        a_repeat_gets_the_recorded_answer,
        an_error_is_not_recorded,
        equal_calls_at_once_have_one_effect,
        different_calls_at_once_are_in_no_conflict,
        two_labels_are_two_effects,
        it_runs_to_its_end_when_its_caller_gives_up,
        a_panic_is_not_recorded,
        an_answer_that_is_too_large_undoes_the_effect,
        an_answer_of_another_type_is_not_made_up,
        a_method_marked_read_has_no_effect,
    }
    documents {
        what_was_put_is_there_until_it_is_deleted,
        a_version_is_compared_before_it_is_replaced,
        no_version_comes_back,
        only_one_of_many_replaces_a_version,
        a_field_finds_its_documents,
        an_index_finds_them,
        a_field_of_another_kind_is_not_found,
        numbers_are_compared_exactly,
        keys_are_listed_by_prefix_and_page,
        they_belong_to_the_transaction,
        names_are_checked,
        a_start_finds_them_again,
    }
    rows {
        a_struct_is_made_of_columns_by_name,
        a_wrong_column_is_named_with_its_field,
    }
}
