//! A mail server of its own: it keeps every byte, and fails as asked.
#![expect(
    clippy::disallowed_methods,
    reason = "the tests look at clocks and ports of the machine"
)]

use std::net::TcpListener;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use servers::smtp::{Options, Refusal};
use servers::{Error, Smtp};

/// Sends one message by Python's own client and prints what came of it. Arguments: port, recipient, then words that
/// turn things on: `tls` with the authority's file, `login` with user and password, `impatient`.
const CLIENT: &str = r#"
import smtplib, ssl, sys
port, recipient, *words = sys.argv[1:]
take = lambda word, count: words[words.index(word) + 1:][:count] if word in words else None
try:
    client = smtplib.SMTP("127.0.0.1", int(port), timeout=0.5 if "impatient" in words else 30)
    if authority := take("tls", 1):
        context = ssl.create_default_context(cafile=authority[0])
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        client.starttls(context=context)
    if known := take("login", 2):
        client.login(*known)
    message = b"Subject: \xc3\xa9\r\n\r\n.a dot\r\n..\r\nfrom here: \x00\xff\r\n\r\n"
    client.sendmail("sender@example.org", [recipient, "second@example.org"], message)
    client.quit()
    print("sent")
except (smtplib.SMTPException, OSError) as error:
    print(type(error).__name__, error)
"#;
const MESSAGE: &[u8] = b"Subject: \xc3\xa9\r\n\r\n.a dot\r\n..\r\nfrom here: \x00\xff\r\n\r\n";

fn start(options: Options) -> Smtp {
    Smtp::start_with(options).expect("the mail server starts")
}

fn send(server: &Smtp, recipient: &str, words: &[&str]) -> String {
    let output = Command::new("python3")
        .args(["-c", CLIENT, &server.port().to_string(), recipient])
        .args(words)
        .output()
        .expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_string()
}

fn now_micros() -> u128 {
    let now = SystemTime::now();
    now.duration_since(UNIX_EPOCH).expect("it is after 1970").as_micros()
}

#[test]
fn a_message_arrives_byte_for_byte_with_its_envelope_and_time() {
    let server = start(Options::default());
    assert_eq!(server.address(), format!("127.0.0.1:{}", server.port()));
    let before = now_micros();
    assert_eq!(send(&server, "first@example.org", &[]), "sent");
    let messages = server.messages();
    let [message] = messages.as_slice() else {
        panic!("one message was sent: {messages:?}");
    };
    assert_eq!(message.from, "sender@example.org");
    assert_eq!(message.to, ["first@example.org", "second@example.org"]);
    assert_eq!(message.data, MESSAGE);
    let accepted = u128::from(message.accepted_unix_micros);
    assert!((before..=now_micros()).contains(&accepted), "{accepted}");
}

#[test]
fn a_stopped_server_refuses_and_has_its_messages_and_port_afterwards() {
    let server = start(Options::default());
    send(&server, "first@example.org", &[]);
    let port = server.port();
    server.stop().expect("it stops");
    assert!(send(&server, "first@example.org", &[]).starts_with("ConnectionRefusedError"));
    assert!(matches!(server.lose_next_answers(1), Err(Error::State { .. })));
    assert_eq!(server.messages().len(), 1);
    server.start_again().expect("it starts again");
    assert_eq!(server.port(), port);
    assert_eq!(send(&server, "later@example.org", &[]), "sent");
    let to: Vec<String> = server.messages().iter().map(|message| message.to[0].clone()).collect();
    assert_eq!(to, ["first@example.org", "later@example.org"]);
}

#[test]
fn a_port_taken_meanwhile_is_said_in_the_words_that_a_first_start_goes_by() {
    let server = start(Options::default());
    server.stop().expect("it stops");
    let taken = TcpListener::bind(server.address()).expect("the port is free");
    let refused = server.start_again().expect_err("the port is taken");
    assert!(
        matches!(&refused, Error::Ended { log, .. } if log.contains("address already in use")),
        "{refused}"
    );
    drop(taken);
    server.start_again().expect("the port is free again");
}

