//! A dump holds all of a database, and is refused when it does not.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use database::dump::{self, Progress};
use database::{Config, Database, Error, Json, Migration, Migrations, Timestamp, Transaction};
use uuid::Uuid;
use world::Env;
use world::production::Options;

const SCHEMA: Migrations = Migrations {
    list: &[Migration {
        number: 1,
        name: "everything",
        kind: database::migration::Kind::Expand,
        sqlite: "create table items (
                     id integer primary key, parent integer references items, done integer not null, at integer, token blob,
                     detail text, price real, picture blob, label text, upper_label text generated always as (upper(label))
                 );
                 create table \"odd \"\"name\" (item integer not null references items, primary key (item));",
        postgres: "create table items (
                       id bigint generated always as identity primary key, parent bigint references items,
                       label text, upper_label text generated always as (upper(label)) stored, done boolean not null,
                       at timestamptz, token uuid, detail jsonb, price double precision, picture bytea
                   );
                   create table \"odd \"\"name\" (item bigint not null references items, primary key (item));",
    }],
};

fn folder(name: &str) -> PathBuf {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("{name}-{}-{number}", std::process::id());
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("dump").join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

async fn sqlite(name: &str, component: &str) -> Database {
    let options = Options {
        data: Some(folder(name)),
        ..Options::default()
    };
    let env = Env::production_with("test", options);
    Database::open(&env, component, &Config::default(), &SCHEMA)
        .await
        .unwrap()
}

async fn postgres(server: &servers::Postgres, name: &str, component: &str) -> Database {
    server.create_database(name).unwrap();
    let config = Config {
        engine: database::config::Place::Postgres {
            url: server.url(name),
            password: None,
        },
        ..Config::default()
    };
    Database::open(&Env::production("test"), component, &config, &SCHEMA)
        .await
        .unwrap()
}

/// A circle of rows, and every type with its odd values.
async fn fill(database: &Database, rows: i64) {
    database
        .transaction(async move |tx: &Transaction<'_>| {
            let overriding = if tx.is_postgres() {
                "overriding system value"
            } else {
                ""
            };
            for id in 1..=rows {
                tx.execute(
                    &format!(
                        "insert into items (id, done, at, token, detail, price, picture, label) {overriding}
                         values ($1, $2, $3, $4, $5, $6, $7, $8)"
                    ),
                    (
                        id,
                        id % 2 == 0,
                        (id % 3 > 0).then_some(Timestamp(-1_000_001 * id)),
                        Uuid::from_u128(id as u128),
                        Json(serde_json::json!({ "b": [1.0, id], "a": "ä\u{1F600}" })),
                        id as f64 / 4.0,
                        (id % 5 > 0).then(|| vec![0u8, 255, id as u8]),
                        format!("label '{id}'"),
                    ),
                )
                .await?;
            }
            tx.execute(
                "update items set parent = case id when $1 then 1 else id + 1 end",
                (rows,),
            )
            .await?;
            tx.execute(
                "insert into \"odd \"\"name\" (item) select id from items where id % 7 = 0",
                (),
            )
            .await?;
            Ok::<(), Error>(())
        })
        .await
        .unwrap();
}

fn quiet() -> Progress {
    Arc::new(|_, _| {})
}

fn message<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    result.unwrap_err().to_string()
}

#[tokio::test]
async fn a_backup_is_restored_with_every_row_and_type() {
    let (source, target) = (sqlite("source", "Items").await, sqlite("target", "Items").await);
    fill(&source, 2_345).await;
    let file = folder("backup").join("Items.dump");
    let told = Arc::new(AtomicU64::new(0));
    let tells = told.clone();
    let progress: Progress = Arc::new(move |_, rows| {
        tells.fetch_max(rows, Ordering::Relaxed);
    });
    let dumped = dump::dump(&source, &file, progress).await.unwrap();
    assert_eq!(told.load(Ordering::Relaxed), 2_345);
    assert_eq!(dump::verify(&file).unwrap(), dumped);
    let restored = dump::restore(&target, &file, false, quiet()).await.unwrap();
    assert_eq!(restored, dumped);
    let rows: i64 = target
        .query_one("select count(*) from items where upper_label like 'LABEL%'", ())
        .await
        .unwrap();
    assert_eq!(rows, 2_345);
    // Once more: it is not empty any more.
    assert!(
        message(dump::restore(&target, &file, false, quiet()).await)
            .contains("rows already; restore into an empty database")
    );
    assert_eq!(dump::restore(&target, &file, true, quiet()).await.unwrap(), dumped);
    assert!(message(dump::dump(&source, &file, quiet()).await).contains("is there already"));
}

