//! The serving side of a connection: one task reads requests, polls each once in place, and writes the answers of a
//! batch with one write. Only a request that waits gets a task of its own.

use std::collections::BTreeMap;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::{Bytes, BytesMut};
use world::{BoxFuture, Dispatch, Env, Execution, Instant, ReplyKind, Sleep, Stream, Task};

use crate::answer::{Reason, encode_failure};
use crate::error::{CallError, CallErrorKind};
use crate::frame::{Assembly, FrameError, HEADER_BYTES, Header, Kind, Message};
use crate::limits::{
    BATCH_FRAMES_MAX, CALLS_IN_FLIGHT_MAX, GOAWAY_LINGER, KEPT_BYTES_MAX, MESSAGE_BYTES_MAX, READ_BYTES,
    SEND_BYTES_MAX, SILENCE_MAX, next_read_bytes,
};
use crate::outbox::{Outbox, Refused};

/// Serves one connection until its peer is gone, or `drained` is ready and everything is answered.
pub(crate) struct Callee {
    env: Env,
    stream: Arc<dyn Stream>,
    dispatch: Arc<dyn Dispatch>,
    input: BytesMut,
    assembly: Assembly,
    outbox: Outbox,
    output: Vec<u8>,
    output_written: usize,
    spawned: Arc<Spawned>,
    tasks: BTreeMap<u64, Task<()>>,
    /// Kept for its memory.
    finished: Vec<Finished>,
    heard_at: Instant,
    read_bytes: usize,
    /// The peer has taken bytes since the last look at its silence.
    heard: bool,
    silence: Sleep,
    drained: BoxFuture<'static, ()>,
    going_away: bool,
    linger: Option<Sleep>,
}

/// What the tasks of waiting requests leave for the connection.
#[derive(Default)]
struct Spawned {
    state: Mutex<Answers>,
}

#[derive(Default)]
struct Answers {
    finished: Vec<Finished>,
    /// Of the bodies in `finished`.
    bytes: usize,
    connection: Option<Waker>,
}

struct Finished {
    number: u64,
    kind: Kind,
    body: Vec<u8>,
}

impl Callee {
    pub(crate) fn new(
        env: &Env,
        stream: Arc<dyn Stream>,
        dispatch: Arc<dyn Dispatch>,
        rest: BytesMut,
        drained: impl Future<Output = ()> + Send + 'static,
    ) -> Callee {
        Callee {
            stream,
            dispatch,
            input: rest,
            assembly: Assembly::default(),
            outbox: Outbox::default(),
            output: Vec::new(),
            output_written: 0,
            spawned: Arc::default(),
            tasks: BTreeMap::new(),
            finished: Vec::new(),
            heard_at: env.now(),
            read_bytes: READ_BYTES,
            heard: false,
            silence: env.sleep(SILENCE_MAX),
            drained: Box::pin(drained),
            going_away: false,
            linger: None,
            env: env.clone(),
        }
    }

    fn poll_connection(&mut self, cx: &mut Context<'_>) -> Poll<String> {
        loop {
            let left = self.collect(cx);
            if let Err(error) = self.serve_batch() {
                self.outbox.put_frame(Kind::Goaway, 0, error.to_string().as_bytes());
                // Whether it arrives does not matter any more.
                let _ = self.poll_write(cx);
                return Poll::Ready(format!("the peer does not speak the protocol: {error}"));
            }
            match self.poll_write(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(format!("the connection broke: {error}")),
                // A peer that does not read its answers is not read from.
                Poll::Pending => return self.poll_end(cx),
            }
            if left || self.has_frame() {
                // A peer with much to say gives those that share its thread a turn after each batch.
                cx.waker().wake_by_ref();
                return self.poll_end(cx);
            }
            self.input.reserve(self.read_bytes);
            match self.stream.poll_read(cx, &mut self.input) {
                Poll::Ready(Ok(0)) => return Poll::Ready("the peer closed the connection".to_string()),
                Poll::Ready(Ok(read)) => {
                    self.heard = true;
                    self.read_bytes = next_read_bytes(self.read_bytes, read);
                }
                Poll::Ready(Err(error)) => return Poll::Ready(format!("the connection broke: {error}")),
                Poll::Pending => return self.poll_end(cx),
            }
        }
    }

