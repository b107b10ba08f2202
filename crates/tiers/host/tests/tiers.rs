//! What the table `[tiers]` says of right and of wrong tiers.
#![allow(clippy::disallowed_methods, reason = "tests write the files that are read")]

use std::path::Path;
use std::time::Duration;

use host::config::{ConfigError, Layers, Origin};
use host::{Config, SecretReference};

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("shop/terrace.toml"))
}

fn check(text: &str, expected: &[&str]) {
    match parse(text).expect_err("it is wrong") {
        ConfigError::Invalid { problems } => assert_eq!(problems, expected, "{text}"),
        other => panic!("{other}"),
    }
}

fn layered(environment: &[(&str, &str)], set: &[&str]) -> Result<Config, ConfigError> {
    let pair = |(name, value): &(&str, &str)| (name.into(), value.into());
    Config::layered(&Layers {
        environment: environment.iter().map(pair).collect(),
        set: set.iter().map(Into::into).collect(),
        ..Layers::default()
    })
}

/// The URL and the password of the database.
fn database(config: &Config) -> (&str, Option<String>) {
    let database = config.tiers.database.as_ref().expect("a database");
    let password = database.password.as_ref().map(|password| match password {
        SecretReference::Literal(secret) => secret.reveal().to_owned(),
        other => format!("{other:?}"),
    });
    (&database.url, password)
}

#[test]
fn a_tier_that_is_absent_is_none() {
    let tiers = parse("[tiers]").expect("it is right").tiers;
    assert!(tiers.database.is_none() && tiers.mail.is_none() && tiers.jobs.is_none());
}

#[test]
fn every_key_is_read() {
    let config = parse(
        r#"
        [tiers]
        mail = { url = "smtps://mail.example:465", user = "shop", password = { file = "p" }, from = "shop@example" }
        jobs = { poll = "100ms", lease = "30s", concurrency = 8, keep = "7d" }
        [tiers.database]
        url = "postgresql://shop@a:1,b:2/shop?sslmode=require"
        password = { env = "P" }
        readers = 4
        slow = "0s"
        once_retention = "12h"
        connections = 0x10
        migrate = false
        "#,
    )
    .expect("it is right");
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    let place = |line, column| Origin::File {
        path: "shop/terrace.toml".into(),
        line,
        column,
    };
    let database = config.tiers.database.expect("a database");
    assert_eq!(database.url, "postgresql://shop@a:1,b:2/shop?sslmode=require");
    assert_eq!(database.password, Some(SecretReference::Env("P".to_owned())));
    assert_eq!(
        (database.readers, database.connections, database.migrate),
        (Some(4), Some(16), Some(false))
    );
    assert_eq!(database.slow, Some(Duration::ZERO));
    assert_eq!(database.once_retention, Some(Duration::from_secs(43_200)));
    assert_eq!(database.place, place(6, 15));
    let mail = config.tiers.mail.expect("mail");
    assert_eq!(
        (mail.url.as_str(), mail.user.as_deref()),
        ("smtps://mail.example:465", Some("shop"))
    );
    assert_eq!(mail.password, Some(SecretReference::File("p".into())));
    assert_eq!((mail.from.as_deref(), mail.place), (Some("shop@example"), place(3, 24)));
    let jobs = config.tiers.jobs.expect("jobs");
    assert_eq!(
        (jobs.poll, jobs.lease),
        (Some(Duration::from_millis(100)), Some(Duration::from_secs(30)))
    );
    assert_eq!(
        (jobs.concurrency, jobs.keep),
        (Some(8), Some(Duration::from_secs(604_800)))
    );
    assert_eq!(jobs.place, place(4, 16));
}

#[test]
fn a_folder_of_sqlite_begins_at_that_of_the_file_or_where_the_process_is() {
    let folder = |config: &Config| database(config).0.to_owned();
    let config = parse("[tiers]\ndatabase = \"sqlite:data/todo\"").expect("it is right");
    assert_eq!(folder(&config), "sqlite:shop/data/todo");
    let config = parse("[tiers]\ndatabase = { url = \"sqlite:/var/lib\" }").expect("it is right");
    assert_eq!(folder(&config), "sqlite:/var/lib");
    let config = layered(&[("TERRACE_TIERS__DATABASE", "sqlite:data/")], &[]).expect("it is right");
    assert_eq!(folder(&config), "sqlite:data/");
    assert_eq!(
        config.tiers.database.expect("a database").place.to_string(),
        "environment variable `TERRACE_TIERS__DATABASE`"
    );
}

#[test]
fn a_tier_may_be_merged_from_three_origins() {
    let config = layered(
        &[
            ("TERRACE_TIERS__DATABASE", "sqlite:data"),
            ("TERRACE_TIERS__DATABASE__READERS", "2"),
        ],
        &["tiers.database.slow=20ms", "tiers.jobs.poll=1s"],
    )
    .expect("it is right");
    let database = config.tiers.database.expect("a database");
    assert_eq!((database.url.as_str(), database.readers), ("sqlite:data", Some(2)));
    assert_eq!(database.slow, Some(Duration::from_millis(20)));
    assert_eq!(
        config.tiers.jobs.expect("jobs").place.to_string(),
        "--set tiers.jobs.poll=.."
    );
    // A URL alone is another tier, which keeps nothing of the table.
    let config = layered(
        &[(
            "TERRACE_TIERS__DATABASE",
            "{ url = \"postgres://h\", readers = 2, password = { env = \"P\" } }",
        )],
        &["tiers.database=sqlite:data"],
    )
    .expect("it is right");
    let database = config.tiers.database.expect("a database");
    assert_eq!((database.readers, database.password), (None, None));
}

