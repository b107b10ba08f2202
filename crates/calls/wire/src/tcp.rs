//! The production transport: frames over streams, and on the same port the HTTP face.

use std::future::poll_fn;
use std::io::IoSlice;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use tokio::sync::Semaphore;
use world::{
    Address, BoxFuture, ConnectError, Dispatch, Door, Env, Listener, Service, Session, Stream, Task, Transport,
};

use crate::callee::Callee;
use crate::caller::Caller;
use crate::face::{self, Face, Token, is_loopback};
use crate::frame::{HEADER_BYTES, Header, HelloFrame, Kind, PREFACE, VERSION, put};
use crate::hello::{INTERFACES_MAX, NAME_BYTES_MAX};
use crate::limits::{CONNECTIONS_MAX, HELLO_WAIT, READ_BYTES};
use crate::signal::Signal;

/// Frames over the node's network. Cheap to clone.
#[derive(Clone, Default)]
pub struct Tcp {
    /// The deployment's token, which both sides state. Without one, only loopback is served.
    pub token: Option<Token>,
    /// The HTTP face of what is served; `None` is off.
    pub face: Option<Arc<Face>>,
}

/// Why a listener is not served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServeError {
    /// It is reached from other machines, and nothing says who may.
    #[error(
        "{address} is not loopback, so callers need the deployment's token: set `token = {{ env = \"..\" }}` in [service], or listen on 127.0.0.1"
    )]
    NoToken {
        /// The address.
        address: Address,
    },
    /// A component whose `Ref` is not bound yet.
    #[error("a component is not open yet: serve it when its module is there")]
    NotOpen,
    /// What a hello cannot say.
    #[error(
        "a listener serves at most {INTERFACES_MAX} components, each with a name of at most {NAME_BYTES_MAX} bytes; serve the rest on another"
    )]
    Hello,
}

impl Tcp {
    /// Whether `address` may be listened on: loopback, or anywhere with a token.
    pub fn check(&self, address: &Address) -> Result<(), ServeError> {
        if self.token.is_some() || is_loopback(address) {
            Ok(())
        } else {
            Err(ServeError::NoToken {
                address: address.clone(),
            })
        }
    }

    fn hello(&self, said: Bytes) -> Vec<u8> {
        let token = self
            .token
            .as_ref()
            .map(|token| token.reveal().as_bytes().to_vec())
            .unwrap_or_default();
        let mut out = Vec::new();
        HelloFrame {
            features: 0,
            token,
            said,
        }
        .encode(&mut out);
        out
    }
}

impl Transport for Tcp {
    fn connect<'a>(
        &'a self,
        env: &'a Env,
        to: &'a Address,
        hello: Bytes,
    ) -> BoxFuture<'a, Result<Arc<dyn Session>, ConnectError>> {
        Box::pin(async move {
            let unreachable = |why: String| ConnectError::Unreachable(format!("{to}: {why}"));
            let stream = env.network().connect(to).await;
            // It names the address already.
            let stream = stream.map_err(|error| ConnectError::Unreachable(error.to_string()))?;
            let sent = write_all(&*stream, &self.hello(hello)).await;
            sent.map_err(|error| unreachable(error.to_string()))?;
            let mut input = BytesMut::new();
            let theirs = match read_hello(&*stream, &mut input).await {
                Ok(theirs) => theirs,
                Err(NoHello::Goaway(why)) => {
                    return Err(ConnectError::Refused(format!("{to} refused the connection: {why}")));
                }
                Err(NoHello::Other(why)) => return Err(unreachable(why)),
            };
            let session: Arc<dyn Session> = Caller::start(env, stream, theirs.said, input);
            Ok(session)
        })
    }

    /// A listener that [`Tcp::check`] refuses is served nothing: every connection is told why.
    fn serve(&self, env: &Env, listener: Box<dyn Listener>, service: Arc<dyn Service>) -> Arc<dyn Door> {
        let draining = Signal::new();
        let address = listener.address();
        let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let entrance = Entrance {
            tcp: self.clone(),
            env: env.clone(),
            service,
            connections: connections.clone(),
            draining: draining.clone(),
        };
        let accepting = env.spawn("listener", entrance.accept(listener));
        Arc::new(Serving {
            address,
            draining,
            connections,
            accepting: Mutex::new(Some(accepting)),
        })
    }
}

/// What every connection of one listener shares.
#[derive(Clone)]
struct Entrance {
    tcp: Tcp,
    env: Env,
    service: Arc<dyn Service>,
    connections: Arc<Semaphore>,
    draining: Signal,
}