    /// Whether a batch ended with a frame left over, or with what is none.
    fn has_frame(&self) -> bool {
        match Header::decode(&self.input) {
            Ok(Some(header)) => self.input.len() >= HEADER_BYTES + header.length,
            Ok(None) => false,
            // The next batch says why.
            Err(_) => true,
        }
    }

    /// Takes what waiting requests have answered since, unless too much waits to be sent already; answers whether some
    /// is left.
    fn collect(&mut self, cx: &Context<'_>) -> bool {
        let mut answers = self.spawned.state.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut answers.connection {
            Some(waker) if waker.will_wake(cx.waker()) => {}
            waker => *waker = Some(cx.waker().clone()),
        }
        if self.outbox.is_full() {
            return !answers.finished.is_empty();
        }
        std::mem::swap(&mut answers.finished, &mut self.finished);
        answers.bytes = 0;
        drop(answers);
        for Finished { number, kind, body } in self.finished.drain(..) {
            self.tasks.remove(&number);
            let put = self.outbox.put(number, |out| {
                out.extend_from_slice(&body);
                Ok((kind, ()))
            });
            if let Err(Refused::Message { bytes }) = put {
                put_too_long(&mut self.outbox, number, bytes);
            }
        }
        false
    }

    fn serve_batch(&mut self) -> Result<(), FrameError> {
        for _ in 0..BATCH_FRAMES_MAX {
            if self.outbox.is_full() {
                break;
            }
            let Some(Message { kind, number, body }) = self.assembly.next(&mut self.input)? else {
                break;
            };
            match kind {
                Kind::Call => self.call(number, &body),
                Kind::Cancel => {
                    self.assembly.forget(number);
                    if let Some(task) = self.tasks.remove(&number) {
                        task.cancel();
                    }
                }
                Kind::Ping => self.outbox.put_frame(Kind::Pong, 0, b""),
                Kind::Pong | Kind::Goaway => {}
                Kind::Hello | Kind::Reply | Kind::Error | Kind::Item | Kind::Credit => {
                    return Err(FrameError::Unexpected { kind });
                }
            }
        }
        Ok(())
    }

    fn call(&mut self, number: u64, request: &Bytes) {
        if self.going_away {
            return self.refuse(
                number,
                CallErrorKind::Unavailable,
                "this process is going away".to_string(),
            );
        }
        if self.tasks.len() >= CALLS_IN_FLIGHT_MAX {
            let message =
                format!("{CALLS_IN_FLIGHT_MAX} requests of this connection are in flight; make fewer at once");
            return self.refuse(number, CallErrorKind::Overloaded, message);
        }
        if self.tasks.contains_key(&number) {
            let message = format!("request {number} is in flight already");
            return self.refuse(number, CallErrorKind::Incompatible, message);
        }
        let mut execution = self.dispatch.start(request);
        // Nobody waits on this poll: if it is not ready, its task polls it again at once.
        let mut cx = Context::from_waker(Waker::noop());
        let put = self
            .outbox
            .put(number, |out| match execution.as_mut().poll_reply(&mut cx, out) {
                Poll::Ready(kind) => Ok((frame_kind(kind), ())),
                Poll::Pending => Err(String::new()),
            });
        match put {
            Ok(_) => {}
            Err(Refused::Message { bytes }) => put_too_long(&mut self.outbox, number, bytes),
            Err(Refused::Encode(_)) => {
                let spawned = self.spawned.clone();
                let task = self.env.spawn(
                    "request of a peer",
                    Waiting {
                        number,
                        execution,
                        body: Vec::new(),
                        spawned,
                    },
                );
                self.tasks.insert(number, task);
            }
        }
    }

    fn refuse(&mut self, number: u64, kind: CallErrorKind, message: String) {
        put_error(&mut self.outbox, number, &CallError::not_run(kind, message));
    }

