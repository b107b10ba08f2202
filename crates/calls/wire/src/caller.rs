//! The calling side of a connection: many requests in flight, one task that reads and writes.
//!
//! A caller takes one lock, writes its request into the buffer that will be sent, and wakes the task only if no write is
//! pending. The task lets others run once before it takes the buffer, so that one write carries what all of them put in.
//! A caller that is alone writes by itself and wakes nobody.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::{Bytes, BytesMut};
use world::{Env, Instant, Lost, Reply, ReplyKind, Session, Sleep, StartError, Stream, Ticket};

use crate::frame::{Assembly, FrameError, Kind, Message};
use crate::limits::{CALLS_IN_FLIGHT_MAX, KEPT_BYTES_MAX, PING_AFTER, READ_BYTES, SILENCE_MAX, next_read_bytes};
use crate::outbox::{End, Outbox, Refused};

/// The handle that requests are started with. Dropping the last one closes the connection.
pub(crate) struct Caller {
    shared: Arc<Shared>,
}

struct Shared {
    stream: Arc<dyn Stream>,
    hello: Bytes,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    slots: Vec<Slot>,
    free: Vec<u32>,
    outbox: Outbox,
    /// Bytes that the network has taken.
    written: u64,
    /// The task holds bytes of its own that come before those in the outbox.
    task_writes: bool,
    /// The task has been woken to write and has not begun.
    flush_pending: bool,
    task: Option<Waker>,
    going_away: Option<String>,
    closed: Option<String>,
    abandoned: bool,
}

#[derive(Default)]
struct Slot {
    generation: u32,
    call: Call,
}

#[derive(Default)]
enum Call {
    #[default]
    Free,
    Waiting {
        end: End,
        waker: Option<Waker>,
    },
    Done(Result<Reply, Lost>),
}

impl Caller {
    /// A session over `stream`, whose peer has said `hello`; `rest` is what was read beyond that.
    pub(crate) fn start(env: &Env, stream: Arc<dyn Stream>, hello: Bytes, rest: BytesMut) -> Arc<Caller> {
        let shared = Arc::new(Shared {
            stream,
            hello,
            state: Mutex::default(),
        });
        let now = env.now();
        let task = ConnectionTask {
            env: env.clone(),
            shared: shared.clone(),
            has_rest: !rest.is_empty(),
            input: rest,
            assembly: Assembly::default(),
            output: Vec::new(),
            output_written: 0,
            yielded: false,
            heard_at: now,
            heard: false,
            read_bytes: READ_BYTES,
            timer: env.sleep(PING_AFTER),
            done: Vec::new(),
        };
        drop(env.spawn("connection of a caller", task));
        Arc::new(Caller { shared })
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.abandoned = true;
        wake(state);
    }
}

