//! `[external.NAME]`: components that are programs of their own.

use toml::de::DeTable;
use wire::Origin;

use super::Config;
use super::known::EXTERNAL;
use super::nearest::shown;
use super::problem::Problems;
use super::secret::{Kept, SecretReference, secret};
use super::table::{At, Table, table_of};

/// `[external.NAME]`: a component that a program in any language is.
#[derive(Clone, Debug)]
pub struct ExternalConfig {
    /// The program.
    pub program: ExternalProgram,
    pub(crate) span: std::ops::Range<usize>,
}

/// Which program it is.
#[derive(Clone, Debug)]
pub enum ExternalProgram {
    /// One that runs already.
    Url {
        /// Where it serves the HTTP face.
        url: String,
        /// What it is shown. Default: nothing.
        token: Option<SecretReference>,
    },
    /// One that this process starts and keeps running.
    Command(Vec<String>),
}

const TOKEN: Kept = Kept {
    key: "external.NAME.token",
    variable: "TERRACE_EXTERNAL_NAME_TOKEN",
};

impl ExternalConfig {
    /// The program in words: its URL, or its command.
    pub fn name(&self) -> String {
        match &self.program {
            ExternalProgram::Url { url, .. } => url.clone(),
            ExternalProgram::Command(command) => command.join(" "),
        }
    }
}

impl Config {
    pub(super) fn read_external(&mut self, table: &DeTable<'_>, problems: &mut Problems<'_>) {
        for (name, value) in table {
            let place = format!("[external.{}]", shown(name.get_ref()));
            let Some(table) = table_of(value, &place, problems) else {
                continue;
            };
            let at = self
                .components
                .get(name.get_ref().as_ref())
                .and_then(|component| component.at.as_ref());
            if let Some(at) = at {
                let name = shown(name.get_ref());
                let message = format!("{place} and `at = \"{at}\"` in [components.{name}] say where it is; remove one");
                problems.add(&table.span, message);
            }
            if let Some(external) = read(&place, table, problems, &mut self.warnings) {
                self.external.insert(name.get_ref().to_string(), external);
            }
        }
    }
}

fn read(
    place: &str,
    table: At<&DeTable<'_>>,
    problems: &mut Problems<'_>,
    warnings: &mut Vec<String>,
) -> Option<ExternalConfig> {
    let external = Table::new(place, table.value, EXTERNAL);
    let url = external.text("url", problems);
    let command = external.texts("command", r#"["python3", "names.py"]"#, problems);
    let token = secret(&external, "token", &TOKEN, problems, warnings);
    let is_empty = external.value("url").is_none() && external.value("command").is_none();
    external.finish(problems);
    if let Some(token) = token.as_ref().filter(|_| command.is_some()) {
        let message =
            format!("`token` in {place} is of a program that runs already; one by `command` gets its own: remove it");
        problems.add(&token.span, message);
    }
    let program = match (url, command) {
        (Some(url), None) => {
            if let Err(error) = Origin::new(&url.value, None) {
                problems.add(&url.span, format!("`url` in {place}: {error}"));
            }
            ExternalProgram::Url {
                url: url.value,
                token: token.map(|token| token.value),
            }
        }
        (None, Some(command)) => {
            if command.value.first().is_none_or(String::is_empty) {
                problems.add(&command.span, format!("`command` in {place} names no program"));
            }
            ExternalProgram::Command(command.value)
        }
        (Some(_), Some(command)) => {
            problems.add(
                &command.span,
                format!("{place} has a `url` and a `command`; remove one"),
            );
            return None;
        }
        (None, None) if is_empty => {
            let message = format!(
                "{place} says no program; write url = \"http://127.0.0.1:9000\", or command = [\"python3\", \"names.py\"]"
            );
            problems.add(&table.span, message);
            return None;
        }
        // What is wrong with the one that is there was said.
        (None, None) => return None,
    };
    Some(ExternalConfig {
        program,
        span: table.span,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::ExternalProgram;
    use crate::config::{Config, ConfigError};

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(text, Path::new("/app/terrace.toml"))
    }

    #[test]
    fn a_program_runs_already_or_is_started() {
        let config = parse(
            "[external.Names]\nurl = \"http://legacy:9000/api\"\ntoken = { env = \"T\" }\n\
             [external.Greeter]\ncommand = [\"python3\", \"greeter.py\"]",
        )
        .expect("it is right");
        let ExternalProgram::Url { url, token } = &config.external["Names"].program else {
            panic!("it runs already");
        };
        assert_eq!((url.as_str(), token.is_some()), ("http://legacy:9000/api", true));
        assert_eq!(config.external["Greeter"].name(), "python3 greeter.py");
        assert!(config.warnings.is_empty());
    }

    #[test]
    fn what_is_no_program_is_refused_with_what_is_right() {
        for (lines, told) in [
            ("", "[external.N] says no program"),
            ("url = \"https://a\"", "only http://"),
            ("url = \"http://u:hush@a\"", "the program's `token`"),
            ("url = \"a\"", "http://host:port"),
            ("url = \"http://a\"\ncommand = [\"b\"]", "remove one"),
            ("command = []", "names no program"),
            (
                "command = \"python3 names.py\"",
                r#"is a list of texts, such as ["python3", "names.py"]"#,
            ),
            ("command = [\"b\"]\ntoken = { env = \"T\" }", "gets its own"),
            ("comand = [\"b\"]", "did you mean `command`?"),
            (
                "url = \"http://a\"\n[components.N]\nat = \"b:1\"",
                "say where it is; remove one",
            ),
        ] {
            let error = parse(&format!("[external.N]\n{lines}")).expect_err(lines).to_string();
            assert!(error.contains(told), "{lines}: {error}");
            assert!(!error.contains("hush"), "{error}");
        }
    }
}
