//! What the reader of `terrace.toml` says of right and of wrong files.
#![allow(clippy::disallowed_methods, reason = "tests write the files that are read")]

use std::path::{Path, PathBuf};

use host::config::{ConfigError, SecretError, address};
use host::limits::CONFIG_BYTES_MAX;
use host::{Config, SecretReference};
use proptest::prelude::*;
use telemetry::logs::{Format, Level};

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("terrace.toml"))
}

fn check(text: &str, expected: &[&str]) {
    match parse(text).expect_err("it is wrong") {
        ConfigError::Invalid { problems } => assert_eq!(problems, expected, "{text}"),
        other => panic!("{other}"),
    }
}

/// A file of this test, in the folder that cargo keeps for tests.
fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, bytes).expect("the file can be written");
    path
}

#[test]
fn an_empty_file_is_the_default() {
    let config = parse("").expect("it is right");
    assert!(config.service.listen.is_none() && config.face.is_none() && config.components.is_empty());
    assert_eq!(config.log, telemetry::Logs::default());
}

#[test]
fn every_table_is_read() {
    let text = r#"
        [service]
        listen = "127.0.0.1:7001"
        token = { env = "TERRACE_TOKEN" }
        [face]
        hosts = ["todo.example"]
        origins = ["https://todo.example"]
        request_bytes_max = 1_024
        [log]
        format = "json"
        level = "warn"
        targets = { "terrace::wire" = "debug" }
        [calls]
        decoded_bytes_max = 0x1000
        [components.Greeter]
        module = "loud"
        config = { volume = 11 }
        [components.Names]
        at = "[::1]:7002"
    "#;
    let config = parse(text).expect("it is right");
    assert_eq!(config.service.listen, Some("127.0.0.1:7001".into()));
    assert_eq!(
        config.service.token,
        Some(SecretReference::Env("TERRACE_TOKEN".to_owned()))
    );
    let face = config.face.expect("a face");
    assert_eq!((face.on, face.request_bytes_max), (true, Some(1024)));
    assert_eq!(
        (face.hosts, face.origins),
        (vec!["todo.example".to_owned()], vec!["https://todo.example".to_owned()])
    );
    assert_eq!((config.log.format, config.log.level), (Format::Json, Level::Warn));
    assert_eq!(config.log.targets.get("terrace::wire"), Some(&Level::Debug));
    assert_eq!(config.calls.decoded_bytes_max, 4096);
    assert_eq!(config.components["Greeter"].module.as_deref(), Some("loud"));
    assert_eq!(config.components["Names"].at, Some("[::1]:7002".into()));
    assert!(config.warnings.is_empty());
}

#[test]
fn an_unknown_key_is_an_error_with_its_line_and_the_nearest_known_one() {
    check(
        "\n[service]\nlistn = \"127.0.0.1:1\"\n[fase]\n",
        &[
            "terrace.toml:3:1: unknown key in [service]: `listn`; did you mean `listen`?",
            "terrace.toml:4:2: unknown key in the configuration: `fase`; did you mean `face`?",
        ],
    );
    check(
        "[components.Greeter]\ncolour = 1",
        &["terrace.toml:2:1: unknown key in [components.Greeter]: `colour`; known are `module`, `at`, `config`"],
    );
    check(
        "[log]\nlevel = \"inf\"\ntargets = { \"a::b\" = 3 }",
        &[
            "terrace.toml:2:9: `level` in [log]: unknown `inf`; did you mean `info`?",
            "terrace.toml:3:22: `a::b` in [log.targets] is a text in quotes, not the number 3",
        ],
    );
    check(
        "[service]\ntoken = { enf = \"X\" }",
        &["terrace.toml:2:9: `token` in [service]: unknown key in a secret: `enf`; did you mean `env`?"],
    );
}

#[test]
fn a_wrong_value_is_an_error_that_shows_it_and_what_is_right() {
    check(
        "service = 3",
        &["terrace.toml:1:11: [service] is a table, not the number 3"],
    );
    check(
        "[service]\nlisten = 7001",
        &["terrace.toml:2:10: `listen` in [service] is a text in quotes, not the number 7001"],
    );
    check(
        "[service]\nlisten = \"7001\"",
        &["terrace.toml:2:10: `7001` is not an address; write host and port, such as 127.0.0.1:7001"],
    );
    for wrong in [
        "[::1:7001",
        "::1]:7001",
        "[]:7001",
        "[localhost]:7001",
        "http://a:7001",
        "me@a:7001",
    ] {
        assert!(address(wrong).is_err(), "{wrong}");
    }
    for right in [
        "[::1]:7001",
        "[fe80::1%2]:7001",
        "::1:7001",
        "a.example:7001",
        "127.0.0.1:0",
    ] {
        assert!(address(right).is_ok(), "{right}");
    }
    check(
        "[face]\nrequest_bytes_max = -1\non = \"yes\"\nhosts = [1]",
        &[
            "terrace.toml:3:6: `on` in [face] is true or false, not the text \"yes\"",
            "terrace.toml:4:9: `hosts` in [face] is a list of texts, such as [\"todo.example\"], not a list",
            "terrace.toml:2:21: `request_bytes_max` in [face] is a number of bytes, at least 1, not the number -1",
        ],
    );
    check(
        "[components.A]\nat = \"a:1\"\nconfig = {}",
        &[
            "terrace.toml:3:10: `config` in [components.A] is of a module here, but `at` says that the component runs at \
             `a:1`; remove one",
        ],
    );
}

