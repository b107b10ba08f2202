//! One message after the other.

use std::sync::Arc;
use std::time::Duration;

use database::{Timestamp, Transaction};
use jobs::mail::{Config, Engine, MAILBOX_MESSAGES_MAX, MAILS_BACKOFF, Mail, MailId, Message, Smtp};
use jobs::{Backoff, Job, Jobs, State};
use servers::smtp::{Received, Refusal};

use crate::fixture::Fixture;

/// Retries that a test need not wait for, and as many as it needs.
const SOON: Backoff = Backoff {
    first: Duration::from_millis(20),
    factor: 1,
    most: Duration::from_millis(20),
    attempts_max: 250,
};

pub(crate) fn config(address: &str) -> Config {
    let smtp = Smtp::new(&format!("smtp://{address}")).unwrap();
    Config {
        engine: Engine::Carrier(Arc::new(smtp)),
        from: Some("To-do <todo@example.org>".to_owned()),
        backoff: SOON,
    }
}

fn started() -> servers::Smtp {
    servers::Smtp::start().unwrap()
}

async fn opened(fixture: &Fixture, server: &servers::Smtp) -> (Jobs, Mail) {
    let jobs = fixture.jobs().await;
    let mail = Mail::open(&jobs, config(&server.address())).await.unwrap();
    (jobs, mail)
}

pub(crate) fn message(mail: &Mail) -> Message {
    let draft = mail.draft().to("joerg@example.org").subject("Heute");
    draft.text("Water the plants.").build().unwrap()
}

pub(crate) async fn send(
    fixture: &Fixture,
    mail: &Mail,
    message: &Message,
    change: impl Fn(Job) -> Job + Send + Sync + 'static,
) -> MailId {
    let (mail, message) = (mail.clone(), message.clone());
    let sent = fixture
        .db
        .transaction(async move |tx: &Transaction<'_>| mail.send_with(tx, &message, &change).await);
    sent.await.unwrap()
}

/// Waits until the server has so many messages.
pub(crate) async fn arrived(fixture: &Fixture, server: &servers::Smtp, count: usize) -> Vec<Received> {
    fixture
        .until(&format!("message {count}"), || async {
            let messages = server.messages();
            (messages.len() >= count).then_some(messages)
        })
        .await
}

pub(crate) async fn a_scheduled_message_arrives_at_its_time_and_not_before(fixture: Fixture) {
    let server = started();
    let (jobs, mail) = opened(&fixture, &server).await;
    let due = Timestamp(fixture.now().0 + 1_500_000);
    let id = send(&fixture, &mail, &message(&mail), move |job| job.at(due)).await;
    let worker = jobs.start().await.unwrap();
    let messages = arrived(&fixture, &server, 1).await;
    assert!(messages[0].accepted_unix_micros >= due.0.unsigned_abs(), "{messages:?}");
    assert_eq!(messages[0].to, ["joerg@example.org"]);
    let shown = fixture.wait(&jobs, id, State::Done).await;
    assert!(shown.started.is_some_and(|started| started >= due), "{shown:?}");
    let posted = mail.posted(id).await.unwrap().unwrap();
    assert_eq!((posted.attempts, posted.repeats, posted.state.as_str()), (1, 0, "sent"));
    assert_eq!(posted.message_id, format!("{id}@example.org"));
    worker.stop().await;
}

pub(crate) async fn while_the_server_is_down_nothing_is_lost(fixture: Fixture) {
    let server = started();
    server.stop().unwrap();
    let (jobs, mail) = opened(&fixture, &server).await;
    let id = send(&fixture, &mail, &message(&mail), |job| job).await;
    let worker = jobs.start().await.unwrap();
    fixture
        .until("a second attempt", || async {
            let posted = mail.posted(id).await.unwrap();
            posted.filter(|posted| posted.attempts >= 2)
        })
        .await;
    server.start_again().unwrap();
    fixture.wait(&jobs, id, State::Done).await;
    assert_eq!(server.messages().len(), 1);
    let posted = mail.posted(id).await.unwrap().unwrap();
    assert_eq!((posted.repeats, posted.state.as_str()), (0, "sent"));
    worker.stop().await;
}

pub(crate) async fn a_message_whose_answer_was_lost_is_sent_again_and_counted(fixture: Fixture) {
    let server = started();
    server.lose_next_answers(1).unwrap();
    let (jobs, mail) = opened(&fixture, &server).await;
    let id = send(&fixture, &mail, &message(&mail), |job| job).await;
    let worker = jobs.start().await.unwrap();
    fixture.wait(&jobs, id, State::Done).await;
    let messages = server.messages();
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0].data, messages[1].data);
    let header = format!("Message-ID: <{id}@example.org>\r\n");
    assert!(String::from_utf8_lossy(&messages[0].data).contains(&header));
    assert_eq!(mail.posted(id).await.unwrap().unwrap().repeats, 1);
    worker.stop().await;
}

pub(crate) async fn a_message_refused_for_good_is_parked_with_the_servers_words(fixture: Fixture) {
    let server = started();
    server.refuse_recipient("gone@example.org", Refusal::ForGood).unwrap();
    let (jobs, mail) = opened(&fixture, &server).await;
    let some = message(&mail).into_draft().to("gone@example.org").build().unwrap();
    let id = send(&fixture, &mail, &some, |job| job).await;
    let worker = jobs.start().await.unwrap();
    let reason = fixture.wait(&jobs, id, State::Parked).await.reason.unwrap();
    assert!(reason.contains("1 recipients have it"), "{reason}");
    assert!(reason.contains("`gone@example.org` with 550"), "{reason}");
    assert_eq!(server.messages()[0].to, ["joerg@example.org"]);
    assert_eq!(mail.posted(id).await.unwrap().unwrap().refused, ["gone@example.org"]);
    // An operator who tries again bothers nobody who has it.
    server.accept_recipient("gone@example.org").unwrap();
    jobs.retry(id, false).await.unwrap();
    fixture.wait(&jobs, id, State::Done).await;
    assert_eq!(server.messages()[1].to, ["gone@example.org"]);
    assert_eq!(mail.posted(id).await.unwrap().unwrap().repeats, 0);
    worker.stop().await;
}

