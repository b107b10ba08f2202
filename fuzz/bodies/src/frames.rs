//! Frames, hellos, heads of requests and answers.

use bytes::{Bytes, BytesMut};
use wire::Hello;
use wire::answer::Answer;
use wire::frame::{Assembly, FrameError, HEADER_BYTES, HelloFrame, Kind, Message};
use wire::head::Head;
use world::ReplyKind;

use crate::cursor::{Cursor, pieces};

/// The first byte says in what pieces the rest arrives.
pub(crate) fn frames(data: &[u8]) -> usize {
    let mut cursor = Cursor(data);
    let piece_bytes = cursor.byte();
    let bytes = cursor.rest();
    let whole = messages(std::iter::once(bytes));
    let cut = messages(pieces(bytes, piece_bytes));
    assert_eq!(whole, cut, "what is read depends on where the bytes are cut");
    for message in &whole.0 {
        read(message.kind, &message.body);
    }
    // Without the frames around them they are reached sooner.
    let body = Bytes::copy_from_slice(bytes);
    for kind in [Kind::Hello, Kind::Call, Kind::Reply, Kind::Error] {
        read(kind, &body);
    }
    data.len()
}

fn messages<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Message>, Option<FrameError>) {
    let (mut assembly, mut buffer) = (Assembly::default(), BytesMut::new());
    let mut messages = Vec::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match assembly.next(&mut buffer) {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(error) => return (messages, Some(error)),
            }
        }
    }
    (messages, None)
}

fn read(kind: Kind, body: &Bytes) {
    match kind {
        Kind::Hello => {
            hello(body);
            if let Ok(frame) = HelloFrame::decode(body) {
                hello(&frame.said);
                let mut out = Vec::new();
                frame.encode(&mut out);
                let again = HelloFrame::decode(&Bytes::from(out).slice(2 + HEADER_BYTES..));
                assert_eq!(again, Ok(frame), "a hello's frame is read as it was written");
            }
        }
        Kind::Call => {
            if let Ok((head, arguments)) = Head::decode(body) {
                let mut out = Vec::new();
                head.encode(&mut out);
                out.extend_from_slice(arguments);
                assert_eq!(
                    Head::decode(&out),
                    Ok((head, arguments)),
                    "a head is read as it was written"
                );
            }
        }
        Kind::Reply => drop(Answer::decode(ReplyKind::Reply, body)),
        Kind::Error => {
            if let Answer::Failed(reason, error) = Answer::decode(ReplyKind::Error, body) {
                let mut out = Vec::new();
                wire::answer::encode_failure(reason, &error, &mut out);
                let again = Answer::decode(ReplyKind::Error, &out);
                assert_eq!(
                    again,
                    Answer::Failed(reason, error),
                    "a failure is read as it was written"
                );
            }
        }
        _ => {}
    }
}

fn hello(bytes: &[u8]) {
    if let Ok(hello) = Hello::decode(bytes) {
        for (name, _) in &hello.interfaces {
            hello.find(name);
        }
        hello.names();
        assert_eq!(
            Hello::decode(&hello.encode()),
            Ok(hello),
            "a hello is read as it was written"
        );
    }
}
