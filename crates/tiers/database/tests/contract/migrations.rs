//! Steps of a schema.

use database::migration::{COMPONENT, Kind};
use database::{Error, Migration, Migrations};

use crate::fixture::Fixture;

const fn step(number: u32, name: &'static str, kind: Kind, sql: &'static str) -> Migration {
    Migration {
        number,
        name,
        kind,
        sqlite: sql,
        postgres: sql,
    }
}

const FIRST: Migration = step(
    1,
    "notes",
    Kind::Expand,
    "create table notes (text text); insert into notes values ('1');",
);
const SECOND: Migration = step(2, "more", Kind::Expand, "insert into notes values ('2');");
const THIRD: Migration = step(3, "rest", Kind::Contract, "insert into notes values ('3');");

const ONE: Migrations = Migrations { list: &[FIRST] };
const TWO: Migrations = Migrations { list: &[FIRST, SECOND] };
const ALL: Migrations = Migrations {
    list: &[FIRST, SECOND, THIRD],
};

async fn refused(fixture: &Fixture, migrations: &Migrations) -> String {
    match fixture.other("notes", migrations).await {
        Err(Error::Open { message }) => message,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was opened"),
    }
}

pub(crate) async fn each_is_run_once_in_order(fixture: Fixture) {
    for migrations in [&ONE, &ONE, &ALL, &ALL] {
        let db = fixture.other("notes", migrations).await.unwrap();
        let texts: Vec<String> = db.query("select text from notes order by text", ()).await.unwrap();
        assert_eq!(texts, ["1", "2", "3"][..migrations.list.len()]);
        let applied = db.migrations(COMPONENT).await.unwrap();
        let told: Vec<_> = applied
            .iter()
            .map(|step| (step.number, &*step.name, &*step.kind))
            .collect();
        let expected = [(1, "notes", "expand"), (2, "more", "expand"), (3, "rest", "contract")];
        assert_eq!(told, expected[..migrations.list.len()]);
        let pending = db.pending(COMPONENT, &ALL).await.unwrap();
        assert_eq!(pending.len(), 3 - migrations.list.len());
    }
}

pub(crate) async fn a_changed_one_stops_the_start_with_both_checksums(fixture: Fixture) {
    const CHANGED: Migrations = Migrations {
        list: &[step(
            1,
            "notes",
            Kind::Expand,
            "create table notes (text text, more text);",
        )],
    };
    let db = fixture.other("notes", &ONE).await.unwrap();
    let ran = db.migrations(COMPONENT).await.unwrap()[0].checksum.clone();
    drop(db);
    let said = refused(&fixture, &CHANGED).await;
    assert!(said.contains("0001_notes.sql") && said.contains(&ran), "{said}");
    let other = said
        .split(|letter: char| !letter.is_ascii_hexdigit())
        .filter(|word| word.len() == 32 && *word != ran);
    assert_eq!(other.count(), 1, "{said}");
    // Line ends and what follows the last statement are no change.
    const SAME: Migrations = Migrations {
        list: &[step(
            1,
            "notes",
            Kind::Expand,
            "create table notes (text text); insert into notes values ('1');\r\n",
        )],
    };
    assert!(fixture.other("notes", &SAME).await.is_ok());
}

pub(crate) async fn a_renumbered_one_is_named_with_both_names(fixture: Fixture) {
    const OTHER: Migrations = Migrations {
        list: &[
            FIRST,
            step(2, "of_another_branch", Kind::Expand, "create table b (a text);"),
        ],
    };
    drop(fixture.other("notes", &TWO).await.unwrap());
    let said = refused(&fixture, &OTHER).await;
    assert!(
        said.contains("0002_more") && said.contains("0002_of_another_branch.sql"),
        "{said}"
    );
}

pub(crate) async fn an_older_program_runs_on_what_was_expanded(fixture: Fixture) {
    drop(fixture.other("notes", &TWO).await.unwrap());
    let older = fixture.other("notes", &ONE).await.unwrap();
    let texts: i64 = older.query_one("select count(*) from notes", ()).await.unwrap();
    assert_eq!(texts, 2);
    assert_eq!(older.pending(COMPONENT, &ONE).await.unwrap().len(), 0);
}

