//! Reminders and their mails.

use std::time::Duration;

use terrace::database::Timestamp;
use todo::reminders::{REMINDERS_MAX, Reminder, ReminderError, Reminders, State};
use todo::todos::{Change, Todo, Todos};
use uuid::Uuid;

use crate::fixture::Fixture;
use crate::people::{ADA, BOB};

/// Milliseconds until a reminder that a test waits for.
const SOON: u64 = 300;

/// Milliseconds until one that a test does not wait for.
const LATER: u64 = 3_600_000;

impl Fixture {
    async fn remind(&self, todo: &Todo, at: Timestamp) -> Reminder {
        let added = self.reminders.add(&self.cx(), ADA, todo.id, at).await;
        added.expect("it is added")
    }

    async fn set_done(&self, todo: &Todo, done: bool) {
        let change = Change {
            done: Some(done),
            ..Change::default()
        };
        self.todos
            .edit(&self.cx(), ADA, todo.id, change)
            .await
            .expect("it is edited");
    }

    async fn state(&self, todo: Uuid) -> Vec<State> {
        let list = self.reminders.list(&self.cx(), ADA, vec![todo]).await;
        list.expect("a list")
            .into_iter()
            .map(|reminder| reminder.state)
            .collect()
    }

    async fn until_state(&self, todo: &Todo, state: State) {
        self.until(&format!("{state:?}"), || async {
            (self.state(todo.id).await == [state]).then_some(())
        })
        .await;
    }

    /// Waits until that time is over, and what is due then is done.
    async fn pass(&self, at: Timestamp) {
        self.until("a time", || async {
            (self.now() > at.after(Duration::from_millis(100))).then_some(())
        })
        .await;
        let database = self.database("Reminders");
        self.until("what is due", || async {
            let sql = "select count(*) from terrace_jobs where state in ('waiting', 'running') and due <= $1";
            let due: i64 = database.query_one(sql, (at,)).await.expect("jobs");
            (due == 0).then_some(())
        })
        .await;
    }
}

pub(crate) async fn a_reminder_arrives_once_and_not_before_its_time(fixture: Fixture) {
    let todo = fixture.add(ADA, "Water the plants").await;
    let at = fixture.soon(SOON);
    let reminder = fixture.remind(&todo, at).await;
    assert_eq!(
        (reminder.todo, reminder.at, reminder.state),
        (todo.id, at, State::Waiting)
    );
    let mails = fixture
        .until("the mail", || async {
            let mails = fixture.mails().await;
            (!mails.is_empty()).then_some(mails)
        })
        .await;
    assert!(fixture.now() >= at);
    let [mail] = mails.as_slice() else { panic!("{mails:?}") };
    assert!(
        mail.contains("ada@example.org") && mail.contains("Reminder: Water the plants"),
        "{mail}"
    );
    assert!(
        mail.contains(&format!("http://127.0.0.1:8080/?todo={}", todo.id)),
        "{mail}"
    );
    assert!(mail.contains("(Europe/Berlin)"), "{mail}");
    assert_eq!(fixture.state(todo.id).await, [State::Sent]);
    // Neither a change nor anything else sends it again.
    fixture.set_done(&todo, true).await;
    fixture.set_done(&todo, false).await;
    fixture.quiet().await;
    assert_eq!(fixture.mails().await.len(), 1);
    assert_eq!(fixture.state(todo.id).await, [State::Sent]);
}

pub(crate) async fn a_done_todo_is_not_reminded_of_and_is_again_when_undone(fixture: Fixture) {
    let (kept, done, deleted) = (
        fixture.add(ADA, "kept").await,
        fixture.add(ADA, "done").await,
        fixture.add(ADA, "deleted").await,
    );
    let mut at = fixture.now();
    for todo in [&kept, &done, &deleted] {
        // Where the machine is slow its time passes first, and the outcome is the same.
        at = fixture.soon(3 * SOON);
        fixture.remind(todo, at).await;
        fixture.set_done(todo, true).await;
        fixture.until_state(todo, State::Suspended).await;
    }
    fixture
        .todos
        .undo(&fixture.cx(), ADA, kept.id)
        .await
        .expect("it is open");
    fixture.until_state(&kept, State::Waiting).await;
    fixture.set_done(&deleted, false).await;
    fixture
        .todos
        .delete(&fixture.cx(), ADA, deleted.id)
        .await
        .expect("it is deleted");
    fixture.pass(at).await;
    let mails = fixture.mails().await;
    assert!(mails.len() == 1 && mails[0].contains("Reminder: kept"), "{mails:?}");
    for todo in [&done, &deleted] {
        assert_eq!(fixture.state(todo.id).await, [State::Suspended]);
    }
}

