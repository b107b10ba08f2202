//! The whole calling side: a server that answers whatever it likes.

use std::sync::Arc;
use std::time::Duration;

use terrace::{Client, Cx};
use wire::Tcp;
use world::memory::World;
use world::{Address, Env, Listener};

use crate::component::{Fault, Subject, hash};
use crate::connection::framed;
use crate::cursor::{Cursor, pieces};
use crate::talk::{ADDRESS, NODE, heard, over, said};

/// The time that each call has.
const CALL_DEADLINE: Duration = Duration::from_secs(60);

const RAW: u8 = 0;
const SAME: u8 = 1;

/// The first byte chooses: the bytes as they are, or a hello and frames made from them, of the same shape or another.
/// The second says in what pieces they arrive, the third how many of them go to the first connection.
pub(crate) fn caller(data: &[u8]) -> usize {
    let mut cursor = Cursor(data);
    let (choice, piece_bytes, first) = (cursor.byte(), cursor.byte(), cursor.byte());
    let first = cursor.take(if first == 0 { usize::MAX } else { first.into() });
    let made = |bytes: &[u8]| match choice & 3 {
        RAW => bytes.to_vec(),
        SAME => framed(Cursor(bytes), hash()),
        _ => framed(Cursor(bytes), 1),
    };
    let answers = [made(first), made(cursor.rest())];
    let answers_bytes = answers.iter().map(Vec::len).sum();
    let world = World::new(1);
    let env = world.node(NODE).with_transport(Arc::new(Tcp::default()));
    world.run(async {
        let listener = env.network().listen(&Address::new(ADDRESS)).await.expect("a listener");
        let answering = env.spawn("answering", answering(env.clone(), listener, answers, piece_bytes));
        over(&env, "the caller", calls(&env)).await;
        answering.cancel();
        drop(answering.await);
    });
    answers_bytes
}

async fn answering(env: Env, listener: Box<dyn Listener>, answers: [Vec<u8>; 2], piece_bytes: u8) {
    for answer in answers {
        let Ok(stream) = listener.accept().await else { return };
        let reading = env.spawn("reader", heard(stream.clone()));
        for piece in pieces(&answer, piece_bytes) {
            if !said(&*stream, piece).await {
                break;
            }
            env.sleep(Duration::from_millis(1)).await;
        }
        env.sleep(Duration::from_millis(100)).await;
        reading.cancel();
    }
}

async fn calls(env: &Env) {
    let Ok(subject) = Client::<dyn Subject>::connect_from(env, ADDRESS).await else {
        return;
    };
    let cx = &Cx::root(env).within(CALL_DEADLINE);
    drop(subject.nothing(cx).await);
    drop(subject.body(cx, b"some bytes".to_vec()).await);
    drop(subject.fail(cx, Fault::Plain).await);
    drop(subject.missing(cx, "key".to_string(), None, None).await);
    drop(subject.wait(cx, 5).await);
    drop(subject.large(cx, 9).await);
}
