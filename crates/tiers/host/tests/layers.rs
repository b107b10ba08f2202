//! The three origins of a configuration: which is stronger, how they merge, and that every error names its own.
#![allow(clippy::disallowed_methods, reason = "tests write the files that are read")]

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use host::config::{ConfigError, Layers};
use host::{Config, SecretReference};
use proptest::prelude::*;
use telemetry::logs::{Format, Level};

/// A file of this test, in the folder that cargo keeps for tests.
fn file(name: &str, text: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).expect("the file can be written");
    path
}

fn layers(environment: &[(&str, &str)], set: &[&str]) -> Layers {
    Layers {
        environment: environment
            .iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect(),
        set: set.iter().map(Into::into).collect(),
        ..Layers::default()
    }
}

fn read(environment: &[(&str, &str)], set: &[&str]) -> Config {
    Config::layered(&layers(environment, set)).expect("it is right")
}

fn problems(layers: &Layers) -> Vec<String> {
    match Config::layered(layers).expect_err("it is wrong") {
        ConfigError::Invalid { problems } => problems,
        other => panic!("{other}"),
    }
}

fn check(environment: &[(&str, &str)], set: &[&str], expected: &[&str]) {
    assert_eq!(problems(&layers(environment, set)), expected, "{environment:?} {set:?}");
}

#[test]
fn the_command_line_is_stronger_than_the_environment_and_that_than_the_file() {
    let text = "[log]\nlevel = \"warn\"\nformat = \"json\"\n[service]\nlisten = \"a:1\"";
    let mut layers = Layers {
        file: Some(file("precedence.toml", text)),
        ..layers(
            &[("TERRACE_LOG__LEVEL", "debug"), ("TERRACE_SERVICE__LISTEN", "a:2")],
            &["service.listen=a:3", "service.listen=a:4"],
        )
    };
    let config = Config::layered(&layers).expect("it is right");
    assert_eq!((config.log.format, config.log.level), (Format::Json, Level::Debug));
    assert_eq!(config.service.listen, Some("a:4".into()));
    layers.set.clear();
    let config = Config::layered(&layers).expect("it is right");
    assert_eq!(config.service.listen, Some("a:2".into()));
}

#[test]
fn tables_merge_key_by_key_and_lists_and_secrets_are_replaced() {
    let text = "[face]\nhosts = [\"a\", \"b\"]\non = false\n[service]\ntoken = { env = \"A\" }\n\
                [components.Names]\nmodule = \"one\"\nconfig = { volume = 1, deep = { left = 1, right = 1 } }\n";
    let layers = Layers {
        file: Some(file("merge.toml", text)),
        ..layers(
            &[
                ("TERRACE_FACE", "{ hosts = [\"c\"] }"),
                ("TERRACE_SERVICE__TOKEN__FILE", "token"),
                ("TERRACE_COMPONENTS__NAMES__CONFIG__DEEP__LEFT", "2"),
            ],
            &["components.Names.config={ volume = 3 }"],
        )
    };
    let config = Config::layered(&layers).expect("it is right");
    let face = config.face.as_ref().expect("a face");
    assert_eq!((face.on, face.hosts.as_slice()), (false, &["c".to_owned()][..]));
    assert_eq!(config.service.token, Some(SecretReference::File("token".into())));
    assert_eq!(config.components["Names"].module.as_deref(), Some("one"));
    let origins: Vec<(String, String, String)> = config
        .origins()
        .into_iter()
        .map(|one| (one.key, one.value, one.origin))
        .filter(|(key, ..)| key.starts_with("components"))
        .collect();
    let path = layers.file.expect("a file");
    let line = |column| format!("{}:8:{column}", path.display());
    let hidden = |key: &str, value: &str, origin: String| {
        let key = format!("components.Names.{key}");
        (key, value.to_owned(), origin)
    };
    assert_eq!(
        origins,
        [
            hidden(
                "config.deep.left",
                "***",
                "environment variable `TERRACE_COMPONENTS__NAMES__CONFIG__DEEP__LEFT`".to_owned()
            ),
            hidden("config.deep.right", "1", line(51)),
            hidden("config.volume", "3", "--set components.Names.config=..".to_owned()),
            hidden("module", "\"one\"", line(10).replace(":8:", ":7:")),
        ]
    );
}

