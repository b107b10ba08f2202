//! A secret that is written in a configuration is never shown, whatever else is wrong with it.
#![allow(clippy::disallowed_methods, reason = "tests write the files that are read")]

use std::path::Path;

use host::Config;
use host::config::{ConfigError, Layers, concealed};
use proptest::prelude::*;

const PASTE: &str = "{ env = \"TERRACE_DATABASE_PASSWORD\" }";

fn set(given: &str) -> Config {
    let set = vec![given.into()];
    let layers = Layers {
        set,
        ..Layers::default()
    };
    Config::layered(&layers).expect("it is accepted")
}

#[test]
fn a_secret_in_the_file_or_on_the_command_line_is_a_warning_with_the_line_to_paste() {
    let parse = |text: &str| Config::parse(text, Path::new("terrace.toml")).expect("it is accepted");
    let told = "is written in the file; keep it outside:";
    assert_eq!(
        parse("[tiers.database]\nurl = \"postgres://u@h\"\npassword = \"hunter2\"").warnings,
        [format!("terrace.toml:3:12: a secret {told} password = {PASTE}")]
    );
    assert_eq!(
        parse("[tiers]\ndatabase = \"postgres://u:hunter2@h/d\"").warnings,
        [format!(
            "terrace.toml:2:12: a password {told} database = {{ url = \"postgres://u@h/d\", password = {PASTE} }}"
        )]
    );
    let told = "is written on the command line, which others on this machine can read; keep it outside:";
    assert_eq!(
        set("service.token=hunter2").warnings,
        [format!(
            "--set service.token=..: a secret {told} --set 'service.token={{ env = \"TERRACE_TOKEN\" }}'"
        )]
    );
    let config = set("tiers.database={ url = \"postgres://u@h\", password = \"hunter2\" }");
    assert_eq!(
        config.warnings,
        [format!(
            "--set tiers.database=..: a secret {told} --set 'tiers.database.password={PASTE}'"
        )]
    );
    let config = set("tiers.mail=smtp://u:hunter2@h:25");
    assert_eq!(
        config.warnings,
        [format!(
            "--set tiers.mail=..: a password {told} --set 'tiers.mail={{ url = \"smtp://h:25\", user = \"u\", \
             password = {{ env = \"TERRACE_MAIL_PASSWORD\" }} }}'"
        )]
    );
    // What is proposed is right, and is no warning.
    let paste = config.warnings[0]
        .split_once("--set '")
        .expect("a line")
        .1
        .trim_end_matches('\'');
    let config = set(paste);
    assert!(config.warnings.is_empty());
    assert_eq!(config.tiers.mail.expect("mail").user.as_deref(), Some("u"));
    // The environment is where a secret may be.
    let layers = Layers {
        environment: vec![("TERRACE_SERVICE__TOKEN".into(), "hunter2".into())],
        ..Layers::default()
    };
    let config = Config::layered(&layers).expect("it is accepted");
    assert!(config.warnings.is_empty());
    assert_eq!(
        config.token().expect("it is there").expect("it is there").reveal(),
        "hunter2"
    );
}

#[test]
fn half_a_table_is_no_secret() {
    for given in [
        "service.token={ env = \"A\"",
        "tiers.database={ url = \"sqlite:a\", password = \"hunter2\"",
    ] {
        let layers = Layers {
            set: vec![given.into()],
            ..Layers::default()
        };
        let error = Config::layered(&layers).expect_err("it is no table").to_string();
        assert!(
            error.contains("close every quote and brace") && !error.contains("hunter2"),
            "{error}"
        );
    }
}

#[test]
fn what_is_configured_is_listed_without_secrets() {
    let text = "[service]\ntoken = { env = \"T\" }\n[tiers]\nmail = \"smtp://u:hunter2@h\"\n\
                database = { url = \"postgres://u@h\", password = \"hunter2\" }\n\
                [components.A]\nconfig = { key = \"hunter2\", list = [\"hunter2\"], on = true, times = 3 }\n";
    let config = Config::parse(text, Path::new("t.toml")).expect("it is right");
    let listed: Vec<String> = config
        .origins()
        .into_iter()
        .map(|one| format!("{} = {} ({})", one.key, one.value, one.origin))
        .collect();
    assert_eq!(
        listed,
        [
            "components.A.config.key = *** (t.toml:7:18)",
            "components.A.config.list = *** (t.toml:7:36)",
            "components.A.config.on = true (t.toml:7:54)",
            "components.A.config.times = 3 (t.toml:7:68)",
            "service.token = { env = \"T\" } (t.toml:2:9)",
            "tiers.database.password = *** (t.toml:5:49)",
            "tiers.database.url = \"postgres://u@h\" (t.toml:5:20)",
            "tiers.mail = \"smtp://u@h\", its password is not shown (t.toml:4:8)",
        ]
    );
}