pub(crate) async fn an_older_program_stops_at_what_was_contracted(fixture: Fixture) {
    drop(fixture.other("notes", &ALL).await.unwrap());
    let said = refused(&fixture, &TWO).await;
    assert!(
        said.contains("0003_rest") && said.contains("start the newer program"),
        "{said}"
    );
}

pub(crate) async fn one_that_came_late_is_refused(fixture: Fixture) {
    drop(fixture.other("notes", &TWO).await.unwrap());
    let db = fixture.other("notes", &TWO).await.unwrap();
    let forgets = "delete from terrace_migrations where set_name = $1 and number = 1";
    db.execute(forgets, (COMPONENT,)).await.unwrap();
    drop(db);
    let said = refused(&fixture, &TWO).await;
    assert!(said.contains("0001_notes.sql") && said.contains("0002_more"), "{said}");
}

pub(crate) async fn a_gap_is_refused(fixture: Fixture) {
    const GAP: Migrations = Migrations { list: &[FIRST, THIRD] };
    let said = refused(&fixture, &GAP).await;
    assert!(said.contains("0003_rest.sql") && said.contains("0002"), "{said}");
}

pub(crate) async fn a_failing_one_names_its_statement_and_leaves_nothing(fixture: Fixture) {
    const FAILS: Migrations = Migrations {
        list: &[
            FIRST,
            step(
                2,
                "fails",
                Kind::Expand,
                "-- expand\ncreate table kept (a text);\n\ninsert into notes values (';');\ninsert into nowhere values (1);",
            ),
        ],
    };
    let said = refused(&fixture, &FAILS).await;
    for part in ["0002_fails.sql", "statement 3 of 3", "line 5", "nowhere"] {
        assert!(said.contains(part), "{said}");
    }
    let db = fixture.other("notes", &ONE).await.unwrap();
    let texts: i64 = db.query_one("select count(*) from notes", ()).await.unwrap();
    assert_eq!(texts, 1);
    assert!(matches!(
        db.query::<()>("select a from kept", ()).await,
        Err(Error::Statement { .. })
    ));
}

pub(crate) async fn one_cannot_end_its_transaction(fixture: Fixture) {
    const ENDS: Migrations = Migrations {
        list: &[
            FIRST,
            step(2, "ends", Kind::Expand, "insert into notes values ('2'); commit;"),
        ],
    };
    let said = refused(&fixture, &ENDS).await;
    assert!(said.contains("statement 2 of 2") && said.contains("`commit`"), "{said}");
    let db = fixture.other("notes", &ONE).await.unwrap();
    let texts: i64 = db.query_one("select count(*) from notes", ()).await.unwrap();
    assert_eq!(texts, 1);
}

pub(crate) async fn a_start_that_does_not_migrate_says_what_is_missing(fixture: Fixture) {
    drop(fixture.other("notes", &ONE).await.unwrap());
    match fixture.other_with("notes", &ALL, |config| config.migrate = false).await {
        Err(Error::Open { message }) => {
            for part in ["0002_more.sql, 0003_rest.sql", "`database migrate`"] {
                assert!(message.contains(part), "{message}");
            }
        }
        other => panic!("{:?}", other.map(|_| ())),
    }
    drop(fixture.other("notes", &ALL).await.unwrap());
    let opened = fixture.other_with("notes", &ALL, |config| config.migrate = false).await;
    assert!(opened.is_ok());
}

/// Replicas; SQLite has one program for a file.
pub(crate) async fn many_may_start_at_once(fixture: Fixture) {
    let count = if fixture.db.is_postgres() { 6 } else { 1 };
    let fixture = std::sync::Arc::new(fixture);
    let tasks: Vec<_> = (0..count)
        .map(|_| {
            let own = fixture.clone();
            fixture
                .env
                .spawn("start", async move { own.other("notes", &ALL).await })
        })
        .collect();
    let mut opened = Vec::new();
    for task in tasks {
        opened.push(task.await.unwrap().unwrap());
    }
    for db in opened {
        let texts: i64 = db.query_one("select count(*) from notes", ()).await.unwrap();
        assert_eq!(texts, 3);
    }
}
