//! What to-dos and reminders promise, held on three: SQLite on real files, a real PostgreSQL, and a simulated world.

#[path = "todos/adding.rs"]
mod adding;
#[path = "todos/fixture.rs"]
mod fixture;
#[path = "todos/listing.rs"]
mod listing;
#[path = "todos/people.rs"]
mod people;
#[path = "todos/reminding.rs"]
mod reminding;
#[path = "todos/undoing.rs"]
mod undoing;

/// Each promise on each engine, as a test of its own.
macro_rules! promises {
    ($($part:ident { $($name:ident),+ $(,)? })+) => {
        mod sqlite {
            $(mod $part { $(
                #[test]
                fn $name() {
                    crate::fixture::on_sqlite(stringify!($name), crate::$part::$name);
                }
            )+ })+
        }

        mod postgres {
            $(mod $part { $(
                #[test]
                fn $name() {
                    crate::fixture::on_postgres(stringify!($name), crate::$part::$name);
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
    adding {
        a_retried_add_makes_one_todo,
        a_request_id_is_for_one_request,
        what_is_added_is_there_as_it_was_written,
        wrong_fields_are_refused_by_name,
        nobody_reaches_anothers_todos,
        a_person_has_a_bounded_number,
        an_import_adds_what_is_not_there,
    }
    listing {
        pages_have_each_todo_once_and_the_newest_first,
        filters_are_taken_together,
        a_search_takes_wildcards_as_they_are_whatever_the_case,
        the_overview_counts_what_there_is,
        a_change_wakes_who_waits_for_it,
    }
    undoing {
        each_change_is_taken_back_in_reverse,
        only_the_last_changes_are_taken_back,
        what_changes_nothing_is_no_change,
        deleted_todos_are_bounded_and_come_back,
        a_person_who_goes_leaves_nothing,
    }
    reminding {
        a_reminder_arrives_once_and_not_before_its_time,
        a_done_todo_is_not_reminded_of_and_is_again_when_undone,
        a_time_that_passed_meanwhile_is_made_up_for,
        what_is_told_out_of_order_counts_by_its_version,
        wrong_reminders_are_refused,
        a_repeated_reminder_is_one,
        what_is_removed_or_forgotten_is_not_sent,
        an_import_keeps_how_reminders_stand,
        who_removes_a_reminder_removes_nobody_elses_of_the_same_id,
    }
}

/// Where a month is a moment.
#[test]
fn what_is_too_old_is_removed_by_night() {
    fixture::simulated_polling("10m", undoing::what_is_too_old_is_removed_by_night);
}

#[test]
fn who_waits_for_a_change_in_vain_is_answered_after_a_while() {
    fixture::simulated(listing::who_waits_for_a_change_in_vain_is_answered_after_a_while);
}