impl Entrance {
    async fn accept(self, listener: Box<dyn Listener>) {
        loop {
            // At the limit the next connections wait in the listener's own queue.
            let Ok(permit) = self.connections.clone().acquire_owned().await else {
                return;
            };
            match listener.accept().await {
                Ok(stream) => {
                    let entrance = self.clone();
                    let connection = async move {
                        entrance.serve(stream).await;
                        drop(permit);
                    };
                    drop(self.env.spawn("connection of a callee", connection));
                }
                Err(error) => {
                    tracing::warn!(target: "terrace::wire", %error, "a connection could not be accepted");
                    // Out of descriptors, most likely: asking again at once would only spin.
                    self.env.sleep(std::time::Duration::from_millis(100)).await;
                }
            }
        }
    }

    async fn serve(self, stream: Arc<dyn Stream>) {
        let peer = stream.peer();
        let mut input = BytesMut::new();
        let first = self
            .env
            .timeout(HELLO_WAIT, self.first_bytes(&*stream, &mut input))
            .await;
        if !matches!(first, Ok(Ok(()))) {
            return;
        }
        let ended = match input[0] {
            PREFACE => self.serve_frames(&peer, stream, input).await,
            letter if letter.is_ascii_uppercase() => match self.tcp.face.clone() {
                Some(face) => return face::serve(&self.env, stream, input, face, self.draining.given()).await,
                None => "it speaks HTTP, and the HTTP face is off".to_string(),
            },
            0x16 => "it speaks TLS, which this listener does not".to_string(),
            other => format!("it begins with byte {other:#04x}, which no protocol here does"),
        };
        tracing::debug!(target: "terrace::wire", %peer, "connection ended: {ended}");
    }

    /// A peer that has said nothing holds up no drain.
    async fn first_bytes(&self, stream: &dyn Stream, input: &mut BytesMut) -> std::io::Result<()> {
        let mut draining = pin!(self.draining.given());
        let mut reading = pin!(read_more(stream, input));
        poll_fn(|cx| match reading.as_mut().poll(cx) {
            Poll::Pending if draining.as_mut().poll(cx).is_ready() => {
                Poll::Ready(Err(std::io::ErrorKind::ConnectionAborted.into()))
            }
            read => read,
        })
        .await
    }

    async fn serve_frames(&self, peer: &Address, stream: Arc<dyn Stream>, mut input: BytesMut) -> String {
        let dispatch = match self
            .env
            .timeout(HELLO_WAIT, self.greet(peer, &*stream, &mut input))
            .await
        {
            Err(_) => return format!("it said no hello within {} s", HELLO_WAIT.as_secs()),
            Ok(Err(why)) => {
                let mut refusal = vec![PREFACE, VERSION];
                put(Kind::Goaway, 0, why.as_bytes(), &mut refusal);
                // A peer that is gone does not need to hear it.
                let _ = self.env.timeout(HELLO_WAIT, write_all(&*stream, &refusal)).await;
                return why;
            }
            Ok(Ok(dispatch)) => dispatch,
        };
        Callee::new(&self.env, stream, dispatch, input, self.draining.given()).await
    }

    async fn greet(
        &self,
        peer: &Address,
        stream: &dyn Stream,
        input: &mut BytesMut,
    ) -> Result<Arc<dyn Dispatch>, String> {
        let theirs = read_hello(stream, input).await.map_err(NoHello::into_words)?;
        self.tcp.check(&stream.local()).map_err(|error| error.to_string())?;
        if let Some(token) = &self.tcp.token
            && !token.matches(&theirs.token)
        {
            return Err("the token is missing or wrong: both sides need the deployment's token".to_string());
        }
        let dispatch = self.service.admit(peer, &theirs.said)?;
        write_all(stream, &self.tcp.hello(self.service.hello()))
            .await
            .map_err(|error| error.to_string())?;
        Ok(dispatch)
    }
}

/// A listener that is being served.
struct Serving {
    address: Address,
    draining: Signal,
    connections: Arc<Semaphore>,
    accepting: Mutex<Option<Task<()>>>,
}

impl Door for Serving {
    fn address(&self) -> Address {
        self.address.clone()
    }

    fn drain(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let accepting = self.accepting.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(accepting) = accepting {
                accepting.cancel();
                // It held a permit for the connection it waited for.
                let _ = accepting.await;
            }
            self.draining.give();
            let all = self.connections.acquire_many(CONNECTIONS_MAX as u32).await;
            drop(all);
        })
    }
}

