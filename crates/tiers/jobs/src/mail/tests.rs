//! What is a message, and that its bytes are the same each time.

use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

use super::*;

const ID: &str = "0193-7@example.org";
const DATE: i64 = 1_767_596_400_000_000;

fn draft() -> Draft {
    Message::builder("To-do <todo@example.org>")
        .to("Jörg Müller <joerg@example.org>")
        .subject("Drei Dinge für heute ✓")
}

fn written(message: &Message) -> String {
    let rendered = render(message, ID, DATE).expect("a message is written");
    String::from_utf8(rendered.bytes).expect("UTF-8")
}

#[test]
fn a_text_is_one_part_and_a_repeat_is_the_same_to_the_last_byte() {
    let message = draft()
        .text("Water the plants.\n.\nGood day")
        .build()
        .expect("a message");
    let bytes = written(&message);
    assert_eq!(bytes, written(&message));
    assert!(bytes.contains("Message-ID: <0193-7@example.org>\r\n"), "{bytes}");
    assert!(bytes.contains("Date: Mon, 05 Jan 2026 07:00:00 +0000\r\n"), "{bytes}");
    assert!(bytes.contains("Content-Type: text/plain; charset=utf-8\r\n"), "{bytes}");
    assert!(
        bytes.ends_with("\r\n\r\nWater the plants.\r\n.\r\nGood day\r\n"),
        "{bytes}"
    );
    assert!(bytes.is_ascii(), "{bytes}");
}

#[test]
fn html_alone_is_one_part_and_both_are_alternatives() {
    let html = draft().html("<p>Water</p>").build().expect("a message");
    assert!(written(&html).contains("Content-Type: text/html; charset=utf-8\r\n"));
    let both = draft().text("Water").html("<p>Water</p>").build().expect("a message");
    let bytes = written(&both);
    assert_eq!(bytes, written(&both));
    assert!(bytes.contains("Content-Type: multipart/alternative;"), "{bytes}");
    let (text, html) = (bytes.find("text/plain"), bytes.find("text/html"));
    assert!(text.is_some() && text < html, "{bytes}");
}

#[test]
fn no_text_can_end_its_part() {
    let both = |text: &str| draft().text(text).html("<p>-</p>").build().expect("a message");
    let first = written(&both("Water"));
    let (_, rest) = first.split_once("boundary=\"").expect("a boundary");
    let (boundary, _) = rest.split_once('"').expect("its end");
    let forged = written(&both(&format!("Water\n--{boundary}--")));
    assert!(!forged.contains(&format!("boundary=\"{boundary}\"")), "{forged}");
}

#[test]
fn hidden_recipients_are_in_the_envelope_only_and_each_is_there_once() {
    let draft = draft()
        .cc("anna@example.org")
        .bcc("boss@example.org")
        .to("anna@example.org")
        .text("-");
    let rendered = render(&draft.build().expect("a message"), ID, DATE).expect("written");
    assert_eq!(rendered.envelope_from, "todo@example.org");
    assert_eq!(
        rendered.envelope_to,
        ["joerg@example.org", "anna@example.org", "boss@example.org"]
    );
    assert!(!String::from_utf8_lossy(&rendered.bytes).contains("boss"));
    let rest = rendered.only(["boss@example.org"]);
    assert_eq!(
        (rest.envelope_to, rest.bytes),
        (vec!["boss@example.org".to_owned()], rendered.bytes)
    );
}