#[test]
fn a_value_is_toml_or_its_own_text() {
    let config = read(
        &[
            ("TERRACE_FACE__REQUEST_BYTES_MAX", "0x10"),
            ("TERRACE_FACE__ON", "false"),
        ],
        &[
            "log.targets={ a = \"info\" }",
            "log.targets.\"a::b=c\"=debug",
            "service.listen=[::1]:7001",
        ],
    );
    let face = config.face.expect("a face");
    assert_eq!((face.on, face.request_bytes_max), (false, Some(16)));
    assert_eq!(config.log.targets.get("a"), Some(&Level::Info));
    assert_eq!(config.log.targets.get("a::b=c"), Some(&Level::Debug));
    assert_eq!(config.service.listen, Some("[::1]:7001".into()));
}

#[test]
fn a_number_is_its_letters_where_a_text_is_wanted_and_the_whole_value() {
    for (letters, wanted) in [
        ("007.50", "007.50"),
        ("1_000", "1_000"),
        ("true", "true"),
        ("'12'", "12"),
        ("2024-01-01", "2024-01-01"),
    ] {
        let config = read(&[("TERRACE_COMPONENTS__A__MODULE", letters)], &[]);
        assert_eq!(config.components["a"].module.as_deref(), Some(wanted), "{letters}");
        let config = read(&[], &[&format!("service.token={letters}")]);
        let token = config.token().expect("it is there").expect("it is there");
        assert_eq!(token.reveal(), wanted, "{letters}");
    }
    check(
        &[("TERRACE_SERVICE", "{ listen = 7 }")],
        &[],
        &["environment variable `TERRACE_SERVICE`: `listen` in [service] is a text in quotes, not the number 7"],
    );
}

#[test]
fn a_level_of_a_variable_is_the_key_that_it_is_but_for_case() {
    let mut layers = Layers {
        file: Some(file("case.toml", "[components.Ledger]\nconfig = { inFile = 1 }\n")),
        components: vec!["Todos".to_owned(), "TodoList".to_owned()],
        ..layers(
            &[
                ("TERRACE_COMPONENTS__TODOS__AT", "a:1"),
                ("TERRACE_COMPONENTS__todolist__at", "a:2"),
                ("TERRACE_COMPONENTS__LEDGER__CONFIG__INFILE", "2"),
                ("TERRACE_COMPONENTS__LEDGER__CONFIG__NOWHERE", "3"),
                ("TERRACE_COMPONENTS__STRANGER__AT", "a:3"),
            ],
            &[],
        )
    };
    let config = Config::layered(&layers).expect("it is right");
    let names: Vec<&str> = config.components.keys().map(String::as_str).collect();
    assert_eq!(names, ["Ledger", "TodoList", "Todos", "stranger"]);
    let keys: Vec<String> = config.origins().into_iter().map(|one| one.key).collect();
    assert_eq!(
        keys[..2],
        ["components.Ledger.config.inFile", "components.Ledger.config.nowhere"]
    );
    layers.components.push("TODOS".to_owned());
    let config = Config::layered(&layers).expect("one of them is spelt like the variable");
    assert!(config.components.contains_key("TODOS"));
    layers.components.extend(["StrangeR".to_owned(), "Stranger".to_owned()]);
    assert_eq!(
        problems(&layers),
        [
            "environment variable `TERRACE_COMPONENTS__STRANGER__AT`: `STRANGER` may be any of `StrangeR`, `Stranger`; say \
          which by --set, where case counts"
        ]
    );
    // Case counts on the command line.
    check(
        &[],
        &["LOG.level=info"],
        &["--set LOG.level=..: unknown key in the configuration: `LOG`; did you mean `log`?"],
    );
}

#[test]
fn a_variable_that_is_no_configuration_breaks_nothing() {
    let others = [
        ("TERRACE_TOKEN", "s"),
        ("TERRACE_FULL", "1"),
        ("TERRACE_SIMULATE_RUN", "{"),
        ("TERRACE_CALLS_SEED", "1"),
        ("TERRACE_DATABASE_PASSWORD", "s"),
        ("TERRACE_", ""),
        ("TERRACE", ""),
        ("PATH", "/bin"),
        ("OTHER__LOG__LEVEL", "none"),
    ];
    let config = read(&others, &[]);
    assert!(config.origins().is_empty() && config.warnings.is_empty(), "{config:?}");
    // One that nearly is one is told.
    let config = read(&[("TERRACE_TIERS_DATABASE", "sqlite:data")], &[]);
    assert_eq!(
        config.warnings,
        [
            "environment variable `TERRACE_TIERS_DATABASE` is no configuration, since two underscores stand between levels: \
          `TERRACE_TIERS__DATABASE`"
        ]
    );
}