enum NoHello {
    /// The peer said why it does not want this side.
    Goaway(String),
    /// Anything else.
    Other(String),
}

impl NoHello {
    fn into_words(self) -> String {
        match self {
            NoHello::Goaway(why) | NoHello::Other(why) => why,
        }
    }
}

/// Reads preface and hello; what follows stays in `input`. The caller bounds the time.
async fn read_hello(stream: &dyn Stream, input: &mut BytesMut) -> Result<HelloFrame, NoHello> {
    let other = |error: std::io::Error| NoHello::Other(error.to_string());
    while input.len() < 2 {
        read_more(stream, input).await.map_err(other)?;
    }
    let (first, version) = (input[0], input[1]);
    if first != PREFACE {
        return Err(NoHello::Other(format!(
            "what answers there does not speak this protocol (first byte {first:#04x})"
        )));
    }
    if version != VERSION {
        return Err(NoHello::Other(format!(
            "the peer speaks version {version} of the protocol, this side {VERSION}"
        )));
    }
    let _ = input.split_to(2);
    loop {
        // By its header alone: whoever has not said hello may cost one frame, and not the parts of many messages.
        let header = Header::decode(input).map_err(|error| NoHello::Other(error.to_string()))?;
        let Some(Header { kind, length, .. }) = header else {
            read_more(stream, input).await.map_err(other)?;
            continue;
        };
        if !matches!(kind, Kind::Hello | Kind::Goaway) {
            return Err(NoHello::Other(format!("a {kind:?} frame came before the hello")));
        }
        if input.len() < HEADER_BYTES + length {
            read_more(stream, input).await.map_err(other)?;
            continue;
        }
        let body = input.split_to(HEADER_BYTES + length).split_off(HEADER_BYTES).freeze();
        return match kind {
            Kind::Goaway => Err(NoHello::Goaway(String::from_utf8_lossy(&body).into_owned())),
            _ => HelloFrame::decode(&body).map_err(|error| NoHello::Other(error.to_string())),
        };
    }
}

async fn read_more(stream: &dyn Stream, input: &mut BytesMut) -> std::io::Result<()> {
    input.reserve(READ_BYTES);
    match poll_fn(|cx| stream.poll_read(cx, input)).await? {
        0 => Err(std::io::Error::new(
            std::io::ErrorKind::UnexpectedEof,
            "the peer closed the connection",
        )),
        _ => Ok(()),
    }
}

async fn write_all(stream: &dyn Stream, mut bytes: &[u8]) -> std::io::Result<()> {
    while !bytes.is_empty() {
        let written = poll_fn(|cx| stream.poll_write(cx, &[IoSlice::new(bytes)])).await?;
        if written == 0 {
            return Err(std::io::ErrorKind::WriteZero.into());
        }
        bytes = &bytes[written..];
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{NoHello, read_hello};
    use crate::frame::{Header, Kind, PREFACE, VERSION};
    use crate::limits::FRAME_BYTES_MAX;
    use bytes::BytesMut;
    use std::io::{self, IoSlice};
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};
    use world::{Address, Stream};

    /// A peer that says nothing more.
    struct Silent;

    impl Stream for Silent {
        fn poll_read(&self, _: &mut Context<'_>, _: &mut BytesMut) -> Poll<io::Result<usize>> {
            Poll::Pending
        }

        fn poll_write(&self, _: &mut Context<'_>, _: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
            Poll::Pending
        }

        fn try_write(&self, _: &[IoSlice<'_>]) -> io::Result<usize> {
            Err(io::ErrorKind::WouldBlock.into())
        }

        fn poll_shutdown(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn peer(&self) -> Address {
            Address::new("peer:1")
        }

        fn local(&self) -> Address {
            Address::new("local:1")
        }
    }

    #[test]
    fn a_part_of_a_message_before_the_hello_is_refused_by_its_header() {
        let header = Header {
            length: FRAME_BYTES_MAX,
            kind: Kind::Call,
            more: true,
            number: 1,
        };
        let mut input = BytesMut::from(&[PREFACE, VERSION][..]);
        input.extend_from_slice(&header.encode());
        let read = pin!(read_hello(&Silent, &mut input)).poll(&mut Context::from_waker(Waker::noop()));
        let Poll::Ready(Err(NoHello::Other(why))) = read else {
            panic!("it waits for the body")
        };
        assert_eq!(why, "a Call frame came before the hello");
    }
}