pub(crate) async fn a_recipient_refused_for_now_is_asked_again_and_the_others_are_not(fixture: Fixture) {
    let server = started();
    server.refuse_recipient("later@example.org", Refusal::ForNow).unwrap();
    let (jobs, mail) = opened(&fixture, &server).await;
    let both = message(&mail).into_draft().to("later@example.org").build().unwrap();
    let id = send(&fixture, &mail, &both, |job| job).await;
    let worker = jobs.start().await.unwrap();
    fixture
        .until("a second attempt", || async {
            let posted = mail.posted(id).await.unwrap();
            posted.filter(|posted| posted.attempts >= 2)
        })
        .await;
    server.accept_recipient("later@example.org").unwrap();
    fixture.wait(&jobs, id, State::Done).await;
    let to: Vec<_> = server.messages().into_iter().map(|message| message.to).collect();
    assert_eq!(to, [["joerg@example.org"], ["later@example.org"]]);
    worker.stop().await;
}

pub(crate) async fn a_transaction_that_is_not_kept_sends_nothing(fixture: Fixture) {
    let server = started();
    let (jobs, mail) = opened(&fixture, &server).await;
    let (own, message) = (mail.clone(), message(&mail));
    let lost = message.clone();
    let undone: Result<(), database::Error> = fixture
        .db
        .transaction(async move |tx: &Transaction<'_>| {
            own.send(tx, &lost).await?;
            Err(database::Error::Denied {
                message: "no".to_owned(),
            })
        })
        .await;
    assert!(undone.is_err());
    let worker = jobs.start().await.unwrap();
    let id = send(&fixture, &mail, &message, |job| job).await;
    fixture.wait(&jobs, id, State::Done).await;
    assert_eq!(server.messages().len(), 1);
    worker.stop().await;
}

async fn with_mailbox(fixture: &Fixture) -> (Jobs, Mail) {
    let config = Config {
        from: Some("todo@example.org".to_owned()),
        backoff: MAILS_BACKOFF,
        ..Config::default()
    };
    let jobs = fixture.jobs().await;
    let mail = Mail::open(&jobs, config).await.unwrap();
    (jobs, mail)
}

pub(crate) async fn a_mailbox_keeps_each_message_once(fixture: Fixture) {
    let (jobs, mail) = with_mailbox(&fixture).await;
    let message = message(&mail);
    let later = send(&fixture, &mail, &message, |job| job.after(Duration::from_secs(1))).await;
    let at_once = send(&fixture, &mail, &message, |job| job).await;
    let kept = mail.mailbox(10).await.unwrap();
    assert_eq!(kept.iter().map(|kept| kept.id).collect::<Vec<_>>(), [at_once]);
    let worker = jobs.start().await.unwrap();
    let shown = fixture.wait(&jobs, later, State::Done).await;
    let kept = mail.mailbox(10).await.unwrap();
    assert_eq!(kept.iter().map(|kept| kept.id).collect::<Vec<_>>(), [later, at_once]);
    let scheduled = mail.message(later).await.unwrap().unwrap();
    assert_eq!(scheduled.message, message);
    assert_eq!(scheduled.message_id, format!("{later}@example.org"));
    assert!(scheduled.arrived >= shown.due, "{scheduled:?}");
    worker.stop().await;
}

pub(crate) async fn large_messages_of_a_mailbox_are_looked_at_a_few_at_a_time(fixture: Fixture) {
    let (_, mail) = with_mailbox(&fixture).await;
    let draft = mail.draft().to("joerg@example.org").subject("Heute");
    let large = draft.text("x".repeat(700 << 10)).build().unwrap();
    let mut sent = Vec::new();
    for _ in 0..13 {
        sent.insert(0, send(&fixture, &mail, &large, |job| job).await);
    }
    let found = mail.mailbox(100).await.unwrap();
    let ids: Vec<MailId> = found.iter().map(|kept| kept.id).collect();
    assert!(ids.len() > 5 && ids.len() < 13, "{} messages", ids.len());
    assert_eq!(ids, sent[..ids.len()], "the newest ones");
}

pub(crate) async fn a_mailbox_keeps_the_newest_messages_and_no_old_ones(fixture: Fixture) {
    let (_, mail) = with_mailbox(&fixture).await;
    let (own, message) = (mail.clone(), message(&mail));
    let sent: Result<Vec<MailId>, database::Error> = fixture
        .db
        .transaction(async move |tx: &Transaction<'_>| {
            let mut sent = Vec::new();
            for _ in 0..MAILBOX_MESSAGES_MAX + 100 {
                sent.push(own.send(tx, &message).await?);
            }
            Ok(sent)
        })
        .await;
    let newest: Vec<MailId> = sent.unwrap().into_iter().skip(100).rev().collect();
    let kept = |kept: Vec<jobs::mail::Received>| kept.into_iter().map(|kept| kept.id).collect::<Vec<_>>();
    assert_eq!(kept(mail.mailbox(2_000).await.unwrap()), newest);
    let aged = "update terrace_mailbox set arrived = $1 where number <= 1000";
    fixture.db.execute(aged, (Timestamp::from_micros(0),)).await.unwrap();
    let (_, mail) = with_mailbox(&fixture).await;
    assert_eq!(kept(mail.mailbox(2_000).await.unwrap()), newest[..100]);
}
