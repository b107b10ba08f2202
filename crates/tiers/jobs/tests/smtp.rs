//! Mail to a real server: what arrives, and what is known when it does not.
#![expect(
    clippy::disallowed_methods,
    reason = "the authority of a real server is a file of the machine"
)]

use jobs::mail::{Accepted, Carrier, Draft, Message, Rendered, SendError, Smtp, render};
use servers::smtp::{Options, Refusal};
use world::Env;

const DATE: i64 = 1_767_596_400_000_000;

fn draft() -> Draft {
    Message::builder("To-do <todo@example.org>")
        .to("Jörg <joerg@example.org>")
        .subject("Drei Dinge für heute ✓")
}

fn mail(draft: Draft) -> Rendered {
    render(&draft.build().expect("a message"), "7@example.org", DATE).expect("written")
}

fn carrier(server: &servers::Smtp) -> Smtp {
    Smtp::new(&format!("smtp://{}", server.address())).expect("a server's address")
}

async fn send(server: &servers::Smtp, mail: &Rendered) -> Result<Accepted, SendError> {
    carrier(server).send(&Env::production("mail"), mail).await
}

fn started() -> servers::Smtp {
    servers::Smtp::start().expect("a mail server")
}

#[tokio::test]
async fn all_kinds_of_messages_arrive_byte_for_byte() {
    let server = started();
    let dots = ".\r\n..\n.\nlast";
    let long = "ä".repeat(5_000) + &"x".repeat(5_000);
    let mails = [
        mail(draft().text(dots)),
        mail(draft().html("<p>Wasser für Pflanzen</p>")),
        mail(draft().text(long).html("<p>.</p>\n.\n")),
        mail(draft().text("\r\n\r\n").bcc("boss@example.org")),
    ];
    for mail in &mails {
        let accepted = send(&server, mail).await.expect("accepted");
        assert_eq!(accepted.refused, []);
    }
    let received = server.messages();
    assert_eq!(received.len(), mails.len());
    for (received, mail) in received.iter().zip(&mails) {
        assert_eq!(
            String::from_utf8_lossy(&received.data),
            String::from_utf8_lossy(&mail.bytes)
        );
        assert_eq!((&received.from, &received.to), (&mail.envelope_from, &mail.envelope_to));
    }
}

#[tokio::test]
async fn a_refused_recipient_keeps_the_message_from_no_other() {
    let server = started();
    server
        .refuse_recipient("gone@example.org", Refusal::ForGood)
        .expect("obeyed");
    server
        .refuse_recipient("later@example.org", Refusal::ForNow)
        .expect("obeyed");
    let mail = mail(draft().to("gone@example.org").to("later@example.org").text("-"));
    let accepted = send(&server, &mail).await.expect("accepted");
    let refused: Vec<_> = accepted
        .refused
        .iter()
        .map(|one| (one.address.as_str(), one.permanent, one.code))
        .collect();
    assert_eq!(
        refused,
        [("gone@example.org", true, 550), ("later@example.org", false, 451)]
    );
    server.accept_recipient("later@example.org").expect("obeyed");
    let rest = mail.only(["later@example.org"]);
    assert_eq!(send(&server, &rest).await.expect("accepted").refused, []);
    let received = server.messages();
    assert_eq!(received[0].to, ["joerg@example.org"]);
    assert_eq!(received[1].to, ["later@example.org"]);
    assert_eq!(received[0].data, received[1].data);
}

#[tokio::test]
async fn if_all_recipients_are_refused_so_is_the_message() {
    let server = started();
    server
        .refuse_recipient("joerg@example.org", Refusal::ForGood)
        .expect("obeyed");
    let refused = send(&server, &mail(draft().text("-"))).await.expect_err("refused");
    assert!(
        matches!(
            refused,
            SendError::Refused {
                permanent: true,
                code: Some(550),
                ..
            }
        ),
        "{refused}"
    );
    server
        .refuse_recipient("later@example.org", Refusal::ForNow)
        .expect("obeyed");
    let refused = send(&server, &mail(draft().to("later@example.org").text("-")))
        .await
        .expect_err("refused");
    assert!(
        matches!(
            refused,
            SendError::Refused {
                permanent: false,
                code: Some(451),
                ..
            }
        ),
        "{refused}"
    );
    assert_eq!(server.messages(), []);
}

#[tokio::test]
async fn a_server_that_is_down_is_unreachable_and_takes_the_message_later() {
    let server = started();
    server.stop().expect("stopped");
    let mail = mail(draft().text("-"));
    let error = send(&server, &mail).await.expect_err("down");
    assert!(matches!(error, SendError::Unreachable { .. }), "{error}");
    server.start_again().expect("started");
    send(&server, &mail).await.expect("accepted");
    assert_eq!(server.messages().len(), 1);
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_the_repeat_is_the_same_message() {
    let server = started();
    server.lose_next_answers(1).expect("obeyed");
    let mail = mail(draft().text("-").html("<p>-</p>"));
    let error = send(&server, &mail).await.expect_err("no answer");
    assert!(matches!(error, SendError::Unknown { .. }), "{error}");
    send(&server, &mail).await.expect("accepted");
    let received = server.messages();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].data, received[1].data);
    assert!(String::from_utf8_lossy(&received[0].data).contains("Message-ID: <7@example.org>\r\n"));
}

#[tokio::test]
async fn a_login_is_shown_under_tls_and_a_wrong_one_is_not_the_message_s_fault() {
    let options = Options {
        login: Some(("user".to_owned(), "pass word".to_owned())),
        starttls: true,
    };
    let server = servers::Smtp::start_with(options).expect("a mail server");
    let authority = std::fs::read(server.authority()).expect("an authority");
    let env = Env::production("mail");
    let mail = mail(draft().text("-"));
    let trusting = || carrier(&server).trust(&authority).expect("a certificate");
    let error = trusting()
        .login("user", "secret")
        .send(&env, &mail)
        .await
        .expect_err("a wrong password");
    assert!(
        matches!(
            error,
            SendError::Refused {
                permanent: false,
                code: Some(535),
                ..
            }
        ),
        "{error}"
    );
    assert!(!error.to_string().contains("secret"), "{error}");
    trusting()
        .login("user", "pass word")
        .send(&env, &mail)
        .await
        .expect("accepted");
    assert_eq!(server.messages().len(), 1);
}

#[tokio::test]
async fn where_tls_is_wanted_a_server_without_it_gets_nothing() {
    let options = Options {
        starttls: true,
        ..Options::default()
    };
    let server = servers::Smtp::start_with(options).expect("a mail server");
    let no_certificate = include_bytes!("smtp.rs");
    assert!(carrier(&server).trust(no_certificate).is_err());
    let plain = started();
    let authority = std::fs::read(server.authority()).expect("an authority");
    let trusting = carrier(&plain).trust(&authority).expect("a certificate");
    let error = trusting
        .send(&Env::production("mail"), &mail(draft().text("-")))
        .await
        .expect_err("no STARTTLS");
    assert!(error.to_string().contains("offers no STARTTLS"), "{error}");
    assert_eq!(plain.messages(), []);
}
