//! A server that fails in the middle of a message, in a world with virtual time.

use std::pin::Pin;

use bytes::Bytes;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use world::memory::World;
use world::{Address, ByteStream};

use super::*;
use crate::mail::{Message, render};

/// More than a stream holds, so that its sender sees where the reader stopped.
const TEXT_BYTES: usize = 900 * 1024;

/// Answers all commands, reads `read` bytes of the message and then, if it `hangs`, nothing more, or hangs up.
async fn fail(env: Env, read: usize, hangs: bool) {
    let listener = env
        .network()
        .listen(&Address::new("localhost:25"))
        .await
        .expect("listens");
    let stream = listener.accept().await.expect("a client");
    let mut stream = BufReader::new(ByteStream::new(stream, Bytes::new()));
    let mut answer = "220 here\r\n";
    loop {
        stream.get_mut().write_all(answer.as_bytes()).await.expect("written");
        let mut line = String::new();
        stream.read_line(&mut line).await.expect("a command");
        if line.starts_with("DATA") {
            break;
        }
        answer = "250 yes\r\n";
    }
    stream.get_mut().write_all(b"354 go on\r\n").await.expect("written");
    let mut some = vec![0; read];
    Pin::new(&mut stream)
        .read_exact(&mut some)
        .await
        .expect("a part of the message");
    if hangs {
        // Reads on, and does not answer.
        while stream.read(&mut some).await.unwrap_or(0) > 0 {}
    }
}

fn attempt(read: usize, hangs: bool) -> (SendError, Duration) {
    let world = World::new(7);
    // Without TLS it has to be the client's own node.
    let client = world.node("client");
    let draft = Message::builder("a@example.org").to("b@example.org");
    let message = draft.text("line\n".repeat(TEXT_BYTES / 5));
    let mail = render(&message.build().expect("a message"), "7@example.org", 0).expect("written");
    let error = world.run(async move {
        let failing = client.spawn("server", fail(client.clone(), read, hangs));
        client.sleep(Duration::from_secs(1)).await;
        let smtp = Smtp::new("smtp://localhost:25").expect("an address");
        let sent = smtp.send(&client, &mail).await.expect_err("it fails");
        drop(failing);
        sent
    });
    (error, world.now())
}

#[test]
fn a_connection_lost_within_the_message_is_certainly_not_accepted() {
    let (error, _) = attempt(1_000, false);
    let SendError::Unreachable { text } = error else {
        panic!("{error}")
    };
    assert!(text.starts_with("the message: "), "{text}");
}

#[test]
fn a_server_that_never_answers_the_message_may_have_it() {
    let (error, took) = attempt(1_000, true);
    assert!(matches!(error, SendError::Unknown { .. }), "{error}");
    assert!(took >= CONTENT_MAX, "{took:?}");
}

#[test]
fn a_server_that_is_not_there_has_nothing() {
    let world = World::new(7);
    let client = world.node("client");
    let message = Message::builder("a@example.org")
        .to("b@example.org")
        .text("-")
        .build()
        .expect("a message");
    let mail = render(&message, "7@example.org", 0).expect("written");
    let smtp = Smtp::new("smtp://localhost:25").expect("an address");
    let error = world.run(async move { smtp.send(&client, &mail).await.expect_err("nobody") });
    assert!(matches!(error, SendError::Unreachable { .. }), "{error}");
}