#[test]
fn an_unknown_key_is_told_with_its_origin_and_the_nearest_known_one() {
    check(
        &[("TERRACE_TIERS__DATBASE", "x"), ("TERRACE_TEIRS__JOBS", "1")],
        &["service.listn=a:1", "components.Names.colour=1"],
        &[
            "--set service.listn=..: unknown key in [service]: `listn`; did you mean `listen`?",
            "environment variable `TERRACE_TIERS__DATBASE`: unknown key in [tiers]: `datbase`; did you mean `database`?",
            "--set components.Names.colour=..: unknown key in [components.Names]: `colour`; known are `module`, `at`, \
             `config`",
            "environment variable `TERRACE_TEIRS__JOBS`: unknown key in the configuration: `teirs`; did you mean `tiers`?",
        ],
    );
}

#[test]
fn a_wrong_value_is_told_with_its_origin() {
    let layers = Layers {
        file: Some(file("wrong_value.toml", "[log]\nlevel = \"inf\"\n")),
        ..layers(
            &[("TERRACE_FACE__ON", "yes"), ("TERRACE_LOG__FORMAT", "xml")],
            &["calls.decoded_bytes_max=-1", "log.targets.a=3"],
        )
    };
    let path = layers.file.clone().expect("a file");
    assert_eq!(
        problems(&layers),
        [
            "environment variable `TERRACE_FACE__ON`: `on` in [face] is true or false, not the text \"yes\"".to_owned(),
            "environment variable `TERRACE_LOG__FORMAT`: `format` in [log]: unknown `xml`; known are `text`, `json`".to_owned(),
            format!("{}:2:9: `level` in [log]: unknown `inf`; did you mean `info`?", path.display()),
            "--set log.targets.a=..: `a` in [log.targets]: unknown `3`; known are `off`, `error`, `warn`, `info`, `debug`, \
             `trace`"
                .to_owned(),
            "--set calls.decoded_bytes_max=..: `decoded_bytes_max` in [calls] is a number of bytes, at least 1, not the \
             number -1"
                .to_owned(),
        ]
    );
}

#[test]
fn a_column_is_counted_in_characters() {
    let problems =
        match Config::parse("[log]\ntargets = { \"äöü\" = 3 }", Path::new("t.toml")).expect_err("it is wrong") {
            ConfigError::Invalid { problems } => problems,
            other => panic!("{other}"),
        };
    assert_eq!(
        problems,
        ["t.toml:2:21: `äöü` in [log.targets] is a text in quotes, not the number 3"]
    );
}

#[test]
fn what_is_empty_or_no_key_is_told() {
    let empty = "its value is empty; give one, leave it out, or write '' for an empty text";
    check(
        &[("TERRACE_LOG__LEVEL", ""), ("TERRACE_SERVICE__LISTEN", "  ")],
        &["log.level="],
        &[
            &format!("environment variable `TERRACE_LOG__LEVEL`: {empty}"),
            &format!("environment variable `TERRACE_SERVICE__LISTEN`: {empty}"),
            &format!("--set log.level=..: {empty}"),
        ],
    );
    let no_pair = "it is not KEY=VALUE; write --set tiers.database=sqlite:data, for one";
    check(
        &[],
        &[
            "log.level",
            "=x",
            "log..level=1",
            "[log]=1",
            "a=b\nc",
            "a\n[b]=c",
            "log.\"level=1",
        ],
        &[
            &format!("--set, given as number 1: {no_pair}"),
            "--set =..: its left side is no key; write levels with dots between them, as in tiers.database",
            "--set log..level=..: its left side is no key; write levels with dots between them, as in tiers.database",
            "--set [log]=..: its left side is no key; write levels with dots between them, as in tiers.database",
            "--set a\\n[b]=..: its left side is no key; write levels with dots between them, as in tiers.database",
            &format!("--set, given as number 7: {no_pair}"),
            "--set a=..: unknown key in the configuration: `a`; known are `service`, `face`, `front`, `feeds`, `log`, `calls`, `tiers`, \
             `components`, `external`",
        ],
    );
    let deep = vec!["a"; 17];
    check(
        &[
            (&format!("TERRACE_{}", deep.join("__")), "1"),
            ("TERRACE_LOG____LEVEL", "info"),
        ],
        &[&format!("{}=1", deep.join("."))],
        &[
            "environment variable `TERRACE_LOG____LEVEL`: a level of its name is empty; two underscores stand between \
             levels, as in `TERRACE_TIERS__DATABASE`",
            "environment variable `TERRACE_a__a__a__a__a__a__a__a__a__a__a__a__a__a__a__a__a`: its key has 17 levels, and at \
             most 16 are read; write the rest as an inline table",
            "--set a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a=..: its key has 17 levels, and at most 16 are read; write the rest as \
             an inline table",
        ],
    );
}

