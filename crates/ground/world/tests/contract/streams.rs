//! Streams read and written whole.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::sync::Arc;

use bytes::BytesMut;
use world::{Address, Env, Stream};

/// Two ends of a stream from a node to itself.
pub(crate) async fn connected(env: &Env) -> (Arc<dyn Stream>, Arc<dyn Stream>) {
    between(env, env, "127.0.0.1:0").await
}

/// Two ends of a stream from `here` to `there`, which listens on `at`.
pub(crate) async fn between(here: &Env, there: &Env, at: &str) -> (Arc<dyn Stream>, Arc<dyn Stream>) {
    let listener = there.network().listen(&Address::new(at)).await.unwrap();
    let stream = here.network().connect(&listener.address()).await.unwrap();
    (stream, listener.accept().await.unwrap())
}

pub(crate) async fn write_all(stream: &Arc<dyn Stream>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let (first, second) = bytes.split_at(bytes.len() / 2);
        let count = poll_fn(|cx| stream.poll_write(cx, &[IoSlice::new(first), IoSlice::new(second)])).await?;
        bytes = &bytes[count..];
    }
    Ok(())
}

/// What arrives next, at most `bytes_max`.
pub(crate) async fn read_some(stream: &Arc<dyn Stream>, bytes_max: usize) -> io::Result<BytesMut> {
    let mut buffer = BytesMut::with_capacity(bytes_max);
    poll_fn(|cx| stream.poll_read(cx, &mut buffer)).await?;
    Ok(buffer)
}

pub(crate) async fn read_all(stream: &Arc<dyn Stream>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        match read_some(stream, 16 * 1024).await? {
            end if end.is_empty() => return Ok(bytes),
            some => bytes.extend_from_slice(&some),
        }
    }
}
