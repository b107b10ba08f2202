//! [`Events`]: what a page is told while it is open (server-sent events, WHATWG HTML, 9.2).

use std::fmt::Write as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};
use hyper::body::Frame;
use tokio::sync::mpsc;
use world::{BoxFuture, Env, Sleep};

use crate::call::Call;

/// How long a stream is silent before a comment is sent, so that nobody between takes it for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Events that wait for a page to take them; then whoever sends the next one waits.
const EVENTS_WAITING_MAX: usize = 16;

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    name: Option<String>,
    id: Option<String>,
    data: String,
}

/// A stream of events, as an answer. It ends when what makes its events ends, when the page is left, and when the server
/// drains; then a browser asks again by itself, with `Last-Event-ID`.
pub struct Events {
    env: Env,
    making: Option<BoxFuture<'static, ()>>,
    /// None once the server drains.
    draining: Option<BoxFuture<'static, ()>>,
    events: mpsc::Receiver<Event>,
    sleep: Option<Sleep>,
}

/// Where events go to their page.
#[derive(Clone, Debug)]
pub struct EventSender(mpsc::Sender<Event>);

/// The page is not there any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nobody listens to these events any more; make no more of them")]
pub struct NoListener;

impl Event {
    /// An event that says `data`, of any number of lines.
    pub fn new(data: impl Into<String>) -> Event {
        Event {
            data: data.into(),
            ..Event::default()
        }
    }

    /// The same, of a kind that a page listens for by `name`.
    pub fn named(mut self, name: impl Into<String>) -> Event {
        self.name = Some(line(name.into()));
        self
    }

    /// The same, with the id by which a browser says how far it got.
    pub fn id(mut self, id: impl Into<String>) -> Event {
        self.id = Some(line(id.into()));
        self
    }

    fn written(&self) -> Bytes {
        let mut out = String::with_capacity(self.data.len() + 32);
        // A `String` takes all that is written.
        if let Some(name) = &self.name {
            let _ = writeln!(out, "event: {name}");
        }
        if let Some(id) = &self.id {
            let _ = writeln!(out, "id: {id}");
        }
        let data = self.data.replace("\r\n", "\n").replace('\r', "\n");
        for line in data.split('\n') {
            let _ = writeln!(out, "data: {line}");
        }
        out.push('\n');
        out.into()
    }
}

/// What would begin a line of its own is left out.
fn line(mut text: String) -> String {
    text.retain(|letter| !letter.is_control());
    text
}

impl EventSender {
    /// Sends `event`, once there is room for it.
    pub async fn send(&self, event: Event) -> Result<(), NoListener> {
        self.0.send(event).await.map_err(|_| NoListener)
    }
}

impl Events {
    /// The answer to `call`: the events that `make` sends. It runs as a part of the answer, and is dropped with it.
    pub fn new<F>(call: &Call, make: impl FnOnce(EventSender) -> F) -> Events
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (sender, events) = mpsc::channel(EVENTS_WAITING_MAX);
        Events {
            env: call.env().clone(),
            making: Some(Box::pin(make(EventSender(sender)))),
            draining: Some(Box::pin(call.draining())),
            events,
            sleep: None,
        }
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(draining) = &mut self.draining
            && draining.as_mut().poll(cx).is_ready()
        {
            self.draining = None;
            self.making = None;
            self.events.close();
        }
        if let Some(making) = &mut self.making
            && making.as_mut().poll(cx).is_ready()
        {
            self.making = None;
        }
        if let Poll::Ready(event) = self.events.poll_recv(cx) {
            self.sleep = None;
            return Poll::Ready(event.map(|event| event.written()));
        }
        let env = &self.env;
        let sleep = self.sleep.get_or_insert_with(|| env.sleep(KEEP_ALIVE));
        std::task::ready!(Pin::new(sleep).poll(cx));
        self.sleep = None;
        Poll::Ready(Some(Bytes::from_static(b":\n\n")))
    }
}

impl hyper::body::Body for Events {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::convert::Infallible>>> {
        self.poll_event(cx)
            .map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

impl IntoResponse for Events {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::new(self));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // nginx and its like gather what they pass on otherwise.
        let unbuffered = HeaderName::from_static("x-accel-buffering");
        headers.insert(unbuffered, HeaderValue::from_static("no"));
        response
    }
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}
