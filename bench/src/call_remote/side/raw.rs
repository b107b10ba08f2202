//! The limit: the same bytes with a header of 18, there and back, over one connection for each caller.

use anyhow::{Context, ensure};
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Caller, Handler};

/// As large as the header of a small frame: length, kind, flags, call number and method.
const HEADER_BYTES: usize = 18;

/// Answers every connection until the process ends.
pub(crate) async fn serve(listener: TcpListener, handler: Handler) -> anyhow::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(answer(stream, handler));
    }
}

/// One connection for each caller.
pub(crate) async fn connect(port: u16, callers: usize) -> anyhow::Result<Vec<PingPong>> {
    let mut connected = Vec::with_capacity(callers);
    for _ in 0..callers {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        connected.push(PingPong {
            stream,
            sent: Vec::new(),
            received: Received::default(),
        });
    }
    Ok(connected)
}

/// A connection of one caller, with buffers that are used again.
pub(crate) struct PingPong {
    stream: TcpStream,
    sent: Vec<u8>,
    received: Received,
}

impl Caller for PingPong {
    async fn call(&mut self, body: &Bytes) -> anyhow::Result<usize> {
        self.sent.clear();
        self.sent.extend_from_slice(&header(body.len())?);
        self.sent.extend_from_slice(body);
        self.stream.write_all(&self.sent).await?;
        let frame_bytes = self
            .received
            .frame(&mut self.stream)
            .await?
            .context("the server closed the connection")?;
        Ok(frame_bytes - HEADER_BYTES)
    }
}

async fn answer(mut stream: TcpStream, handler: Handler) -> anyhow::Result<()> {
    let mut received = Received::default();
    while let Some(frame_bytes) = received.frame(&mut stream).await? {
        handler.work().await;
        stream.write_all(&received.buffer[..frame_bytes]).await?;
    }
    Ok(())
}

fn header(body_bytes: usize) -> anyhow::Result<[u8; HEADER_BYTES]> {
    let mut header = [0; HEADER_BYTES];
    header[..4].copy_from_slice(&u32::try_from(body_bytes)?.to_le_bytes());
    Ok(header)
}

/// Holds one frame: in a ping-pong the next one never comes before this one is answered.
#[derive(Default)]
struct Received {
    buffer: Vec<u8>,
}

impl Received {
    /// Reads one whole frame to the front of the buffer, and gives its length; `None` when the other side has closed.
    async fn frame(&mut self, stream: &mut TcpStream) -> anyhow::Result<Option<usize>> {
        // Larger than any frame, so that one read takes all of it and the socket is known to be empty after it.
        self.buffer.resize(64 * 1024, 0);
        let mut filled = 0;
        loop {
            let read = stream.read(&mut self.buffer[filled..]).await?;
            if read == 0 {
                ensure!(filled == 0, "the connection ended inside a frame, after {filled} bytes");
                return Ok(None);
            }
            filled += read;
            if let Some(length) = self.buffer[..filled].first_chunk::<4>() {
                let frame_bytes = HEADER_BYTES + u32::from_le_bytes(*length) as usize;
                ensure!(
                    filled <= frame_bytes && frame_bytes <= self.buffer.len(),
                    "a frame of {frame_bytes} bytes is not part of this bench"
                );
                if filled == frame_bytes {
                    return Ok(Some(frame_bytes));
                }
            }
        }
    }
}