#[tokio::test]
async fn data_moves_between_the_engines_and_back_unchanged() {
    let server = servers::Postgres::shared();
    let (source, back) = (sqlite("source", "Items").await, sqlite("back", "Items").await);
    let middle = postgres(server, "dump_moves", "Items").await;
    fill(&source, 600).await;
    let (there, again) = (folder("there").join("a"), folder("again").join("b"));
    let dumped = dump::dump(&source, &there, quiet()).await.unwrap();
    dump::restore(&middle, &there, false, quiet()).await.unwrap();
    // What PostgreSQL numbers itself goes on behind.
    let id: i64 = middle
        .transaction(async |tx: &Transaction<'_>| {
            tx.query_one("insert into items (done) values (true) returning id", ())
                .await
        })
        .await
        .unwrap();
    assert_eq!(id, 601);
    middle.execute("delete from items where id = 601", ()).await.unwrap();
    let bad = middle
        .execute("insert into \"odd \"\"name\" (item) values (12345)", ())
        .await;
    assert!(matches!(bad, Err(Error::Constraint { .. })), "{bad:?}");
    dump::dump(&middle, &again, quiet()).await.unwrap();
    let restored = dump::restore(&back, &again, false, quiet()).await.unwrap();
    let counts = |contents: &dump::Contents| -> Vec<u64> { contents.tables.iter().map(|table| table.rows).collect() };
    assert_eq!(counts(&restored), counts(&dumped));
    let (one, other): (Vec<database::Row>, Vec<database::Row>) = (
        source
            .query(
                "select id, parent, done, at, token, price, picture, label from items order by id",
                (),
            )
            .await
            .unwrap(),
        back.query(
            "select id, parent, done, at, token, price, picture, label from items order by id",
            (),
        )
        .await
        .unwrap(),
    );
    assert_eq!(one, other);
}

#[tokio::test]
async fn a_damaged_or_foreign_dump_changes_nothing() {
    let (source, target) = (sqlite("source", "Items").await, sqlite("target", "Items").await);
    fill(&source, 50).await;
    let file = folder("backup").join("Items.dump");
    dump::dump(&source, &file, quiet()).await.unwrap();
    let whole = world::production::read_file(&file, 1 << 20).unwrap();
    let damaged = |name: &str, bytes: &[u8]| {
        use std::io::Write;
        let path = folder("damaged").join(name);
        let mut file = world::production::NewFile::create(&path).unwrap();
        file.write_all(bytes).unwrap();
        file.finish().unwrap();
        path
    };
    for at in [3, 30, whole.len() / 2, whole.len() - 3] {
        let mut bytes = whole.clone();
        bytes[at] ^= 4;
        for path in [damaged("changed", &bytes), damaged("cut", &whole[..at])] {
            assert!(message(dump::restore(&target, &path, false, quiet()).await).contains("cannot be restored"));
            assert!(dump::verify(&path).is_err());
        }
    }
    let other = sqlite("other", "Others").await;
    assert!(message(dump::restore(&other, &file, false, quiet()).await).contains("is of component `Items`"));
    let rows: i64 = target.query_one("select count(*) from items", ()).await.unwrap();
    assert_eq!(rows, 0);
}

#[tokio::test]
async fn a_database_that_was_moved_is_not_opened_again() {
    let place = folder("moved");
    let env = Env::production_with(
        "test",
        Options {
            data: Some(place.clone()),
            ..Options::default()
        },
    );
    let database = Database::open(&env, "Items", &Config::default(), &SCHEMA)
        .await
        .unwrap();
    fill(&database, 3).await;
    database.freeze("the data is being moved").await.unwrap();
    assert!(matches!(
        database.execute("delete from items", ()).await,
        Err(Error::Busy { .. })
    ));
    assert_eq!(
        database
            .query_one::<i64>("select count(*) from items", ())
            .await
            .unwrap(),
        3
    );
    database.thaw();
    database.execute("update items set price = 1", ()).await.unwrap();
    database.freeze("the data is being moved").await.unwrap();
    database.mark_moved("postgres://db.example/app").await.unwrap();
    let refused = database.execute("delete from items", ()).await;
    assert!(message(refused.map(drop)).contains("was moved to postgres://db.example/app"));
    drop(database);
    let looked = Database::look(&env, "Items", &Config::default()).await;
    assert!(message(looked.map(drop)).contains("was moved to postgres://db.example/app"));
    let opened = Database::open(&env, "Items", &Config::default(), &SCHEMA).await;
    assert!(message(opened.map(drop)).contains("was moved to postgres://db.example/app"));
}
