//! One connection to a server of the same node, on virtual time.

use std::future::poll_fn;
use std::io::IoSlice;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use world::{Address, Env, Stream};

/// Longer than every timeout of a connection together.
const OVER_AFTER: Duration = Duration::from_secs(300);

/// What a node listens on: loopback, so that nobody needs a token.
pub(crate) const ADDRESS: &str = "localhost:7001";

/// The node of all that is here.
pub(crate) const NODE: &str = "localhost";

/// Of what a server says only the beginning is kept.
const KEPT_BYTES_MAX: usize = 64 << 10;

/// Sends `pieces` to the server at [`ADDRESS`], a millisecond between each and the next, then says that this was all,
/// and answers how the server's own bytes begin.
pub(crate) async fn talk<'a>(env: &Env, pieces: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let stream = env
        .network()
        .connect(&Address::new(ADDRESS))
        .await
        .expect("it is listened on");
    let reading = env.spawn("reader", heard(stream.clone()));
    for piece in pieces {
        // The server may have ended it.
        if !said(&*stream, piece).await {
            break;
        }
        env.sleep(Duration::from_millis(1)).await;
    }
    env.sleep(Duration::from_millis(100)).await;
    drop(poll_fn(|cx| stream.poll_shutdown(cx)).await);
    let heard = env.timeout(OVER_AFTER, reading).await;
    heard
        .expect("the server ends the connection")
        .expect("reading is all it does")
}

/// Writes `bytes`; false when nobody takes them any more.
pub(crate) async fn said(stream: &dyn Stream, mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        match poll_fn(|cx| stream.poll_write(cx, &[IoSlice::new(bytes)])).await {
            Ok(written) if written > 0 => bytes = &bytes[written..],
            _ => return false,
        }
    }
    true
}

/// Reads until the end.
pub(crate) async fn heard(stream: Arc<dyn Stream>) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut buffer = BytesMut::new();
    loop {
        buffer.clear();
        buffer.reserve(16 << 10);
        match poll_fn(|cx| stream.poll_read(cx, &mut buffer)).await {
            Ok(read) if read > 0 => {
                let room = KEPT_BYTES_MAX - kept.len();
                kept.extend_from_slice(&buffer[..buffer.len().min(room)]);
            }
            _ => return kept,
        }
    }
}

/// Ends when `over` does, which must not take longer than a connection's timeouts.
pub(crate) async fn over(env: &Env, what: &str, over: impl Future) {
    if env.timeout(OVER_AFTER, over).await.is_err() {
        panic!("{what} has not ended after {} s", OVER_AFTER.as_secs());
    }
}
