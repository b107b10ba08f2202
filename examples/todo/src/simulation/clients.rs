//! What people do, and what they know of it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use terrace::database::Timestamp;
use terrace::simulation::{World, reference};
use terrace::{CallId, Cx, Env, Root, sometimes};
use uuid::Uuid;

use super::PATIENCE;
use super::api::{Api, Refused};
use crate::hidden::Hidden;
use crate::reminders::{Reminder, ReminderError, Reminders};
use crate::todos::{Change, NewTodo, Todo, Todos};

/// What a client waits between two steps at most, in milliseconds.
const PAUSE_MS_MAX: u64 = 800;

/// When a reminder comes, in milliseconds from now on.
const AT_MS_MIN: u64 = 1_000;
const AT_MS_MAX: u64 = 15_000;

/// What clocks of different nodes may differ by and still be called right, and what a call may take.
const MARGIN: Duration = Duration::from_secs(1);

/// What is known of all to-dos, by number. It is kept outside the world.
#[derive(Clone, Default)]
pub(super) struct Known(Arc<Mutex<BTreeMap<u64, Item>>>);

/// What is known of one.
#[derive(Clone, Default)]
pub(super) struct Item {
    owner: Uuid,
    /// As it was acknowledged last; none while its adding is not.
    pub(super) todo: Option<Seen>,
    pub(super) deleted: bool,
    /// Whether everything that was asked was acknowledged.
    pub(super) certain: bool,
    pub(super) reminder: Option<Promised>,
    /// Whether it was done or deleted well before its reminder's time, and stayed so.
    pub(super) closed_before: bool,
}

/// What was shown of a to-do.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Seen {
    pub(super) id: Uuid,
    pub(super) title: String,
    pub(super) done: bool,
}

impl From<Todo> for Seen {
    fn from(Todo { id, title, done, .. }: Todo) -> Seen {
        Seen { id, title, done }
    }
}

/// A reminder that was acknowledged.
#[derive(Clone)]
pub(super) struct Promised {
    pub(super) id: Uuid,
    pub(super) at: Timestamp,
}

impl From<Reminder> for Promised {
    fn from(Reminder { id, at, .. }: Reminder) -> Promised {
        Promised { id, at }
    }
}

impl Item {
    pub(super) fn is_open(&self) -> bool {
        !self.deleted && self.todo.as_ref().is_some_and(|todo| !todo.done)
    }

    fn learn(&mut self, answer: Answer) {
        match answer {
            Answer::Reminder(reminder) => {
                self.reminder = reminder;
                return;
            }
            Answer::Todo(todo) => {
                self.todo = Some(todo);
                self.deleted = false;
            }
            Answer::Deleted => self.deleted = true,
        }
        self.certain = true;
    }
}

impl Known {
    pub(super) fn all(&self) -> MutexGuard<'_, BTreeMap<u64, Item>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The to-dos of one person that were acknowledged.
    pub(super) fn of(&self, owner: Uuid) -> Vec<Uuid> {
        let all = self.all();
        let own = all.values().filter(|item| item.owner == owner);
        own.filter_map(|item| Some(item.todo.as_ref()?.id)).collect()
    }

    fn id(&self, number: u64) -> Uuid {
        let all = self.all();
        let todo = all.get(&number).and_then(|item| item.todo.as_ref());
        todo.map(|todo| todo.id).unwrap_or_default()
    }

    fn change(&self, number: u64, change: impl FnOnce(&mut Item)) {
        change(self.all().entry(number).or_default());
    }
}

/// What is wanted of a to-do.
#[derive(Clone, Copy)]
pub(super) enum Wish {
    Add,
    Title,
    Done,
    Delete,
    Undo,
    Remind(Timestamp),
}

/// What was acknowledged.
pub(super) enum Answer {
    Todo(Seen),
    Deleted,
    /// None where its time was over before anybody heard of it.
    Reminder(Option<Promised>),
}

/// Who is at work.
#[derive(Clone)]
pub(super) struct Who {
    pub(super) client: u64,
    pub(super) owner: Uuid,
    /// For who works by the API of the site instead of calls.
    pub(super) token: Option<Hidden>,
}

/// One person at work.
struct Person {
    world: World,
    env: Env,
    owner: Uuid,
    /// For who works by the API of the site instead of calls.
    api: Option<Api>,
    known: Known,
    working: Arc<AtomicBool>,
}

/// What a client does whenever it starts.
pub(super) async fn work(world: World, env: Env, who: Who, known: Known, working: Arc<AtomicBool>) {
    let client = who.client;
    let person = Person {
        world,
        owner: who.owner,
        api: who.token.map(|token| Api::new(&env, token)),
        env,
        known,
        working,
    };
    let mut random = person.env.random("wishes");
    while person.is_working() {
        let number = {
            let mut all = person.known.all();
            let number = client * 1_000_000 + all.len() as u64;
            let item = Item {
                owner: person.owner,
                ..Item::default()
            };
            all.insert(number, item);
            number
        };
        // Whatever is not known when all ends stays uncertain.
        let _ = person.live(number, random.below(6), random.below(AT_MS_MAX)).await;
        let pause = random.below(PAUSE_MS_MAX);
        person.env.sleep(Duration::from_millis(pause)).await;
    }
}