#[cfg(unix)]
#[test]
fn what_is_not_utf8_is_told_where_it_is_configuration_and_ignored_where_not() {
    use std::os::unix::ffi::OsStringExt;
    let odd = || OsString::from_vec(b"sqlite:\xff".to_vec());
    let layers = Layers {
        environment: vec![
            ("TERRACE_TIERS__DATABASE".into(), odd()),
            ("TERRACE_TOKEN".into(), odd()),
            (OsString::from_vec(b"TERRACE_\xff".to_vec()), odd()),
        ],
        set: vec![OsString::from_vec(b"log.level=\xff".to_vec())],
        ..Layers::default()
    };
    assert_eq!(
        problems(&layers),
        [
            "environment variable `TERRACE_TIERS__DATABASE`: its value is not UTF-8; a configuration is text",
            "--set, given as number 1: it is not KEY=VALUE; write --set tiers.database=sqlite:data, for one",
        ]
    );
}

/// A key of the environment or of `--set`, and a value, which nearly make sense.
fn nearly() -> impl Strategy<Value = (String, String)> {
    let level = prop::sample::select(vec![
        "service",
        "listen",
        "token",
        "env",
        "tiers",
        "database",
        "mail",
        "jobs",
        "url",
        "password",
        "readers",
        "poll",
        "components",
        "A",
        "config",
        "at",
        "module",
        "log",
        "targets",
        "face",
        "on",
        "",
        "\"",
        "é",
    ]);
    let value = prop_oneof![
        prop::sample::select(vec![
            "1",
            "-1",
            "1e400",
            "nan",
            "true",
            "1979-05-27",
            "{}",
            "[]",
            "[[[1]]]",
            "{ a = { b = 1 } }",
            "{ env = \"A\" }",
            "{ url = \"postgres://u:p@h\" }",
            "{ url = ",
            "postgres://u:p@[h",
            "smtp://%",
            "sqlite:",
            "30s",
            "\"",
            "'a'",
            "#",
            "\"\\u12\"",
            "'''",
            "a:1",
        ])
        .prop_map(str::to_owned),
        "(?s).{0,20}",
    ];
    (prop::collection::vec(level, 0..5), value).prop_map(|(levels, value)| (levels.join("."), value))
}

proptest! {
    #[test]
    fn any_three_origins_are_read_or_refused_without_a_panic(
        text in "\\PC{0,60}|\\[(tiers|log|components)\\]\n[a-z]{1,8} = (1|\"a\"|\\{\\})",
        environment in prop::collection::vec(nearly(), 0..4),
        set in prop::collection::vec(nearly(), 0..4),
        raw in "(?s).{0,30}",
    ) {
        let environment = environment.iter().map(|(key, value)| {
            (format!("TERRACE_{}", key.replace('.', "__").to_uppercase()).into(), value.into())
        });
        let set = set.iter().map(|(key, value)| format!("{key}={value}").into());
        let mut layers = Layers {
            environment: environment.collect(),
            set: set.chain([raw.clone().into()]).collect(),
            ..Layers::default()
        };
        drop(host::config::concealed(&raw));
        for file in [None, Some(file("any.toml", &text))] {
            layers.file = file;
            match Config::layered(&layers) {
                Ok(config) => drop((config.origins(), format!("{config:?}"))),
                Err(ConfigError::Invalid { problems }) => {
                    prop_assert!(!problems.is_empty());
                    prop_assert!(!problems.iter().any(|problem| problem.contains('\n')), "{problems:?}");
                }
                Err(error) => panic!("{error}"),
            }
            // A bad `--set` is told in the round before; without it, more is read.
            layers.set.pop();
        }
    }
}