#[test]
fn a_recipient_is_refused_for_good_or_for_now_until_accepted_again() {
    let server = start(Options::default());
    let refuse = |who: &str, how| server.refuse_recipient(who, how).expect("it obeys");
    let sent_to = || -> Vec<Vec<String>> { server.messages().into_iter().map(|message| message.to).collect() };
    refuse("second@example.org", Refusal::ForGood);
    assert_eq!(
        send(&server, "first@example.org", &[]),
        "sent",
        "one of two is enough for the client"
    );
    assert_eq!(sent_to(), [["first@example.org"]]);
    refuse("first@example.org", Refusal::ForNow);
    let refused = send(&server, "first@example.org", &[]);
    assert!(refused.starts_with("SMTPRecipientsRefused"), "{refused}");
    assert!(refused.contains("(451, ") && refused.contains("(550, "), "{refused}");
    server.accept_recipient("first@example.org").expect("it obeys");
    assert_eq!(send(&server, "first@example.org", &[]), "sent");
    assert_eq!(sent_to().len(), 2);
}

#[test]
fn a_lost_answer_leaves_the_client_in_doubt_about_a_stored_message() {
    let server = start(Options::default());
    server.lose_next_answers(2).expect("it obeys");
    for _ in 0..2 {
        let lost = send(&server, "first@example.org", &[]);
        assert!(lost.starts_with("SMTPServerDisconnected"), "{lost}");
    }
    assert_eq!(send(&server, "first@example.org", &[]), "sent");
    assert_eq!(server.messages().len(), 3);
}

#[test]
fn a_hanging_server_has_not_stored_the_message() {
    let server = start(Options::default());
    server.hang_next_messages(1).expect("it obeys");
    let hung = send(&server, "first@example.org", &["impatient"]);
    assert!(hung.contains("timed out"), "{hung}");
    assert_eq!(send(&server, "later@example.org", &[]), "sent");
    let messages = server.messages();
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(messages[0].to[0], "later@example.org");
}

#[test]
fn a_login_is_asked_for_and_a_wrong_one_refused() {
    let server = start(Options {
        login: Some(("user".to_string(), "pass word".to_string())),
        ..Options::default()
    });
    let without = send(&server, "first@example.org", &[]);
    assert!(without.contains("530"), "{without}");
    let wrong = send(&server, "first@example.org", &["login", "user", "password"]);
    assert!(wrong.starts_with("SMTPAuthenticationError (535"), "{wrong}");
    assert_eq!(server.messages(), []);
    assert_eq!(
        send(&server, "first@example.org", &["login", "user", "pass word"]),
        "sent"
    );
    assert_eq!(server.messages().len(), 1);
}

#[test]
fn tls_is_asked_for_and_its_certificate_is_good_where_the_authority_is_trusted() {
    let server = start(Options {
        login: Some(("user".to_string(), "password".to_string())),
        starttls: true,
    });
    let without = send(&server, "first@example.org", &[]);
    assert!(without.contains("530"), "{without}");
    let authority = server.authority().display().to_string();
    let sent = send(
        &server,
        "first@example.org",
        &["tls", &authority, "login", "user", "password"],
    );
    assert_eq!(sent, "sent");
    assert_eq!(server.messages()[0].data, MESSAGE);
    server.lose_next_answers(1).expect("it obeys");
    let lost = send(
        &server,
        "first@example.org",
        &["tls", &authority, "login", "user", "password"],
    );
    assert!(lost.starts_with("SMTPServerDisconnected"), "{lost}");
    assert_eq!(server.messages().len(), 2);
}

#[test]
fn a_dropped_server_is_gone_with_its_folder() {
    let server = start(Options {
        starttls: true,
        ..Options::default()
    });
    let authority = server.authority();
    assert!(authority.exists());
    let port = server.port();
    drop(server);
    assert!(!authority.exists(), "{} outlives its owner", authority.display());
    let again = std::net::TcpStream::connect_timeout(
        &std::net::SocketAddr::from(([127, 0, 0, 1], port)),
        std::time::Duration::from_secs(5),
    );
    assert!(again.is_err(), "somebody listens on the dropped server's port");
}
