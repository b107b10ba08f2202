//! Mail by jobs, to a real mail server: what is sent arrives, at its time, whatever happens to the server and to us.

#[expect(dead_code, reason = "the contract of jobs uses more of it")]
#[path = "contract/fixture.rs"]
mod fixture;
#[path = "mail/killed.rs"]
mod killed;
#[path = "mail/sent.rs"]
mod sent;

/// Each promise on both engines, as a test of its own.
macro_rules! promises {
    ($($part:ident { $($name:ident),+ $(,)? })+) => {
        mod sqlite {
            $(mod $part { $(
                #[test]
                fn $name() {
                    crate::fixture::on_sqlite("mail", stringify!($name), crate::$part::$name);
                }
            )+ })+
        }

        mod postgres {
            $(mod $part { $(
                #[test]
                fn $name() {
                    crate::fixture::on_postgres("mail", stringify!($name), crate::$part::$name);
                }
            )+ })+
        }
    };
}

promises! {
    sent {
        a_scheduled_message_arrives_at_its_time_and_not_before,
        while_the_server_is_down_nothing_is_lost,
        a_message_whose_answer_was_lost_is_sent_again_and_counted,
        a_message_refused_for_good_is_parked_with_the_servers_words,
        a_recipient_refused_for_now_is_asked_again_and_the_others_are_not,
        a_transaction_that_is_not_kept_sends_nothing,
        a_mailbox_keeps_each_message_once,
        a_mailbox_keeps_the_newest_messages_and_no_old_ones,
        large_messages_of_a_mailbox_are_looked_at_a_few_at_a_time,
    }
}