#[test]
fn a_line_break_in_any_header_is_refused_with_its_field() {
    for bad in ["\r\n", "\n", "\r", "\0", "\u{2028}", "\u{85}"] {
        let evil = format!("a@example.org{bad}Bcc: all@example.org");
        let named = format!("Anna{bad}Bcc: <all@example.org>");
        for address in [evil, named] {
            let fresh = || draft().text("-");
            let from = Draft {
                from: address.clone(),
                ..fresh()
            };
            let cases = [
                ("from", from),
                ("to", fresh().to(&address)),
                ("cc", fresh().cc(&address)),
                ("bcc", fresh().bcc(&address)),
                ("reply_to", fresh().reply_to(&address)),
                ("subject", fresh().subject(&address)),
            ];
            for (field, draft) in cases {
                let error = draft.build().expect_err(field);
                assert!(
                    matches!(error, MessageError::Control { field: named, .. } if named == field),
                    "{error}"
                );
                assert!(error.to_string().contains("take it out"), "{error}");
            }
        }
    }
    let message = draft().text("-").build().expect("a message");
    for id in ["", "a", "a@", "@b", "a@b@c", "a b@c", "a@b\r\nBcc: c", "<a@b>", "ä@b"] {
        assert!(
            matches!(render(&message, id, DATE), Err(MessageError::MessageId { .. })),
            "{id}"
        );
    }
}

#[test]
fn what_is_no_message_is_named_with_the_next_step() {
    let said = |draft: Draft| draft.build().expect_err("no message").to_string();
    assert!(said(draft().to("nobody").text("-")).starts_with("`nobody` in `to` is no address"));
    assert!(said(Message::builder("a@example.org").text("-")).contains("add one by `to`"));
    assert!(said(draft()).contains("add one by `text` or `html`"));
    let many = (0..RECIPIENTS_MAX).fold(draft().text("-"), |draft, n| draft.bcc(format!("a{n}@example.org")));
    assert!(said(many).contains("101 recipients, and 100 are the most"));
    assert!(said(draft().text("x".repeat(MESSAGE_BYTES_MAX))).contains("983040 are the most"));
    let message = draft().text("-").build().expect("a message");
    for micros in [-1, i64::MIN, i64::MAX] {
        assert_eq!(render(&message, ID, micros), Err(MessageError::Date { micros }));
    }
}

#[test]
fn the_largest_message_is_a_job_s_payload_still() {
    let mut largest = draft();
    for number in 1..RECIPIENTS_MAX {
        largest = largest.to(format!("somebody-{number}@example.org"));
    }
    let left = MESSAGE_BYTES_MAX - RECIPIENTS_MAX * 64;
    let largest = largest.text("x".repeat(left)).build().expect("a message");
    let mut payload = Vec::new();
    wire::encode(wire::Codec::Tagged, &largest, &mut payload).expect("it is data");
    assert!(
        payload.len() <= crate::limits::PAYLOAD_BYTES_MAX,
        "{} bytes",
        payload.len()
    );
}

#[test]
fn data_that_is_read_is_checked_as_what_is_built() {
    let message = draft().text("-").html("<p>-</p>").build().expect("a message");
    let json = serde_json::to_string(&message).expect("written");
    assert_eq!(serde_json::from_str::<Message>(&json).expect("read"), message);
    let forged = json.replace("joerg@example.org", "joerg@example.org\\r\\nX: y");
    assert!(
        serde_json::from_str::<Message>(&forged)
            .expect_err("forged")
            .to_string()
            .contains("line break")
    );
}

proptest! {
    #[test]
    fn no_header_gains_a_line_and_no_line_ends_without_cr_lf(name: String, subject: String, text: String, html: String) {
        let draft = draft().to(format!("{name} <a@example.org>")).subject(&subject).text(&text).html(&html);
        let Ok(message) = draft.build() else { return Ok(()) };
        let bytes = written(&message);
        let bare = bytes.replace("\r\n", "");
        prop_assert!(!bare.contains(['\r', '\n']));
        let (headers, _) = bytes.split_once("\r\n\r\n").expect("headers end");
        let names = headers.split("\r\n").filter(|line| !line.starts_with([' ', '\t'])).filter_map(|line| line.split_once(':'));
        let names: Vec<&str> = names.map(|(name, _)| name).collect();
        prop_assert_eq!(names, ["Message-ID", "Date", "From", "To", "Subject", "MIME-Version", "Content-Type"]);
    }
}