pub(crate) async fn a_time_that_passed_meanwhile_is_made_up_for(fixture: Fixture) {
    let todo = fixture.add(ADA, "late").await;
    let at = fixture.soon(SOON);
    fixture.remind(&todo, at).await;
    fixture.set_done(&todo, true).await;
    fixture.pass(at).await;
    fixture.until_state(&todo, State::Suspended).await;
    assert!(fixture.mails().await.is_empty());
    fixture
        .todos
        .undo(&fixture.cx(), ADA, todo.id)
        .await
        .expect("it is open");
    fixture.until_state(&todo, State::Sent).await;
    assert_eq!(fixture.mails().await.len(), 1);
    // One of long ago is not.
    let old = fixture.add(ADA, "old").await;
    let at = fixture.soon(SOON);
    fixture.remind(&old, at).await;
    fixture.set_done(&old, true).await;
    fixture.pass(at).await;
    let long_ago = Timestamp::from_micros(fixture.now().as_micros() - 25 * 3_600 * 1_000_000);
    let database = fixture.database("Reminders");
    let sql = "update reminders set at = $1 where todo = $2 and state = 'skipped'";
    assert_eq!(database.execute(sql, (long_ago, old.id)).await, Ok(1));
    fixture.set_done(&old, false).await;
    fixture.until_state(&old, State::Sent).await;
    fixture.quiet().await;
    assert_eq!(fixture.mails().await.len(), 1);
}

pub(crate) async fn what_is_told_out_of_order_counts_by_its_version(fixture: Fixture) {
    let todo = fixture.add(ADA, "x").await;
    fixture.remind(&todo, fixture.soon(LATER)).await;
    let tell = async |open, version| {
        let told = fixture
            .reminders
            .follow(&fixture.cx(), ADA, todo.id, open, version)
            .await;
        told.expect("it is told");
        fixture.state(todo.id).await
    };
    assert_eq!(tell(false, 1_000).await, [State::Suspended]);
    assert_eq!(tell(true, 999).await, [State::Suspended]);
    assert_eq!(tell(true, 1_002).await, [State::Waiting]);
    assert_eq!(tell(false, 1_001).await, [State::Waiting]);
    assert_eq!(tell(false, 1_002).await, [State::Waiting]);
    // What has no reminder is none of its business.
    let other = fixture
        .reminders
        .follow(&fixture.cx(), BOB, todo.id, false, 2_000)
        .await;
    assert_eq!(other, Ok(()));
    assert_eq!(fixture.state(todo.id).await, [State::Waiting]);
}

pub(crate) async fn wrong_reminders_are_refused(fixture: Fixture) {
    let (cx, reminders) = (fixture.cx(), &fixture.reminders);
    let todo = fixture.add(ADA, "x").await;
    let now = fixture.now();
    let far = now.after(Duration::from_secs(3_654 * 24 * 3600));
    for at in [
        now,
        Timestamp::from_micros(0),
        Timestamp::MIN,
        Timestamp::from_micros(i64::MIN),
        far,
        Timestamp::MAX,
    ] {
        match reminders.add(&cx, ADA, todo.id, at).await {
            Err(ReminderError::Invalid { field, .. }) => assert_eq!(field, "at"),
            other => panic!("{at}: {other:?}"),
        }
    }
    let at = fixture.soon(LATER);
    assert_eq!(reminders.add(&cx, BOB, todo.id, at).await, Err(ReminderError::Unknown));
    let nobody = Uuid::from_u128(1);
    assert_eq!(reminders.add(&cx, ADA, nobody, at).await, Err(ReminderError::Unknown));
    assert_eq!(reminders.remove(&cx, ADA, nobody).await, Err(ReminderError::Unknown));
    for _ in 0..REMINDERS_MAX {
        fixture.remind(&todo, at).await;
    }
    assert_eq!(reminders.add(&cx, ADA, todo.id, at).await, Err(ReminderError::Full));
    let first = reminders.list(&cx, ADA, vec![todo.id]).await.expect("a list")[0].clone();
    assert_eq!(reminders.remove(&cx, BOB, first.id).await, Err(ReminderError::Unknown));
    assert_eq!(reminders.remove(&cx, ADA, first.id).await, Ok(()));
    fixture.remind(&todo, at).await;
    match reminders.list(&cx, ADA, vec![todo.id; 201]).await {
        Err(ReminderError::Invalid { field, .. }) => assert_eq!(field, "todos"),
        other => panic!("{other:?}"),
    }
    assert_eq!(reminders.list(&cx, ADA, Vec::new()).await, Ok(Vec::new()));
    assert_eq!(reminders.list(&cx, BOB, vec![todo.id]).await, Ok(Vec::new()));
}

