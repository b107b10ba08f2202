//! Disks that fail, in a simulated world.

use database::{Database, Error, Transaction};
use wire::Ran;
use world::Env;
use world::memory::World;

use crate::fixture::{add, ids, open};

/// More than fits into what SQLite keeps in memory before it writes: the disk is met before the commit.
const LARGE_BYTES: usize = 16 << 20;

/// Runs `test` in a simulated world, on a node beside the one it gets.
fn simulated<F: Future<Output = ()> + Send + 'static>(test: impl FnOnce(World, Env) -> F) {
    sim::sqlite::register().expect("SQLite takes a file system");
    let world = World::new(1);
    let env = world.node("a");
    let task = world.node("test").spawn("test", test(world.clone(), env));
    world.run(task).expect("the test does not panic");
}

#[test]
fn a_full_disk_loses_nothing_and_is_gone_on_from_when_there_is_room() {
    simulated(|world, env| async move {
        let database = open(&env, "Items").await.expect("it opens");
        add(&database, 1, "before").await.expect("there is room");
        world.fill("a", true);
        let full = add(&database, 2, "no room").await;
        assert!(
            matches!(&full, Err(Error::Full { message }) if message.contains("Items.sqlite")),
            "{full:?}"
        );
        let large = add(&database, 3, &"x".repeat(LARGE_BYTES)).await;
        assert!(matches!(large, Err(Error::Full { .. })), "{large:?}");
        assert_eq!(ids(&database).await, Ok(vec![1]), "what is there can be read");
        world.fill("a", false);
        add(&database, 4, "room again").await.expect("there is room again");
        assert_eq!(ids(&database).await, Ok(vec![1, 4]));
    });
}

/// The disk fails at each change of a commit in turn.
#[test]
fn a_disk_that_fails_at_any_step_of_a_commit_tells_the_truth_and_is_gone_on_from() {
    for together in [1, 5] {
        for step in 0..12 {
            simulated(move |world, env| async move {
                let database = open(&env, "Items").await.expect("it opens");
                add(&database, 1, "before").await.expect("the disk is well");
                world.fail_disk("a", Some(step));
                let tasks: Vec<_> = (0..together)
                    .map(|number| {
                        let database = database.clone();
                        env.spawn("add", async move { add(&database, 10 + number, "during").await })
                    })
                    .collect();
                let mut told = Vec::new();
                for (number, task) in (10..).zip(tasks) {
                    told.push((number, task.await.expect("it does not panic")));
                }
                world.fail_disk("a", None);
                let seen = ids(&database).await.expect("the disk is well again");
                for (number, told) in &told {
                    match told {
                        Ok(()) => assert!(seen.contains(number), "step {step}: {number} is lost"),
                        Err(Error::Unavailable { ran: Ran::Maybe, .. }) => {}
                        Err(Error::Unavailable { ran: Ran::No, .. }) => {
                            assert!(!seen.contains(number), "step {step}: {number} is there");
                        }
                        other => panic!("step {step}: {other:?}"),
                    }
                }
                add(&database, 2, "after").await.expect("the disk is well again");
                let after = ids(&database).await.expect("the disk is well again");
                let expected: Vec<i64> = [&[1, 2][..], &seen[1..]].concat();
                assert_eq!(
                    after, expected,
                    "step {step}: what was seen stays, and nothing comes back"
                );
                // What the node had synced is what it has after a crash.
                world.crash("a");
                let env = world.restart("a");
                let again = env.clone().spawn("again", async move {
                    let database = open(&env, "Items").await.expect("it opens");
                    ids(&database).await
                });
                assert_eq!(again.await.expect("it does not panic"), Ok(expected), "step {step}");
            });
        }
    }
}

#[test]
fn a_bit_that_changes_in_a_file_is_corrupt_or_unseen_and_other_components_go_on() {
    simulated(|_, env| async move {
        let (one, other) = (
            open(&env, "One").await.expect("it opens"),
            open(&env, "Other").await.expect("it opens"),
        );
        add(&one, 1, "one").await.expect("the disk is well");
        let file = env.disk().open("Two.sqlite").await;
        assert!(file.is_err(), "there is no such file yet");
        let file = env.disk().create("Two.sqlite").await.expect("it is made");
        file.write_at(0, vec![7; 8192].into()).await.expect("it is written");
        let corrupt = open(&env, "Two").await.map(drop);
        match &corrupt {
            Err(error @ Error::Corrupt { .. }) => {
                let text = error.to_string();
                assert!(text.contains("Two.sqlite") && text.contains("restore"), "{text}");
            }
            _ => panic!("{corrupt:?}"),
        }
        add(&other, 1, "other").await.expect("it goes on");
        assert_eq!(ids(&one).await, Ok(vec![1]));
    });
}

#[test]
fn a_deferred_constraint_fails_only_whose_transaction_breaks_it() {
    simulated(|_, env| async move {
        let database = open(&env, "Items").await.expect("it opens");
        let child = |database: Database| async move {
            database
                .transaction(async |tx: &Transaction<'_>| {
                    tx.execute("insert into children values (7)", ()).await?;
                    Ok::<(), Error>(())
                })
                .await
        };
        let guilty = env.spawn("guilty", child(database.clone()));
        let tasks: Vec<_> = (0..5)
            .map(|id| {
                let database = database.clone();
                env.spawn("add", async move { add(&database, id, "innocent").await })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.expect("it does not panic"), Ok(()));
        }
        let told = guilty.await.expect("it does not panic");
        assert!(matches!(told, Err(Error::Constraint { .. })), "{told:?}");
    });
}

#[test]
fn a_closure_or_a_hook_that_panics_stops_nobody_else() {
    simulated(|_, env| async move {
        let database = open(&env, "Items").await.expect("it opens");
        let (panics, hooks) = (database.clone(), database.clone());
        let panics = env.spawn("panics", async move {
            panics
                .transaction(async |tx: &Transaction<'_>| {
                    tx.execute("insert into items values (100, '')", ()).await?;
                    assert!(tx.is_postgres(), "on purpose");
                    Ok::<(), Error>(())
                })
                .await
        });
        let hooks = env.spawn("hooks", async move {
            hooks
                .transaction(async |tx: &Transaction<'_>| {
                    tx.execute("insert into items values (50, '')", ()).await?;
                    tx.after_commit(|| panic!("on purpose"));
                    Ok::<(), Error>(())
                })
                .await
        });
        let adds = env.spawn("add", async move { add(&database, 1, "fine").await.map(|()| database) });
        assert_eq!(panics.await.expect("it is caught"), Err(Error::Panicked));
        assert_eq!(hooks.await.expect("it is caught"), Ok(()));
        let database = adds.await.expect("it is caught").expect("it is kept");
        assert_eq!(ids(&database).await, Ok(vec![1, 50]));
    });
}

/// A byte order mark is a space to SQLite, and a migration is a script.
#[test]
fn a_component_cannot_end_its_transaction_however_it_says_so() {
    simulated(|_, env| async move {
        let database = open(&env, "Items").await.expect("it opens");
        for sql in ["\u{feff}commit", "\u{feff}savepoint one", "\u{feff}attach 'x' as y"] {
            let refused = database.execute(sql, ()).await;
            assert!(matches!(refused, Err(Error::Statement { .. })), "{sql:?}: {refused:?}");
        }
    });
}