#[test]
fn a_wrong_tier_is_told_with_its_place_and_the_next_step() {
    check(
        "[tiers]\ndatabase = \"postgress://h\"\nmail = \"smpt://h:25\"\njobs = \"fast\"\nfiles = \"s3:\"",
        &[
            "shop/terrace.toml:2:12: `url` in [tiers.database]: its scheme is unknown; did you mean `postgres://`?",
            "shop/terrace.toml:3:8: `url` in [tiers.mail]: its scheme is unknown; did you mean `smtp://`?",
            "shop/terrace.toml:4:8: [jobs] is a table, not a text; close every quote and brace of it",
            "shop/terrace.toml:5:1: unknown key in [tiers]: `files`; known are `database`, `mail`, `jobs`",
        ],
    );
    check(
        "[tiers]\ndatabase = [1]\nmail = { user = \"a\", colour = 1 }\n\
         jobs = { poll = \"0s\", lease = \"fast\", concurrency = 0, keep = 7 }",
        &[
            "shop/terrace.toml:2:12: `database` in [tiers] is an address or a table with `url`, not a list",
            "shop/terrace.toml:3:8: [tiers.mail] names no engine; add `url`",
            "shop/terrace.toml:3:22: unknown key in [tiers.mail]: `colour`; known are `url`, `user`, `password`, `from`",
            "shop/terrace.toml:4:17: `poll` in [tiers.jobs] is at least \"1ms\"",
            "shop/terrace.toml:4:31: `lease` in [tiers.jobs]: `fast` is no duration; write a whole number and ms, s, m, h \
             or d, such as \"100ms\" or \"30s\"",
            "shop/terrace.toml:4:53: `concurrency` in [tiers.jobs] is a whole number, at least 1, not the number 0",
            "shop/terrace.toml:4:63: `keep` in [tiers.jobs] is a text in quotes, not the number 7",
        ],
    );
    check(
        "[tiers]\njobs = { poll = \"1ms\", lease = \"999ms\" }",
        &["shop/terrace.toml:2:32: `lease` in [tiers.jobs] is at least \"1s\""],
    );
    for (url, told) in [
        ("sqlite:", "write sqlite: and a folder"),
        ("sqlite://data", "write sqlite: and a folder"),
        ("mailbox", "write sqlite:data or postgres://"),
        ("postgres://h:x/d", "cannot be read as scheme://"),
        ("postgres://u:a/b@h/d", "cannot be read as scheme://"),
        ("postgres://u:a?b@h/d", "cannot be read as scheme://"),
        ("postgres://u:12/a@h/d", "cannot be read as scheme://"),
        ("postgres://h/d?x", "cannot be read as scheme://"),
        ("postgres://[::1/d", "cannot be read as scheme://"),
        ("postgres://u:%4@h", "not followed by two hexadecimal digits"),
        ("postgres://u:%ff@h", "not UTF-8"),
    ] {
        let error = parse(&format!("[tiers]\ndatabase = \"{url}\""))
            .expect_err(url)
            .to_string();
        assert!(error.contains(told), "{url}: {error}");
    }
}

#[test]
fn a_password_is_taken_out_of_the_url() {
    for (url, clean, password) in [
        (
            "postgres://u:s3%40cret@h:5432/d",
            "postgres://u@h:5432/d",
            Some("s3@cret"),
        ),
        ("postgres://u:a:b@c@h/d", "postgres://u@h/d", Some("a:b@c")),
        (
            "postgres://h/d?a=b&password=s%2Fx&c=d",
            "postgres://h/d?a=b&c=d",
            Some("s/x"),
        ),
        ("postgres://u:@[::1]:5/d", "postgres://u@[::1]:5/d", None),
        ("postgres:///d?host=%2Frun", "postgres:///d?host=%2Frun", None),
    ] {
        let config = parse(&format!("[tiers]\ndatabase = \"{url}\"")).expect(url);
        assert_eq!(database(&config), (clean, password.map(str::to_owned)), "{url}");
    }
    let config = parse("[tiers]\nmail = \"smtp://me%40a:p%3Aw@h:587\"").expect("it is right");
    let mail = config.tiers.mail.expect("mail");
    assert_eq!(
        (mail.url.as_str(), mail.user.as_deref()),
        ("smtp://h:587", Some("me@a"))
    );
    assert!(matches!(mail.password, Some(SecretReference::Literal(secret)) if secret.reveal() == "p:w"));
}

#[test]
fn of_two_passwords_the_one_of_the_stronger_origin_counts() {
    let url = ("TERRACE_TIERS__DATABASE", "postgres://u:inner@h");
    let config = layered(&[url], &["tiers.database.password={ env = \"P\" }"]).expect("it is right");
    assert_eq!(database(&config).1.as_deref(), Some("Env(\"P\")"));
    let config = layered(
        &[("TERRACE_TIERS__DATABASE__PASSWORD", "outer")],
        &["tiers.database.url=postgres://u:inner@h"],
    )
    .expect("it is right");
    assert_eq!(database(&config).1.as_deref(), Some("inner"));
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("two_passwords.toml");
    std::fs::write(&path, "[tiers.database]\nurl = \"postgres://u:inner@h\"\n").expect("the file can be written");
    let config = Config::layered(&Layers {
        file: Some(path),
        environment: vec![("TERRACE_TIERS__DATABASE__PASSWORD".into(), "outer".into())],
        ..Layers::default()
    });
    assert_eq!(database(&config.expect("it is right")).1.as_deref(), Some("outer"));
    let error = layered(&[url, ("TERRACE_TIERS__DATABASE__PASSWORD", "outer")], &[]).expect_err("there are two");
    assert_eq!(
        error.to_string(),
        "environment variable `TERRACE_TIERS__DATABASE__PASSWORD`: the password is here and in the `url`, too; keep one"
    );
}
