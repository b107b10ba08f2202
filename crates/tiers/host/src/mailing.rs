//! The mail of an application: what `tiers.mail` says about it.

use std::sync::Arc;

use jobs::Jobs;
use jobs::mail::{Config as MailConfig, Engine, Mail, Smtp};

use crate::config::Config;
use crate::setup::SetupError;

/// The address of the engine that sends nothing on.
const MAILBOX: &str = "mailbox";

/// Opens the mail of a component, beside its jobs.
pub(crate) async fn open(config: &Config, jobs: &Jobs) -> Result<Mail, SetupError> {
    Ok(Mail::open(jobs, configured(config)?).await?)
}

/// What `tiers.mail` says; without it messages stay in the mailbox.
fn configured(config: &Config) -> Result<MailConfig, SetupError> {
    let mut settings = MailConfig::default();
    let Some(tier) = &config.tiers.mail else {
        return Ok(settings);
    };
    settings.from = tier.from.clone();
    if tier.url == MAILBOX {
        return Ok(settings);
    }
    let mut smtp = Smtp::new(&tier.url).map_err(|error| format!("`tiers.mail`: {error}"))?;
    match (&tier.user, &tier.password) {
        (Some(user), Some(password)) => {
            let password = config
                .secret(password)
                .map_err(|error| format!("`tiers.mail.password`: {error}"))?;
            smtp = smtp.login(user.clone(), password.reveal());
        }
        (None, None) => {}
        (Some(_), None) => return Err("`tiers.mail` has a user and no password; add `password`".into()),
        (None, Some(_)) => return Err("`tiers.mail` has a password and no user; add `user`".into()),
    }
    settings.engine = Engine::Carrier(Arc::new(smtp));
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Config, Engine, configured};

    fn config(text: &str) -> Config {
        Config::parse(text, Path::new("/app/terrace.toml")).expect("a configuration")
    }

    fn refused(text: &str) -> String {
        match configured(&config(text)) {
            Ok(_) => panic!("{text} is taken"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn without_a_server_messages_stay_in_the_mailbox() {
        for text in ["", "[tiers]\nmail = \"mailbox\"\n"] {
            let settings = configured(&config(text)).expect("settings");
            assert!(matches!(settings.engine, Engine::Mailbox), "{text}");
        }
    }

    #[test]
    fn a_server_and_a_sender_are_what_the_configuration_says() {
        let text = "[tiers.mail]\nurl = \"smtp://127.0.0.1:25\"\nfrom = \"shop@example.org\"\n";
        let settings = configured(&config(text)).expect("settings");
        assert!(matches!(settings.engine, Engine::Carrier(_)));
        assert_eq!(settings.from.as_deref(), Some("shop@example.org"));
    }

    #[test]
    fn a_login_that_lacks_a_half_is_refused_with_its_key() {
        let user = refused("[tiers.mail]\nurl = \"smtp://127.0.0.1:25\"\nuser = \"shop\"\n");
        assert!(user.contains("add `password`"), "{user}");
        let absent = "{ env = \"TERRACE_TEST_NO_SUCH_SECRET\" }";
        let text = format!("[tiers.mail]\nurl = \"smtp://127.0.0.1:25\"\npassword = {absent}\n");
        assert!(refused(&text).contains("add `user`"));
        let text = format!("[tiers.mail]\nurl = \"smtp://127.0.0.1:25\"\nuser = \"shop\"\npassword = {absent}\n");
        let secret = refused(&text);
        assert!(secret.starts_with("`tiers.mail.password`: "), "{secret}");
    }
}
