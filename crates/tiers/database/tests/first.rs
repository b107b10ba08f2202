//! The first steps.

use database::{Config, Database, Error, Migration, Migrations, Transaction};
use terrace::{CallError, Cx};
use world::memory::World;

const TODOS: Migrations = Migrations {
    list: &[Migration {
        number: 1,
        name: "todos",
        kind: database::migration::Kind::Expand,
        sqlite: "create table todos (id integer primary key, title text not null unique);",
        postgres: "create table todos (id bigserial primary key, title text not null unique);",
    }],
};

#[derive(Debug)]
enum TodoError {
    Database(Error),
}

impl From<Error> for TodoError {
    fn from(error: Error) -> TodoError {
        TodoError::Database(error)
    }
}

#[terrace::data]
#[derive(thiserror::Error)]
enum CrossingError {
    #[error(transparent)]
    Call(#[from] CallError),
}

impl From<Error> for CrossingError {
    fn from(error: Error) -> CrossingError {
        CrossingError::Call(error.into())
    }
}

async fn add(db: &Database, title: &str) -> Result<u64, TodoError> {
    let title = title.to_owned();
    db.transaction(async move |tx| {
        let added = tx.execute("insert into todos (title) values ($1)", (&title,)).await?;
        Ok(added)
    })
    .await
}

async fn add_once(db: &Database, cx: &Cx, title: &str) -> Result<u64, CrossingError> {
    let title = title.to_owned();
    db.once(cx, async move |tx: &Transaction<'_>| {
        Ok(tx.execute("insert into todos (title) values ($1)", (&title,)).await?)
    })
    .await
}

fn is_send<T: Send>(value: T) -> T {
    value
}

#[test]
fn what_was_acknowledged_is_there() {
    sim::sqlite::register().unwrap();
    let world = World::new(1);
    let env = world.node("a");
    world.run(env.clone().spawn("test", async move {
        let db = Database::open(&env, "Todos", &Config::default(), &TODOS).await.unwrap();
        let cx = Cx::root(&env);
        assert_eq!(is_send(add(&db, "milk")).await.unwrap(), 1);
        assert!(matches!(add(&db, "milk").await, Err(TodoError::Database(Error::Constraint { .. }))));
        for _ in 0..2 {
            assert_eq!(is_send(add_once(&db, &cx, "bread")).await.unwrap(), 1);
        }
        let titles: Vec<String> = db.query("select title from todos order by title", ()).await.unwrap();
        assert_eq!(titles, ["bread", "milk"]);
        let waits = env.clone();
        let denied: Result<(), Error> = db
            .transaction(async move |_| {
                waits.sleep(std::time::Duration::from_secs(1)).await;
                Ok(())
            })
            .await;
        assert!(matches!(denied, Err(Error::Denied { .. })), "{denied:?}");
        let all: Vec<Result<u64, TodoError>> = {
            let tasks: Vec<_> = (0..20)
                .map(|n| {
                    let db = db.clone();
                    env.spawn("add", async move { add(&db, &format!("todo {}", n / 2)).await })
                })
                .collect();
            let mut all = Vec::new();
            for task in tasks {
                all.push(task.await.unwrap());
            }
            all
        };
        assert_eq!(all.iter().filter(|added| added.is_ok()).count(), 10);
    }))
    .unwrap();
}
