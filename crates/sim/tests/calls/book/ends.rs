//! How the ends of nodes, handlers and calls are noticed: by what is dropped with them.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use world::{BoxFuture, Env};

use crate::book::{Book, Ended};
use crate::worker::Trouble;

/// Notes the end of its node's incarnation when it is dropped.
pub(crate) struct Booted {
    pub(super) book: Arc<Book>,
    pub(crate) number: usize,
}

impl Drop for Booted {
    fn drop(&mut self) {
        if let Some(mut state) = self.book.open() {
            state.boots[self.number].up = false;
        }
    }
}

/// Notes the end of a handler when it is dropped.
pub(crate) struct Running {
    pub(super) book: Arc<Book>,
    pub(super) env: Env,
    pub(crate) number: usize,
}

impl Running {
    pub(crate) fn answered(self, result: &Result<u64, Trouble>) {
        self.book.state().runs[self.number].answered = Some(result.clone());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let over = (self.book.world.now(), self.env.now());
        if let Some(mut state) = self.book.open() {
            state.runs[self.number].over = Some(over);
        }
    }
}

/// A call whose attempts and end are written down.
pub(crate) struct Issued<'a> {
    pub(crate) book: &'a Book,
    pub(crate) env: &'a Env,
    pub(crate) issue: usize,
    pub(crate) call: BoxFuture<'a, Result<u64, Trouble>>,
}

impl Future for Issued<'_> {
    type Output = Result<u64, Trouble>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.book.state().current = Some(self.issue);
        let polled = self.call.as_mut().poll(cx);
        let (at, clock) = (self.book.world.now(), self.env.now());
        let mut state = self.book.state();
        state.current = None;
        if let Poll::Ready(result) = &polled {
            let result = result.clone();
            state.issues[self.issue].ended = Some(Ended { at, clock, result });
        }
        polled
    }
}

impl Drop for Issued<'_> {
    fn drop(&mut self) {
        let at = self.book.world.now();
        let Some(mut state) = self.book.open() else { return };
        let issue = &mut state.issues[self.issue];
        if issue.ended.is_none() {
            issue.dropped = Some(at);
        }
    }
}