fn wake(mut state: MutexGuard<'_, State>) {
    let task = state.task.take();
    drop(state);
    if let Some(task) = task {
        task.wake();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends what is in the outbox: at once if `alone` and nothing is in front of it, else by the task.
    fn flush(&self, mut state: MutexGuard<'_, State>, alone: bool) {
        if state.flush_pending {
            return;
        }
        if alone
            && !state.task_writes
            && let Some(buffer) = state.outbox.only_buffer()
        {
            let length = buffer.len();
            // An error shows at the task's next read or write.
            let written = self.stream.try_write(&[IoSlice::new(buffer)]).unwrap_or(0);
            state.outbox.written(written);
            state.written += written as u64;
            if written == length {
                return;
            }
        }
        state.flush_pending = true;
        wake(state);
    }
}

impl Session for Caller {
    fn hello(&self) -> &Bytes {
        &self.shared.hello
    }

    fn start(&self, encode: &mut dyn FnMut(&mut Vec<u8>) -> Result<(), String>) -> Result<Ticket, StartError> {
        let mut state = self.shared.lock();
        if let Some(why) = state.closed.as_ref().or(state.going_away.as_ref()) {
            return Err(StartError::Closed(why.clone()));
        }
        let in_flight = state.slots.len() - state.free.len();
        if in_flight >= CALLS_IN_FLIGHT_MAX || state.outbox.is_full() {
            return Err(StartError::Full(format!(
                "{in_flight} requests are in flight on one connection; make fewer at once"
            )));
        }
        let index = state.free.last().copied().unwrap_or(state.slots.len() as u32);
        let generation = state.slots.get(index as usize).map_or(0, |slot| slot.generation);
        let ticket = Ticket(u64::from(generation) << 32 | u64::from(index));
        let put = state.outbox.put(ticket.0, |out| encode(out).map(|()| (Kind::Call, ())));
        let (end, ()) = put.map_err(|refused| match refused {
            Refused::Encode(why) => StartError::Encode(why),
            Refused::Message { bytes } => StartError::Encode(format!(
                "the request has {bytes} bytes, and a message at most {}; send it in parts",
                crate::limits::MESSAGE_BYTES_MAX
            )),
        })?;
        let call = Call::Waiting { end, waker: None };
        if state.free.pop().is_some() {
            state.slots[index as usize].call = call;
        } else {
            state.slots.push(Slot { generation, call });
        }
        self.shared.flush(state, in_flight == 0);
        Ok(ticket)
    }

    fn poll_reply(&self, ticket: Ticket, cx: &mut Context<'_>) -> Poll<Result<Reply, Lost>> {
        let mut state = self.shared.lock();
        let state = &mut *state;
        let Some(slot) = slot(&mut state.slots, ticket.0) else {
            return Poll::Ready(Err(Lost::MaybeSent("this request was given up".to_string())));
        };
        match &mut slot.call {
            Call::Waiting { waker: Some(waker), .. } if waker.will_wake(cx.waker()) => Poll::Pending,
            Call::Waiting { waker, .. } => {
                *waker = Some(cx.waker().clone());
                Poll::Pending
            }
            Call::Free | Call::Done(_) => match release(slot, &mut state.free, ticket.0) {
                Call::Done(reply) => Poll::Ready(reply),
                _ => Poll::Ready(Err(Lost::MaybeSent("this request was given up".to_string()))),
            },
        }
    }

    fn abandon(&self, ticket: Ticket) {
        let mut guard = self.shared.lock();
        let state = &mut *guard;
        let Some(slot) = slot(&mut state.slots, ticket.0) else {
            return;
        };
        let waits = matches!(slot.call, Call::Waiting { .. });
        release(slot, &mut state.free, ticket.0);
        if waits && state.closed.is_none() && !state.outbox.forget(ticket.0) {
            state.outbox.put_frame(Kind::Cancel, ticket.0, b"");
            self.shared.flush(guard, false);
        }
    }

    fn is_open(&self) -> bool {
        let state = self.shared.lock();
        state.closed.is_none() && state.going_away.is_none()
    }
}

fn slot(slots: &mut [Slot], number: u64) -> Option<&mut Slot> {
    let slot = slots.get_mut(number as u32 as usize)?;
    (slot.generation == (number >> 32) as u32 && !matches!(slot.call, Call::Free)).then_some(slot)
}

fn release(slot: &mut Slot, free: &mut Vec<u32>, number: u64) -> Call {
    slot.generation = slot.generation.wrapping_add(1);
    free.push(number as u32);
    std::mem::take(&mut slot.call)
}

/// Reads replies and writes what the callers cannot.
struct ConnectionTask {
    env: Env,
    shared: Arc<Shared>,
    input: BytesMut,
    /// Bytes came with the hello, and nobody has looked at them.
    has_rest: bool,
    assembly: Assembly,
    output: Vec<u8>,
    output_written: usize,
    yielded: bool,
    heard_at: Instant,
    /// Since the timer last looked; reading the clock on each read costs as much as a small call.
    heard: bool,
    read_bytes: usize,
    timer: Sleep,
    done: Vec<Waker>,
}

impl Future for ConnectionTask {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let why = ready!(this.poll_connection(cx));
        this.end(&why);
        Poll::Ready(())
    }
}