pub(crate) async fn a_repeated_reminder_is_one(fixture: Fixture) {
    let todo = fixture.add(ADA, "x").await;
    let at = fixture.soon(LATER);
    let adding = (0..20).map(|_| {
        let (reminders, cx, id) = (fixture.reminders.clone(), fixture.keyed("bell"), todo.id);
        fixture
            .env
            .spawn("add", async move { reminders.add(&cx, ADA, id, at).await })
    });
    let mut answers = Vec::new();
    for added in adding.collect::<Vec<_>>() {
        answers.push(added.await.expect("no panic").expect("it is added"));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    let (cx, later) = (fixture.keyed("bell"), fixture.soon(2 * LATER));
    let other = fixture.reminders.add(&cx, ADA, todo.id, later).await;
    assert_eq!(other, Err(ReminderError::Reused));
    // Whoever asks again learns what became of it, whatever became of the to-do.
    fixture
        .todos
        .delete(&fixture.cx(), ADA, todo.id)
        .await
        .expect("it is deleted");
    let again = fixture.reminders.add(&fixture.keyed("bell"), ADA, todo.id, at).await;
    assert_eq!(again.as_ref(), Ok(&answers[0]));
}

pub(crate) async fn what_is_removed_or_forgotten_is_not_sent(fixture: Fixture) {
    let (removed, forgotten) = (fixture.add(ADA, "removed").await, fixture.add(ADA, "forgotten").await);
    let at = fixture.soon(SOON);
    let reminder = fixture.remind(&removed, at).await;
    fixture.remind(&forgotten, at).await;
    fixture
        .reminders
        .remove(&fixture.cx(), ADA, reminder.id)
        .await
        .expect("it is removed");
    fixture
        .reminders
        .forget(&fixture.cx(), ADA)
        .await
        .expect("it is forgotten");
    fixture.pass(at).await;
    assert!(fixture.mails().await.is_empty());
    let database = fixture.database("Reminders");
    for table in ["reminders", "followed"] {
        let left: i64 = database
            .query_one(&format!("select count(*) from {table}"), ())
            .await
            .expect("a count");
        assert_eq!(left, 0, "{table}");
    }
}

pub(crate) async fn an_import_keeps_how_reminders_stand(fixture: Fixture) {
    let todo = fixture.add(ADA, "imported").await;
    let at = fixture.soon(SOON);
    let made = |number: u128, at, state| Reminder {
        id: Uuid::from_u128(number),
        todo: todo.id,
        at,
        state,
    };
    let export = vec![
        made(1, at, State::Waiting),
        made(2, Timestamp::from_micros(7), State::Waiting),
        made(3, at, State::Sent),
    ];
    let (cx, reminders) = (fixture.cx(), &fixture.reminders);
    assert_eq!(reminders.import(&cx, ADA, export.clone()).await, Ok(3));
    assert_eq!(reminders.import(&fixture.cx(), ADA, export.clone()).await, Ok(0));
    fixture.pass(at).await;
    assert_eq!(fixture.mails().await.len(), 1);
    assert_eq!(fixture.state(todo.id).await, [State::Sent; 3]);
    let many: Vec<Reminder> = (10..28).map(|number| made(number, at, State::Sent)).collect();
    assert_eq!(reminders.import(&cx, ADA, many).await, Err(ReminderError::Full));
    let refused = reminders
        .import(&cx, ADA, vec![made(4, Timestamp::MAX, State::Waiting)])
        .await;
    assert!(matches!(refused, Err(ReminderError::Invalid { .. })), "{refused:?}");
    let refused = reminders.import(&cx, ADA, vec![export[0].clone(); 201]).await;
    assert!(matches!(refused, Err(ReminderError::Invalid { .. })), "{refused:?}");
}

pub(crate) async fn who_removes_a_reminder_removes_nobody_elses_of_the_same_id(fixture: Fixture) {
    let todo = fixture.add(ADA, "exported").await;
    let (cx, reminders) = (fixture.cx(), &fixture.reminders);
    let copied = fixture.todos.import(&cx, BOB, vec![todo.clone()]).await;
    assert_eq!(copied, Ok(1));
    let export = vec![Reminder {
        id: Uuid::from_u128(1),
        todo: todo.id,
        at: fixture.soon(SOON),
        state: State::Waiting,
    }];
    for owner in [ADA, BOB] {
        assert_eq!(reminders.import(&fixture.cx(), owner, export.clone()).await, Ok(1));
    }
    let removed = reminders.remove(&fixture.cx(), BOB, export[0].id).await;
    assert_eq!(removed, Ok(()));
    fixture.until_state(&todo, State::Sent).await;
    assert_eq!(fixture.mails().await.len(), 1);
}
