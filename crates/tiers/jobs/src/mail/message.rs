//! A message as data, checked when it is built and when it is read again.

use serde::{Deserialize, Serialize};
use wire::shape::{Body, Field, Shape, TypeRef, Types};

use super::MessageError;
use super::address::{mailbox, one_line};
use crate::limits::PAYLOAD_BYTES_MAX;

/// Recipients of one message, at most: a server takes no fewer (RFC 5321, section 4.5.3.1.8).
pub const RECIPIENTS_MAX: usize = 100;
/// Bytes of all fields of a message together, at most: it lies in a queue as the payload of a job, with names of fields.
pub const MESSAGE_BYTES_MAX: usize = PAYLOAD_BYTES_MAX - ENCODING_BYTES_MAX;

/// Bytes that a message takes in a queue beside its fields: their names, and the length of each address.
const ENCODING_BYTES_MAX: usize = 64 << 10;

/// A message that can be sent: its addresses are right, somebody gets it, and no field can be taken for a header.
///
/// ```
/// let message = jobs::mail::Message::builder("To-do <todo@example.org>")
///     .to("Jörg <joerg@example.org>")
///     .subject("Three things for today")
///     .text("Water the plants.")
///     .build()?;
/// # Ok::<_, jobs::mail::MessageError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Draft")]
pub struct Message(Draft);

/// What is to become a [`Message`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Draft {
    /// Who writes: an address, or a name and an address in `<>`, as in all that follow.
    pub from: String,
    /// Who gets it.
    pub to: Vec<String>,
    /// Who gets a copy.
    pub cc: Vec<String>,
    /// Who gets a copy without the others' knowledge.
    pub bcc: Vec<String>,
    /// Where answers go, if not to `from`.
    pub reply_to: Option<String>,
    /// The subject; it may be empty.
    pub subject: String,
    /// The text, for readers without HTML.
    pub text: Option<String>,
    /// The text in HTML.
    pub html: Option<String>,
}

impl Message {
    /// Begins a message of the sender `from`.
    pub fn builder(from: impl Into<String>) -> Draft {
        Draft {
            from: from.into(),
            ..Draft::default()
        }
    }

    /// Its fields.
    pub fn fields(&self) -> &Draft {
        &self.0
    }

    /// To write another one like it.
    pub fn into_draft(self) -> Draft {
        self.0
    }
}

/// That of its fields, so that a message can be a job's payload and an argument of a call.
impl Shape for Message {
    fn shape(types: &mut Types) -> TypeRef {
        types.named::<Message>("Message", |types| {
            let (one, many) = (String::shape(types), Vec::<String>::shape(types));
            let perhaps = Option::<String>::shape(types);
            let field = |name: &str, type_ref: &TypeRef| Field {
                name: name.to_owned(),
                type_ref: type_ref.clone(),
                optional: true,
            };
            Body::Struct {
                fields: vec![
                    field("from", &one),
                    field("to", &many),
                    field("cc", &many),
                    field("bcc", &many),
                    field("reply_to", &perhaps),
                    field("subject", &one),
                    field("text", &perhaps),
                    field("html", &perhaps),
                ],
                closed: false,
            }
        })
    }
}

impl TryFrom<Draft> for Message {
    type Error = MessageError;

    fn try_from(draft: Draft) -> Result<Message, MessageError> {
        draft.build()
    }
}

impl Draft {
    /// Adds a recipient.
    #[must_use]
    pub fn to(mut self, address: impl Into<String>) -> Draft {
        self.to.push(address.into());
        self
    }

    /// Adds a recipient of a copy.
    #[must_use]
    pub fn cc(mut self, address: impl Into<String>) -> Draft {
        self.cc.push(address.into());
        self
    }

    /// Adds a recipient whom the others do not see.
    #[must_use]
    pub fn bcc(mut self, address: impl Into<String>) -> Draft {
        self.bcc.push(address.into());
        self
    }

    /// Has answers sent there.
    #[must_use]
    pub fn reply_to(mut self, address: impl Into<String>) -> Draft {
        self.reply_to = Some(address.into());
        self
    }

    /// Sets the subject.
    #[must_use]
    pub fn subject(mut self, subject: impl Into<String>) -> Draft {
        self.subject = subject.into();
        self
    }

    /// Sets the text.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Draft {
        self.text = Some(text.into());
        self
    }

    /// Sets the text in HTML.
    #[must_use]
    pub fn html(mut self, html: impl Into<String>) -> Draft {
        self.html = Some(html.into());
        self
    }

    /// The message, if it is one.
    pub fn build(self) -> Result<Message, MessageError> {
        // First what bounds the work of the rest.
        let bytes = self.bytes();
        if bytes > MESSAGE_BYTES_MAX {
            return Err(MessageError::TooLarge { bytes });
        }
        match self.to.len() + self.cc.len() + self.bcc.len() {
            0 => return Err(MessageError::NoRecipient),
            count if count > RECIPIENTS_MAX => return Err(MessageError::TooManyRecipients { count }),
            _ => {}
        }
        mailbox("from", &self.from)?;
        for (field, addresses) in [("to", &self.to), ("cc", &self.cc), ("bcc", &self.bcc)] {
            for address in addresses {
                mailbox(field, address)?;
            }
        }
        if let Some(address) = &self.reply_to {
            mailbox("reply_to", address)?;
        }
        one_line("subject", &self.subject)?;
        if self.text.is_none() && self.html.is_none() {
            return Err(MessageError::NoBody);
        }
        Ok(Message(self))
    }

    fn bytes(&self) -> usize {
        let lists = self.to.iter().chain(&self.cc).chain(&self.bcc);
        let options = self.reply_to.iter().chain(&self.text).chain(&self.html);
        let texts = lists.chain(options).chain([&self.from, &self.subject]);
        texts.map(String::len).sum()
    }
}
