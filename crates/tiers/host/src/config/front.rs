//! `[front]`: the web tier, as an application has it.

use std::path::{Path, PathBuf};

use toml::de::DeTable;
use world::Address;

use super::known::FRONT;
use super::problem::Problems;
use super::secret::{Kept, SecretReference, secret};
use super::sections::address_at;
use super::table::Table;

/// `[front]`: the web tier.
#[derive(Clone, Debug, Default)]
pub struct FrontConfig {
    /// Where pages are served by HTTP. Default: 127.0.0.1:8080.
    pub listen: Option<Address>,
    /// Where pages are served by HTTPS; with it, `listen` only redirects. Default: nowhere.
    pub listen_tls: Option<Address>,
    /// The operator's pages. Default: a free port of 127.0.0.1.
    pub admin: Option<Address>,
    /// The chain of certificates and its key, as PEM. Default: a development certificate.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// Where people reach it. Default: where it listens.
    pub url: Option<String>,
    /// Proxies through which every request comes, which say who asked. Default: 0.
    pub proxies: usize,
    /// What signs sessions. Default: made on first use.
    pub session_key: Option<SecretReference>,
    /// A folder of templates instead of the built-in ones.
    pub templates: Option<PathBuf>,
    /// Whether pages load themselves anew after each start of the program, for whoever writes it. Default: no.
    pub reload: bool,
}

const SESSION_KEY: Kept = Kept {
    key: "front.session_key",
    variable: "TERRACE_SESSION_KEY",
};

pub(super) fn read(table: &DeTable<'_>, problems: &mut Problems<'_>, warnings: &mut Vec<String>) -> FrontConfig {
    let front = Table::new("[front]", table, FRONT);
    let mut address = |key| {
        let text = front.text(key, problems);
        text.and_then(|text| address_at(text, problems))
    };
    let (listen, listen_tls, admin) = (address("listen"), address("listen_tls"), address("admin"));
    let certificate = front.text("certificate", problems);
    let key = front.text("key", problems);
    let certificate = match (certificate, key) {
        (Some(certificate), Some(key)) => Some((certificate.value.into(), key.value.into())),
        (Some(alone), None) => {
            problems.add(
                &alone.span,
                "`certificate` in [front] needs its `key`; add it, or remove both",
            );
            None
        }
        (None, Some(alone)) => {
            problems.add(
                &alone.span,
                "`key` in [front] needs its `certificate`; add it, or remove both",
            );
            None
        }
        (None, None) => None,
    };
    let url = front.text("url", problems).and_then(|url| match is_url(&url.value) {
        true => Some(url.value),
        false => {
            problems.add(
                &url.span,
                "`url` in [front] is how people reach the application: write it as https://todo.example, with no more than a port behind it",
            );
            None
        }
    });
    let config = FrontConfig {
        listen,
        listen_tls,
        admin,
        certificate,
        url,
        proxies: front.count("proxies", problems).unwrap_or_default(),
        session_key: secret(&front, "session_key", &SESSION_KEY, problems, warnings).map(|secret| secret.value),
        templates: front.text("templates", problems).map(|folder| folder.value.into()),
        reload: front.boolean("reload", problems).is_some_and(|reload| reload.value),
    };
    front.finish(problems);
    config
}

impl FrontConfig {
    /// The same with relative paths begun at `folder`.
    pub(super) fn within(mut self, folder: &Path) -> FrontConfig {
        self.certificate = self
            .certificate
            .map(|(certificate, key)| (folder.join(certificate), folder.join(key)));
        self.templates = self.templates.map(|templates| folder.join(templates));
        self
    }
}

/// Scheme, host and port, and nothing that could end a link early.
fn is_url(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    rest.is_some_and(|rest| {
        let host = rest.trim_end_matches('/');
        !host.is_empty() && host.bytes().all(plain)
    })
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::FrontConfig;
    use crate::config::{Config, ConfigError};

    fn parse(text: &str) -> Result<FrontConfig, ConfigError> {
        Config::parse(text, Path::new("/app/terrace.toml")).map(|config| config.front)
    }

    #[test]
    fn paths_begin_at_the_configuration_and_a_secret_is_a_reference() {
        let front = parse(
            "[front]\nlisten = \"127.0.0.1:0\"\nlisten_tls = \"0.0.0.0:443\"\ncertificate = \"tls/chain.pem\"\nkey = \"/etc/key.pem\"\n\
             url = \"https://todo.example\"\nproxies = 2\nsession_key = { env = \"S\" }\ntemplates = \"t\"\nreload = true",
        )
        .expect("it is right");
        let certificate = Some((PathBuf::from("/app/tls/chain.pem"), PathBuf::from("/etc/key.pem")));
        assert_eq!(front.certificate, certificate);
        assert_eq!(front.templates, Some(PathBuf::from("/app/t")));
        assert_eq!(
            front.listen_tls.map(|at| at.to_string()).as_deref(),
            Some("0.0.0.0:443")
        );
        assert_eq!(front.proxies, 2);
        assert!(front.session_key.is_some());
        assert!(front.reload);
    }

    #[test]
    fn what_is_half_or_no_url_is_refused_with_what_is_right() {
        for (line, told) in [
            ("certificate = \"a\"", "needs its `key`"),
            ("key = \"a\"", "needs its `certificate`"),
            ("proxies = 0", "at least 1"),
            ("url = \"todo.example\"", "https://todo.example"),
            ("url = \"https://\"", "https://todo.example"),
            ("url = \"https://a/path\"", "https://todo.example"),
            ("url = \"https://a\\\" onclick=\"", "https://todo.example"),
            ("listen = \"here\"", "is not an address"),
            ("reload = \"yes\"", "`reload`"),
            ("listn = \"127.0.0.1:1\"", "`listn`"),
        ] {
            let error = parse(&format!("[front]\n{line}")).expect_err(line).to_string();
            assert!(error.contains(told), "{line}: {error}");
        }
    }
}
