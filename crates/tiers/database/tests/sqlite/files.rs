//! Real files: whose they are, and what is said of those that cannot be used.

use std::path::Path;
use std::process::{Command, Stdio};

use database::{Config, Database, Error, Owner};

use crate::fixture::{TABLES, add, env, folder, ids, open};

fn text(opened: Result<Database, Error>) -> String {
    match opened {
        Ok(_) => "it opened".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn the_folder_is_made_and_the_lock_names_the_process_and_where_to_ask_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder("lock").join("a").join("b");
    let config = Config {
        owner: Some(Owner {
            address: "127.0.0.1:1".to_owned(),
            token: "a \"token\"".to_owned(),
        }),
        ..Config::default()
    };
    let database = Database::open(&env(&folder), "Items", &config, &TABLES)
        .await
        .expect("it opens");
    let lock = folder.join("Items.lock");
    let said: serde_json::Value = serde_json::from_slice(&std::fs::read(&lock).expect("a file")).expect("JSON");
    assert_eq!(said["pid"], std::process::id());
    assert_eq!(
        (&said["address"], &said["token"]),
        (&"127.0.0.1:1".into(), &"a \"token\"".into())
    );
    assert_eq!(lock.metadata().expect("a file").permissions().mode() & 0o777, 0o600);

    let again = text(open(&env(&folder), "Items").await);
    assert!(
        again.contains("this process has") && again.contains("Items.sqlite"),
        "{again}"
    );
    drop(database);
    add(&open(&env(&folder), "Items").await.expect("it is free again"), 1, "x")
        .await
        .expect("it is kept");
}

/// The environment variable that makes a process hold a file: its folder.
const HOLDER: &str = "TERRACE_SQLITE_HOLDER";

#[tokio::test]
async fn a_second_process_is_told_the_first_one_and_a_killed_one_holds_nothing() {
    if let Some(folder) = std::env::var_os(HOLDER) {
        let database = open(&env(Path::new(&folder)), "Items").await.expect("it opens");
        println_holds();
        std::thread::sleep(std::time::Duration::from_secs(60));
        drop(database);
        return;
    }
    let folder = folder("second");
    let mut holder = Command::new(std::env::current_exe().expect("this binary"))
        .args([
            "files::a_second_process_is_told_the_first_one_and_a_killed_one_holds_nothing",
            "--exact",
            "--nocapture",
        ])
        .env(HOLDER, &folder)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut said = std::io::BufReader::new(holder.stdout.take().expect("piped"));
    let mut line = String::new();
    while !line.contains("holds") {
        line.clear();
        assert_ne!(
            std::io::BufRead::read_line(&mut said, &mut line).expect("text"),
            0,
            "it ended"
        );
    }
    let refused = text(open(&env(&folder), "Items").await);
    assert!(refused.contains(&format!("process {}", holder.id())), "{refused}");
    assert!(
        refused.contains("Items.sqlite") && refused.contains("stop that process"),
        "{refused}"
    );
    holder.kill().expect("it runs");
    holder.wait().expect("it ends");
    open(&env(&folder), "Items").await.expect("who is dead holds nothing");
}

fn println_holds() {
    use std::io::Write;
    writeln!(std::io::stdout(), "holds").expect("somebody reads");
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let folder = folder("not-a-folder");
    std::fs::create_dir_all(folder.parent().expect("one above")).expect("it is made");
    std::fs::write(&folder, "a file").expect("it is written");
    let below = folder.join("below");
    let said = text(open(&env(&below), "Items").await);
    assert!(
        said.contains(&below.display().to_string()) && said.contains("writable"),
        "{said}"
    );
}

/// Overwrites every page but the first with what is none.
fn damage(file: &Path) {
    let mut bytes = std::fs::read(file).expect("a file");
    assert!(
        bytes.len() > 2 * 4096,
        "it is too small to be damaged: {} bytes",
        bytes.len()
    );
    bytes[4096..].fill(0x5a);
    std::fs::write(file, bytes).expect("it is written");
}

#[tokio::test]
async fn a_damaged_page_is_corrupt_with_the_next_step_and_others_go_on() {
    let folder = folder("damage");
    let env = env(&folder);
    let (one, other) = (
        open(&env, "One").await.expect("it opens"),
        open(&env, "Other").await.expect("it opens"),
    );
    add(&one, 1, &"x".repeat(10_000)).await.expect("it is kept");
    drop(one);
    // The last connection of a file has copied the log into it.
    while folder.join("One.sqlite-wal").exists() {
        std::thread::yield_now();
    }
    damage(&folder.join("One.sqlite"));
    let read = match open(&env, "One").await {
        Ok(database) => ids(&database).await.map(drop),
        Err(error) => Err(error),
    };
    match &read {
        Err(error @ Error::Corrupt { .. }) => {
            let text = error.to_string();
            assert!(
                text.contains("One.sqlite") && text.contains("database restore"),
                "{text}"
            );
        }
        _ => panic!("{read:?}"),
    }
    add(&other, 1, "other").await.expect("it goes on");
}

#[tokio::test]
async fn a_file_that_may_not_be_written_is_read_only() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    /// Nobody: permissions do not bind root.
    const NOBODY: u32 = 65_534;
    const READER: &str = "TERRACE_SQLITE_READER";
    if let Some(folder) = std::env::var_os(READER) {
        let database = open(&env(Path::new(&folder)), "Items").await.expect("it can be read");
        assert_eq!(ids(&database).await, Ok(vec![1]));
        let refused = add(&database, 2, "x").await;
        assert!(
            matches!(&refused, Err(Error::ReadOnly { message }) if message.contains("Items.sqlite")),
            "{refused:?}"
        );
        return;
    }
    let folder = std::env::temp_dir().join(format!("terrace-read-only-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("it is made");
    let database = open(&env(&folder), "Items").await.expect("it opens");
    add(&database, 1, "x").await.expect("it is kept");
    drop(database);
    while folder.join("Items.sqlite-wal").exists() {
        std::thread::yield_now();
    }
    let binary = folder.join("test");
    std::fs::copy(std::env::current_exe().expect("this binary"), &binary).expect("it is copied");
    std::fs::set_permissions(folder.join("Items.sqlite"), PermissionsExt::from_mode(0o444)).expect("it is ours");
    std::fs::set_permissions(folder.join("Items.lock"), PermissionsExt::from_mode(0o666)).expect("it is ours");
    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o777)).expect("it is ours");
    let mut reader = Command::new(&binary);
    reader
        .args([
            "files::a_file_that_may_not_be_written_is_read_only",
            "--exact",
            "--nocapture",
        ])
        .env(READER, &folder)
        .current_dir(&folder);
    if is_root() {
        std::os::unix::fs::chown(folder.join("Items.lock"), Some(NOBODY), None).expect("root may");
        reader.uid(NOBODY);
    }
    let ended = reader.output().expect("it starts");
    std::fs::remove_dir_all(&folder).expect("it is there");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

#[tokio::test]
async fn a_file_that_was_deleted_or_replaced_under_its_owner_takes_no_writes_until_it_is_back() {
    let folder = folder("taken-away");
    let database = open(&env(&folder), "Items").await.expect("it opens");
    add(&database, 1, "before").await.expect("it is kept");
    let (file, aside) = (folder.join("Items.sqlite"), folder.join("aside"));
    std::fs::rename(&file, &aside).expect("it is there");
    for replaced in [false, true] {
        if replaced {
            std::fs::copy(&aside, &file).expect("there is room");
        }
        let refused = add(&database, 2, "lost").await;
        let happened = ["deleted", "replaced"][usize::from(replaced)];
        assert!(
            matches!(&refused, Err(Error::Unavailable { message, .. })
                if message.contains(happened) && message.contains("Items.sqlite") && message.contains("put the file back")),
            "{refused:?}"
        );
        assert!(refused.is_err_and(|error| error.certainly_did_nothing()));
    }
    std::fs::rename(&aside, &file).expect("it is there");
    add(&database, 3, "after").await.expect("it is back");
    assert_eq!(ids(&database).await, Ok(vec![1, 3]));
}
