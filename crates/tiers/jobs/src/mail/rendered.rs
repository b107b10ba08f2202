//! A message as bytes, the same ones each time.

use std::time::{Duration, UNIX_EPOCH};

use lettre::address::Envelope;
use lettre::message::{MessageBuilder, MultiPart, SinglePart};

use super::address::mailbox;
use super::error::shown;
use super::{Message, MessageError};

/// Bytes of a message id, at most: its header stays one line (RFC 5322, section 2.1.1).
const MESSAGE_ID_BYTES_MAX: usize = 250;
/// The last microsecond of the year 9999: a `Date` has four digits for the year.
const DATE_MICROS_MAX: i64 = 253_402_300_799_999_999;

/// A message as a server gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The sender's bare address.
    pub envelope_from: String,
    /// The bare addresses of all recipients, the hidden ones too, each once.
    pub envelope_to: Vec<String>,
    /// Headers and body; lines end in CR LF, the last one too.
    pub bytes: Vec<u8>,
}

impl Rendered {
    /// The same message for some of its recipients, for those that a server refused for now. The others do not get it
    /// again.
    #[must_use]
    pub fn only<'a>(&self, recipients: impl IntoIterator<Item = &'a str>) -> Rendered {
        let chosen: Vec<&str> = recipients.into_iter().collect();
        let kept = self
            .envelope_to
            .iter()
            .filter(|address| chosen.contains(&address.as_str()));
        Rendered {
            envelope_to: kept.cloned().collect(),
            ..self.clone()
        }
    }
}

/// The bytes of `message` under `message_id` (without brackets) and dated `date_micros`, in microseconds since 1970. They
/// follow from these three alone.
pub fn render(message: &Message, message_id: &str, date_micros: i64) -> Result<Rendered, MessageError> {
    let fields = message.fields();
    let date = u64::try_from(date_micros)
        .ok()
        .filter(|_| date_micros <= DATE_MICROS_MAX);
    let date = date.ok_or(MessageError::Date { micros: date_micros })?;
    let from = mailbox("from", &fields.from)?;
    let mut recipients = Vec::new();
    let mut builder = lettre::Message::builder()
        .message_id(Some(header_id(message_id)?))
        .date(UNIX_EPOCH + Duration::from_micros(date))
        .from(from.clone());
    for address in &fields.to {
        let mailbox = mailbox("to", address)?;
        recipients.push(mailbox.email.clone());
        builder = builder.to(mailbox);
    }
    for address in &fields.cc {
        let mailbox = mailbox("cc", address)?;
        recipients.push(mailbox.email.clone());
        builder = builder.cc(mailbox);
    }
    for address in &fields.bcc {
        recipients.push(mailbox("bcc", address)?.email);
    }
    if let Some(address) = &fields.reply_to {
        builder = builder.reply_to(mailbox("reply_to", address)?);
    }
    let mut seen = Vec::new();
    for recipient in recipients {
        if !seen.contains(&recipient) {
            seen.push(recipient);
        }
    }
    let envelope = Envelope::new(Some(from.email), seen).map_err(unwritable)?;
    let written = body(builder.subject(&fields.subject).envelope(envelope), message, message_id)?;
    let mut bytes = written.formatted();
    if !bytes.ends_with(b"\r\n") {
        bytes.extend_from_slice(b"\r\n");
    }
    let envelope = written.envelope();
    Ok(Rendered {
        envelope_from: envelope.from().map(ToString::to_string).unwrap_or_default(),
        envelope_to: envelope.to().iter().map(ToString::to_string).collect(),
        bytes,
    })
}

fn body(builder: MessageBuilder, message: &Message, message_id: &str) -> Result<lettre::Message, MessageError> {
    let fields = message.fields();
    let text = fields.text.as_deref().map(|text| SinglePart::plain(lines(text)));
    let html = fields.html.as_deref().map(|html| SinglePart::html(lines(html)));
    let written = match (text, html) {
        (Some(text), Some(html)) => {
            let boundary = boundary(message_id, &[text.raw_body(), html.raw_body()]);
            // The last one is what a reader prefers (RFC 2046, section 5.1.4).
            let both = MultiPart::alternative().boundary(boundary).build();
            builder.multipart(both.singlepart(text).singlepart(html))
        }
        (Some(one), None) | (None, Some(one)) => builder.singlepart(one),
        (None, None) => return Err(MessageError::NoBody),
    };
    written.map_err(unwritable)
}

/// Ends each line in CR LF. A CR or LF alone ends a line for some servers and not for others, and what follows could
/// pass for the end of the message.
fn lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n")
}

/// `<id>`, where the id has the form of RFC 5322, section 3.6.4.
fn header_id(id: &str) -> Result<String, MessageError> {
    let visible = |letter: char| letter.is_ascii_graphic() && !"<>()[]\\,;:\"@".contains(letter);
    let whole = id.len() <= MESSAGE_ID_BYTES_MAX;
    let sides = id.split_once('@').filter(|_| whole);
    match sides {
        Some((left, right))
            if [left, right]
                .iter()
                .all(|side| !side.is_empty() && side.chars().all(visible)) =>
        {
            Ok(format!("<{id}>"))
        }
        _ => Err(MessageError::MessageId { value: shown(id) }),
    }
}

/// What stands between the parts: from the message's id, and in none of the parts.
fn boundary(message_id: &str, parts: &[&[u8]]) -> String {
    // FNV-1a (Fowler, Noll, Vo): spread, not secrecy.
    let hash = message_id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    // A part of finite length does not hold all numbers.
    let mut number = 0_u64;
    loop {
        let boundary = format!("=_{hash:016x}_{number}");
        let within = |part: &&[u8]| part.windows(boundary.len()).any(|window| window == boundary.as_bytes());
        if !parts.iter().any(within) {
            return boundary;
        }
        number += 1;
    }
}

fn unwritable(error: lettre::error::Error) -> MessageError {
    MessageError::Unwritable {
        problem: error.to_string(),
    }
}