#[test]
fn an_argument_is_shown_without_its_secret() {
    for (argument, shown) in [
        ("tiers.mail.password=x", "tiers.mail.password=***"),
        ("--tiers.mail.password=x", "--tiers.mail.password=***"),
        ("--set=tiers.mail=smtp://u:x@h", "--set=tiers.mail=***"),
        ("--set=tiers={ mail = 1 }", "--set=tiers=***"),
        ("--set=nothing.known=x", "--set=nothing.known=***"),
        ("--set=x", "--set=***"),
        ("components.A.config.key=x", "components.A.config.key=***"),
        ("service.listen=a:1", "service.listen=a:1"),
        ("--json=tiers.mail.password=x", "--json=tiers.mail.password=***"),
        ("--tiers={ mail = 1 }", "--tiers=***"),
        ("--seeds=3", "--seeds=3"),
        ("name=value", "name=value"),
        ("plain", "plain"),
    ] {
        assert_eq!(concealed(argument), shown);
    }
}

/// Where a secret may be written, as the two sides of a `--set`; `@` stands for the secret.
const PLACES: &[(&str, &str)] = &[
    ("service.token", "@"),
    ("service.token", "\"@\""),
    ("service.token", "{ @ }"),
    ("service.token", "{ env = \"@"),
    ("service", "{ token = \"@\" }"),
    ("service", "{ token = \"@\""),
    ("service.token", "[\"@\"]"),
    ("tiers.database.password", "'@'"),
    ("tiers.database", "postgres://u:@@h/d"),
    ("tiers.database", "postgres://u:@/@h/d"),
    ("tiers.database", "postgres://u:@#h"),
    ("tiers.database", "postgres:u:@@h/d"),
    ("tiers.database", "postgras://u:@@h/d"),
    ("tiers.database", "@"),
    ("tiers.database.url", "postgres://h/d?password=@"),
    ("tiers.database", "{ url = \"postgres://u:@@h\", readers = 0 }"),
    (
        "tiers.database",
        "{ url = \"postgres://u@h\", password = \"@\", slow = \"now\", unknown = 1 }",
    ),
    ("tiers.database", "{ url = 'postgres://u:@@h'"),
    ("tiers.databse", "{ password = \"@\" }"),
    ("tiers", "{ database = { password = \"@\" } }"),
    ("tiers", "{ database = \"postgres://u:@@h:x\" }"),
    ("tiers", "{ database = "),
    ("tiers.mail", "smtps://u:@@h:465"),
    ("tiers.mail.password", "@"),
    ("tiers.mail", "{ url = \"smtp://h\", password = \"@\", from = 3 }"),
    ("components.A.config", "{ key = \"@\", wrong = 1 }"),
    ("components.A.config", "{ key = \"@\""),
    ("components.A.config.key", "@"),
    ("components", "{ A = { config = { key = \"@\""),
];

/// What else is wrong, or right.
const OTHERS: &[(&str, &str)] = &[
    ("log.level", "info"),
    ("log.level", "none"),
    ("service.listen", "7"),
    ("service.tokn", "1"),
    ("tiers.database.readers", "many"),
    ("tiers.mail.colour", "1"),
    ("tiers.database.password", "{ env = 1 }"),
    ("tiers.database.url", "sqlite:"),
    ("components.A.at", "a:1"),
];

/// All that a configuration says of itself.
fn said(layers: &Layers) -> String {
    match Config::layered(layers) {
        Ok(config) => {
            let listed = format!("{:?}", config.origins());
            format!("{config:?} {config:#?} {listed} {:?}", config.warnings)
        }
        Err(error @ ConfigError::Invalid { .. }) => format!("{error} {error:?}"),
        Err(error) => panic!("{error}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn a_secret_of_any_origin_is_never_shown(
        letters in "[a-z0-9]{8}",
        (key, value) in prop::sample::select(PLACES),
        others in prop::collection::vec(prop::sample::select(OTHERS), 0..3),
        origin in 0..3,
    ) {
        // One that may stand in a URL's authority, where an `@` follows it.
        let secret = format!("s3cr3t-{letters}");
        let value = value.replacen('@', &secret, 1);
        let mut layers = Layers::default();
        let name = |key: &str| format!("TERRACE_{}", key.replace('.', "__").to_uppercase());
        for (key, value) in others {
            layers.environment.push((name(key).into(), value.into()));
        }
        match origin {
            0 => {
                let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("property.toml");
                let value = match value.starts_with(['"', '\'', '{', '[']) {
                    true => value,
                    false => format!("\"{value}\""),
                };
                std::fs::write(&path, format!("{key} = {value}\n")).expect("the file can be written");
                layers.file = Some(path);
            }
            1 => layers.environment.push((name(key).into(), value.into())),
            _ => layers.set.push(format!("{key}={value}").into()),
        }
        let said = said(&layers);
        prop_assert!(!said.contains(&letters), "{said}");
        for given in &layers.set {
            let given = given.to_str().expect("it is text");
            let shown = format!("{} {}", concealed(given), concealed(&["--set=", given].concat()));
            prop_assert!(!shown.contains(&letters), "{shown}");
        }
    }
}