impl Person {
    /// The life of one to-do, each step of which is asked for until it is known.
    async fn live(&self, number: u64, course: u64, at_ms: u64) -> Option<()> {
        self.step(number, "add", Wish::Add).await?;
        if !number.is_multiple_of(4) {
            let at = Timestamp::from(self.env.wall()).after(Duration::from_millis(at_ms.max(AT_MS_MIN)));
            self.step(number, "remind", Wish::Remind(at)).await?;
        }
        let steps: &[(&str, Wish)] = match course {
            0 => &[("edit", Wish::Title)],
            1 => &[("done", Wish::Done)],
            2 => &[("done", Wish::Done), ("undo", Wish::Undo)],
            3 => &[("delete", Wish::Delete)],
            4 => &[("delete", Wish::Delete), ("undo", Wish::Undo)],
            _ => &[],
        };
        // What is taken back is taken back on a page; the API has no such thing.
        let steps = match self.api {
            None => steps,
            Some(_) => &steps[..steps.len().min(1)],
        };
        for (name, wish) in steps {
            self.step(number, name, *wish).await?;
        }
        let now = Timestamp::from(self.env.wall());
        self.known.change(number, |item| {
            let at = item.reminder.as_ref().map(|reminder| reminder.at);
            item.closed_before = !item.is_open() && at.is_some_and(|at| now.after(MARGIN) < at);
        });
        Some(())
    }

    /// Asks again and again by one call id, until there is an answer, or all is over.
    async fn step(&self, number: u64, name: &str, wish: Wish) -> Option<()> {
        if !matches!(wish, Wish::Remind(_)) {
            self.known.change(number, |item| item.certain = false);
        }
        let id = self.known.id(number);
        let mut repeated = false;
        while self.is_working() {
            let answer = match &self.api {
                None => self.ask(&self.cx(name, number), number, id, wish).await,
                Some(api) => api.ask(number, name, id, wish, repeated).await,
            };
            match answer {
                Ok(answer) => {
                    sometimes!(self.env, repeated && self.api.is_none(), "a call was repeated");
                    sometimes!(self.env, repeated && self.api.is_some(), "a request was repeated");
                    sometimes!(self.env, matches!(wish, Wish::Undo), "a change was taken back");
                    self.known.change(number, |item| item.learn(answer));
                    return Some(());
                }
                Err(Refused::Unknown) => repeated = true,
                // What was acknowledged before is not there.
                Err(Refused::Said(said)) => {
                    self.world.violated(
                        &self.env,
                        format!("to-do {number} was acknowledged, and `{name}` says: {said}"),
                    );
                    return None;
                }
            }
            self.env.sleep(Duration::from_millis(200)).await;
        }
        None
    }

    /// Whose id makes a repeat the same call.
    fn cx(&self, name: &str, number: u64) -> Cx {
        let root = Root {
            began: None,
            id: Some(CallId::from_parts(&[name.as_bytes(), &number.to_le_bytes()])),
            deadline: Some(self.env.deadline(PATIENCE)),
            principal: None,
            trace: None,
        };
        Cx::from_root(&self.env, root)
    }

    /// One call.
    async fn ask(&self, cx: &Cx, number: u64, id: Uuid, wish: Wish) -> Result<Answer, Refused> {
        let (todos, owner) = (reference::<dyn Todos>(&self.env, "todos"), self.owner);
        let answer = match wish {
            Wish::Add => {
                let new = NewTodo {
                    title: format!("{number} new"),
                    done: false,
                    due: None,
                    tags: vec![format!("tag-{}", number % 3)],
                };
                Answer::Todo(todos.add(cx, owner, new).await?.into())
            }
            Wish::Title => {
                let change = Change {
                    title: Some(format!("{number} edited")),
                    ..Change::default()
                };
                Answer::Todo(todos.edit(cx, owner, id, change).await?.into())
            }
            Wish::Done => {
                let change = Change {
                    done: Some(true),
                    ..Change::default()
                };
                Answer::Todo(todos.edit(cx, owner, id, change).await?.into())
            }
            Wish::Delete => {
                todos.delete(cx, owner, id).await?;
                Answer::Deleted
            }
            Wish::Undo => Answer::Todo(todos.undo(cx, owner, id).await?.into()),
            Wish::Remind(at) => {
                let reminders = reference::<dyn Reminders>(&self.env, "reminders");
                match reminders.add(cx, owner, id, at).await {
                    Ok(reminder) => Answer::Reminder(Some(reminder.into())),
                    Err(ReminderError::Invalid { .. }) => Answer::Reminder(None),
                    Err(ReminderError::Call(_)) => return Err(Refused::Unknown),
                    Err(error) => return Err(Refused::Said(error.to_string())),
                }
            }
        };
        Ok(answer)
    }

    fn is_working(&self) -> bool {
        self.working.load(Ordering::Relaxed)
    }
}