    /// Ready when everything that waits was written.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.output_written == self.output.len() {
                self.output.clear();
                self.output_written = 0;
                self.output.shrink_to(KEPT_BYTES_MAX);
                self.outbox.take(&mut self.output, |_, _| {});
                if self.output.is_empty() {
                    return Poll::Ready(Ok(()));
                }
            }
            let rest = &self.output[self.output_written..];
            let written = ready!(self.stream.poll_write(cx, &[IoSlice::new(rest)]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.output_written += written;
            self.heard = true;
        }
    }

    /// Looks whether there is a reason to end while the connection waits.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<String> {
        while Pin::new(&mut self.silence).poll(cx).is_ready() {
            // A peer that takes a long answer is heard too: meanwhile nothing is read, and its pings wait.
            if std::mem::take(&mut self.heard) {
                self.heard_at = self.env.now();
            }
            let silent = self.env.now().saturating_duration_since(self.heard_at);
            if silent >= SILENCE_MAX {
                return Poll::Ready(format!("the peer was silent for {} s", SILENCE_MAX.as_secs()));
            }
            self.silence = self.env.sleep(SILENCE_MAX - silent);
        }
        if !self.going_away && self.drained.as_mut().poll(cx).is_ready() {
            self.going_away = true;
            self.outbox.put_frame(Kind::Goaway, 0, b"this process is going away");
            cx.waker().wake_by_ref();
        }
        let idle = self.tasks.is_empty() && self.outbox.is_empty() && self.output_written == self.output.len();
        if self.going_away && idle {
            let env = &self.env;
            let linger = self.linger.get_or_insert_with(|| env.sleep(GOAWAY_LINGER));
            ready!(Pin::new(linger).poll(cx));
            return Poll::Ready("this process is going away".to_string());
        }
        Poll::Pending
    }
}

impl Future for Callee {
    type Output = String;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<String> {
        self.get_mut().poll_connection(cx)
    }
}

impl Drop for Callee {
    fn drop(&mut self) {
        // Nobody waits for the answers any more.
        for task in self.tasks.values() {
            task.cancel();
        }
    }
}

fn frame_kind(kind: ReplyKind) -> Kind {
    match kind {
        ReplyKind::Reply => Kind::Reply,
        ReplyKind::Error => Kind::Error,
    }
}

fn put_error(outbox: &mut Outbox, number: u64, error: &CallError) {
    let mut body = Vec::new();
    encode_failure(Reason::Kind, error, &mut body);
    outbox.put_frame(Kind::Error, number, &body);
}

fn put_too_long(outbox: &mut Outbox, number: u64, bytes: usize) {
    let message =
        format!("the answer has {bytes} bytes, and a message at most {MESSAGE_BYTES_MAX}; answer it in parts");
    put_error(
        outbox,
        number,
        &CallError::maybe_run(CallErrorKind::Overloaded, message),
    );
}

/// A request that waits for something, on a task of its own.
struct Waiting {
    number: u64,
    execution: Pin<Box<dyn Execution>>,
    body: Vec<u8>,
    spawned: Arc<Spawned>,
}

impl Future for Waiting {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let kind = frame_kind(ready!(this.execution.as_mut().poll_reply(cx, &mut this.body)));
        let (mut kind, mut body) = (kind, std::mem::take(&mut this.body));
        let mut answers = this.spawned.state.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.bytes + body.len() > SEND_BYTES_MAX {
            // A peer that asks for much and takes nothing must not keep it here.
            let message = format!("{SEND_BYTES_MAX} bytes of answers wait for this connection; take them first");
            body = Vec::new();
            let error = CallError::maybe_run(CallErrorKind::Overloaded, message);
            kind = frame_kind(encode_failure(Reason::Kind, &error, &mut body));
        }
        answers.bytes += body.len();
        answers.finished.push(Finished {
            number: this.number,
            kind,
            body,
        });
        let connection = answers.connection.take();
        drop(answers);
        if let Some(connection) = connection {
            connection.wake();
        }
        Poll::Ready(())
    }
}