#[test]
fn what_is_not_toml_is_an_error_with_its_line() {
    let ConfigError::Invalid { problems } = parse("[service]\nlisten = ").expect_err("it is wrong") else {
        panic!("it is invalid");
    };
    assert!(problems[0].starts_with("terrace.toml:2:10: "), "{problems:?}");
}

#[test]
fn a_secret_in_the_file_is_a_warning_with_the_line_to_paste_and_is_never_shown() {
    let config = parse("[service]\ntoken = \"hunter2\"").expect("it is accepted");
    assert_eq!(
        config.warnings,
        ["terrace.toml:2:9: a secret is written in the file; keep it outside: token = { env = \"TERRACE_TOKEN\" }"]
    );
    let secret = config.token().expect("it is there").expect("it is there");
    assert_eq!(
        (format!("{secret} {secret:?}"), secret.reveal()),
        ("*** ***".to_owned(), "hunter2")
    );
    assert!(!format!("{config:?}").contains("hunter2"), "shown by `Debug`");
    let number = parse("[service]\ntoken = 12345")
        .expect_err("it is no text")
        .to_string();
    assert!(!number.contains("12345"), "{number}");
}

#[test]
fn a_secret_that_is_not_there_is_an_error_that_says_the_next_step() {
    let resolve = |reference: SecretReference| reference.resolve(Path::new(env!("CARGO_TARGET_TMPDIR")));
    let unset = resolve(SecretReference::Env("TERRACE_IS_NOT_SET".to_owned())).expect_err("it is not set");
    assert_eq!(
        unset.to_string(),
        "environment variable `TERRACE_IS_NOT_SET` is not set; set it, or name another in `{ env = \"..\" }`"
    );
    for odd in ["", "a=b", "a\0b"] {
        assert!(resolve(SecretReference::Env(odd.to_owned())).is_err(), "{odd:?}");
    }
    let missing = resolve(SecretReference::File("missing".into())).expect_err("it is not there");
    assert!(matches!(missing, SecretError::Unreadable { .. }), "{missing}");
    file("secret", b"hunter2\r\n");
    let secret = resolve(SecretReference::File("secret".into())).expect("it is there");
    assert_eq!(secret.reveal(), "hunter2");
    file("empty", b"\n");
    assert!(matches!(
        resolve(SecretReference::File("empty".into())),
        Err(SecretError::Empty { .. })
    ));
}

#[test]
fn a_file_at_the_limit_is_read_and_one_past_it_is_refused() {
    let mut text = vec![b'\n'; CONFIG_BYTES_MAX];
    Config::read(&file("largest.toml", &text)).expect("it is read");
    text.push(b'\n');
    let error = Config::read(&file("too_large.toml", &text)).expect_err("it is too large");
    assert!(matches!(error, ConfigError::Unreadable { .. }), "{error}");
    let error = Config::read(&file("not_text.toml", b"a = '\xff'")).expect_err("it is no text");
    assert!(
        error
            .to_string()
            .ends_with("byte 5 is not UTF-8; save the file as UTF-8"),
        "{error}"
    );
}

#[test]
fn nesting_without_end_is_an_error() {
    for text in [
        "[".repeat(100_000),
        format!("a = {}", "[".repeat(100_000)),
        "a.".repeat(100_000),
    ] {
        assert!(parse(&text).is_err());
    }
}

/// Text that is nearly a configuration.
fn nearly() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("service"),
        Just("listen"),
        Just("token"),
        Just("face"),
        Just("on"),
        Just("hosts"),
        Just("log"),
        Just("level"),
        Just("targets"),
        Just("components"),
        Just("config"),
        Just("at"),
        Just("module"),
        Just("env"),
        Just("calls"),
        Just("decoded_bytes_max"),
        Just("x"),
    ];
    let value = prop_oneof![
        Just("1".to_owned()),
        Just("\"info\"".to_owned()),
        Just("true".to_owned()),
        Just("[]".to_owned()),
        Just("{}".to_owned()),
        Just("{ env = \"A\" }".to_owned()),
        Just("1979-05-27".to_owned()),
        Just("99999999999999999999".to_owned()),
        "\\PC{0,8}",
        Just("[\"a\", 1]".to_owned()),
    ];
    let line = (name.clone(), name.clone(), value, 0..4).prop_map(|(one, other, value, kind)| match kind {
        0 => format!("[{one}]\n"),
        1 => format!("[{one}.{other}]\n"),
        2 => format!("{one} = {value}\n"),
        _ => format!("{one}.{other} = {value}\n"),
    });
    prop::collection::vec(line, 0..12).prop_map(|lines| lines.concat())
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_without_a_panic(text in "\\PC{0,200}|(?s).{0,200}") {
        let _ = parse(&text);
        let _ = address(&text);
    }

    #[test]
    fn any_tables_are_read_or_refused_without_a_panic(text in nearly()) {
        if let Err(ConfigError::Invalid { problems }) = parse(&text) {
            prop_assert!(!problems.is_empty());
            for problem in problems {
                prop_assert!(problem.starts_with("terrace.toml:"), "{problem}");
                prop_assert!(!problem.contains('\n'), "{problem}");
            }
        }
    }
}