impl ConnectionTask {
    /// Ready with the reason why the connection is over.
    fn poll_connection(&mut self, cx: &mut Context<'_>) -> Poll<String> {
        // What came with the hello is taken in without waiting for more.
        if std::mem::take(&mut self.has_rest)
            && let Err(why) = self.take_in()
        {
            return Poll::Ready(why);
        }
        loop {
            let read = self.poll_read(cx);
            for waker in self.done.drain(..) {
                waker.wake();
            }
            if let Poll::Ready(Err(why)) = read {
                return Poll::Ready(why);
            }
            if let Poll::Ready(Err(error)) = self.poll_write(cx) {
                return Poll::Ready(format!("the connection broke: {error}"));
            }
            if self.poll_silence(cx).is_ready() {
                return Poll::Ready(format!("the peer was silent for {} s", SILENCE_MAX.as_secs()));
            }
            let mut state = self.shared.lock();
            let idle = state.slots.len() == state.free.len() && state.outbox.is_empty() && self.output.is_empty();
            if idle && (state.abandoned || state.going_away.is_some()) {
                return Poll::Ready(
                    state
                        .going_away
                        .clone()
                        .unwrap_or_else(|| "nobody calls any more".to_string()),
                );
            }
            if read.is_pending() {
                match &mut state.task {
                    Some(task) if task.will_wake(cx.waker()) => {}
                    task => *task = Some(cx.waker().clone()),
                }
                // What was put in since the write is written by whoever put it in, or shows here.
                if !state.flush_pending || self.yielded || state.task_writes {
                    return Poll::Pending;
                }
            }
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), String>> {
        self.input.reserve(self.read_bytes);
        match ready!(self.shared.stream.poll_read(cx, &mut self.input)) {
            Ok(0) => return Poll::Ready(Err("the peer closed the connection".to_string())),
            Ok(read) => {
                self.heard = true;
                self.read_bytes = next_read_bytes(self.read_bytes, read);
            }
            Err(error) => return Poll::Ready(Err(format!("the connection broke: {error}"))),
        }
        Poll::Ready(self.take_in())
    }

    fn take_in(&mut self) -> Result<(), String> {
        let mut state = self.shared.lock();
        take_in(&mut state, &mut self.assembly, &mut self.input, &mut self.done)
            .map_err(|error| format!("the peer does not speak the protocol: {error}"))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.output.is_empty() {
                let mut state = self.shared.lock();
                if state.flush_pending && !self.yielded {
                    // Tokio runs the task woken last first: without this the buffer would hold one request.
                    self.yielded = true;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                self.yielded = false;
                state.flush_pending = false;
                let State { outbox, slots, .. } = &mut *state;
                outbox.take(&mut self.output, |number, at| {
                    if let Some(Slot {
                        call: Call::Waiting { end, .. },
                        ..
                    }) = slot(slots, number)
                    {
                        *end = End::At(at);
                    }
                });
                state.task_writes = !self.output.is_empty();
                if self.output.is_empty() {
                    return Poll::Pending;
                }
            }
            let written = ready!(
                self.shared
                    .stream
                    .poll_write(cx, &[IoSlice::new(&self.output[self.output_written..])])
            )?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.output_written += written;
            let mut state = self.shared.lock();
            state.written += written as u64;
            if self.output_written == self.output.len() {
                self.output_written = 0;
                self.output.clear();
                self.output.shrink_to(KEPT_BYTES_MAX);
                state.task_writes = false;
                if state.outbox.is_empty() {
                    return Poll::Pending;
                }
                // What is there now has waited for a write already.
                self.yielded = state.flush_pending;
            }
        }
    }

    /// Ready when the peer is taken for gone; asks it before.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while Pin::new(&mut self.timer).poll(cx).is_ready() {
            if std::mem::take(&mut self.heard) {
                self.heard_at = self.env.now();
            }
            let silent = self.env.now().saturating_duration_since(self.heard_at);
            if silent >= SILENCE_MAX {
                return Poll::Ready(());
            }
            let mut state = self.shared.lock();
            state.outbox.put_frame(Kind::Ping, 0, b"");
            self.shared.flush(state, true);
            self.timer = self.env.sleep(PING_AFTER);
        }
        Poll::Pending
    }

    fn end(&mut self, why: &str) {
        let mut state = self.shared.lock();
        // What the peer said of its going tells more than that its end was closed.
        let said = state.going_away.clone();
        let why = said.as_deref().unwrap_or(why);
        state.closed = Some(why.to_string());
        let written = state.written;
        let mut wakers = VecDeque::new();
        for slot in &mut state.slots {
            if let Call::Waiting { end, waker } = &mut slot.call {
                wakers.extend(waker.take());
                // A frame that did not leave whole is no request to the peer.
                let lost = match end {
                    End::At(end) if *end <= written => Lost::MaybeSent(why.to_string()),
                    End::At(_) | End::Later => Lost::NotSent(why.to_string()),
                };
                slot.call = Call::Done(Err(lost));
            }
        }
        state.outbox = Outbox::default();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Drop for ConnectionTask {
    fn drop(&mut self) {
        // The task may be dropped with its runtime or its node, and callers may outlive both.
        if self.shared.lock().closed.is_none() {
            self.end("this side was stopped");
        }
    }
}

/// Takes every whole message out of `input`; the wakers of those who waited go to `done`.
fn take_in(
    state: &mut State,
    assembly: &mut Assembly,
    input: &mut BytesMut,
    done: &mut Vec<Waker>,
) -> Result<(), FrameError> {
    while let Some(Message { kind, number, body }) = assembly.next(input)? {
        let reply = match kind {
            Kind::Reply => ReplyKind::Reply,
            Kind::Error => ReplyKind::Error,
            Kind::Ping => {
                // A peer that asks and reads no answer must not fill this side's memory with them.
                if !state.outbox.is_full() {
                    state.outbox.put_frame(Kind::Pong, 0, b"");
                }
                continue;
            }
            Kind::Pong => continue,
            Kind::Goaway => {
                state.going_away = Some(String::from_utf8_lossy(&body).into_owned());
                continue;
            }
            Kind::Hello | Kind::Call | Kind::Cancel | Kind::Item | Kind::Credit => {
                return Err(FrameError::Unexpected { kind });
            }
        };
        // A reply to a request that was given up finds no slot.
        let Some(slot) = slot(&mut state.slots, number) else {
            continue;
        };
        if let Call::Waiting { waker, .. } = &mut slot.call {
            done.extend(waker.take());
            slot.call = Call::Done(Ok(Reply { kind: reply, body }));
        }
    }
    Ok(())
}
