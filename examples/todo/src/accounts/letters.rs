//! The letters that people get about their accounts.

use terrace::jobs::mail::{Mail, Message};
use terrace::{CallError, CallErrorKind};

/// Who writes, where `tiers.mail` says nobody.
const FROM: &str = "To-do <todo@localhost>";

/// A letter with one link: its subject, a sentence before the link, and one after it.
pub(super) struct Letter {
    subject: &'static str,
    before: &'static str,
    after: &'static str,
}

pub(super) const VERIFY: Letter = Letter {
    subject: "Confirm your e-mail address",
    before: "Somebody, most likely you, wants an account of the to-do application with this address. Open this link to confirm it:",
    after: "The link counts once, for two days. If it was not you, do nothing: there will be no account.",
};

pub(super) const KNOWN: Letter = Letter {
    subject: "You have an account already",
    before: "Somebody, most likely you, wants an account of the to-do application with this address, which has one already. Sign in here, or choose a new password there:",
    after: "If it was not you, do nothing: nothing has changed.",
};

pub(super) const RESET: Letter = Letter {
    subject: "Choose a new password",
    before: "Somebody, most likely you, asked for a new password. Open this link to choose one:",
    after: "The link counts once, for two hours. If it was not you, do nothing: nothing has changed.",
};

impl Letter {
    pub(super) fn write(&self, mail: &Mail, to: &str, link: &str) -> Result<Message, CallError> {
        let mut draft = mail.draft();
        if draft.from.is_empty() {
            draft.from = FROM.to_owned();
        }
        let Letter { subject, before, after } = self;
        // A link is made of the application's own address and letters of a token: nothing in it has to be escaped.
        let html = format!("<p>{before}</p>\n<p><a href=\"{link}\">{link}</a></p>\n<p>{after}</p>\n");
        let message = draft
            .to(to)
            .subject(*subject)
            .text(format!("{before}\n\n{link}\n\n{after}\n"))
            .html(html)
            .build();
        message.map_err(|error| {
            CallError::not_run(CallErrorKind::Failed, format!("the letter cannot be written: {error}"))
        })
    }
}
