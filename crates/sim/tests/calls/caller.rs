//! Makes the calls of a program, from a client or a handler, and writes each down.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use component::limits::DEADLINE_DEFAULT;
use terrace::{Cx, Ref};
use world::{BoxFuture, Env, Instant};

use crate::book::{Book, Issue, Issued};
use crate::program::{Call, Group, Mark};
use crate::scenario::server_name;
use crate::worker::{Trouble, Worker};

/// One incarnation of a node, with a way to each server.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) book: Arc<Book>,
    pub(crate) env: Env,
    pub(crate) boot: usize,
    workers: Vec<Ref<dyn Worker>>,
}

/// Who makes a call.
#[derive(Clone, Copy)]
pub(crate) enum Parent {
    /// A root, by its number.
    Root(u64),
    /// A handler, by its run.
    Run(usize),
}

impl Caller {
    /// `env` has a tap on its transport.
    pub(crate) fn new(book: &Arc<Book>, env: &Env, boot: usize) -> Caller {
        let servers = 0..book.program.servers;
        Caller {
            book: book.clone(),
            env: env.clone(),
            boot,
            workers: servers
                .map(|server| sim::reference(env, &server_name(server)))
                .collect(),
        }
    }

    /// The number of another root.
    pub(crate) fn root(&self) -> Parent {
        let mut state = self.book.state();
        state.requests += 1;
        Parent::Root(state.requests)
    }

    /// Makes the calls of a group; the first trouble, if there was one.
    pub(crate) async fn group(&self, cx: &Cx, parent: Parent, group: &Group, last: bool) -> Option<Trouble> {
        let calls = group.calls.iter().flat_map(|call| {
            let copies = if call.twice { 2 } else { 1 };
            (0..copies).map(move |copy| (call, copy))
        });
        let futures = calls.map(|(call, copy)| {
            Box::pin(self.call(cx, parent, call, copy, last)) as BoxFuture<'_, Result<u64, Trouble>>
        });
        if group.together {
            return all(futures.collect()).await;
        }
        let mut trouble = None;
        for future in futures {
            trouble = trouble.or(future.await.err());
        }
        trouble
    }

    async fn call(&self, cx: &Cx, parent: Parent, call: &Call, copy: u8, last: bool) -> Result<u64, Trouble> {
        let (mut own, mut noise) = (None, 0);
        if call.named {
            noise = self.env.random("noise").u64();
            own = Some(cx.named("step", &(call.step as u64, copy)));
        }
        if let Some(within_ms) = call.within_ms {
            own = Some(own.as_ref().unwrap_or(cx).within(Duration::from_millis(within_ms)));
        }
        let canceller = call.cancel_ms.map(|cancel_ms| {
            let (cancellable, canceller) = own.as_ref().unwrap_or(cx).cancellable();
            own = Some(cancellable);
            (cancel_ms, canceller)
        });
        let used = own.as_ref().unwrap_or(cx);
        let issue = self.issue(cx, used, parent, call, copy, last);
        if let Some((cancel_ms, canceller)) = canceller {
            let (book, env) = (self.book.clone(), self.env.clone());
            let calling_off = async move {
                env.sleep(Duration::from_millis(cancel_ms)).await;
                book.cancelled(issue, env.now());
                canceller.cancel();
            };
            drop(self.env.spawn("canceller", calling_off));
        }
        let future = self.future(used, call.step, noise);
        Issued {
            book: &self.book,
            env: &self.env,
            issue,
            call: future,
        }
        .await
    }

    fn issue(&self, cx: &Cx, used: &Cx, parent: Parent, call: &Call, copy: u8, last: bool) -> usize {
        let step = &self.book.program.steps[call.step];
        let now = self.env.now();
        let (mut path, run, reading) = match parent {
            Parent::Root(number) => (vec![(number, 0)], None, false),
            Parent::Run(run) => {
                let state = self.book.state();
                let of_run = &state.issues[state.starts[state.runs[run].start].issue];
                (of_run.path.clone(), Some(run), of_run.reading || of_run.mark.reads())
            }
        };
        path.push((call.step as u64, copy));
        self.book.issue(Issue {
            boot: self.boot,
            path,
            step: call.step,
            mark: step.mark,
            reading,
            named: call.named,
            parent: run,
            parent_id: cx.call_id().0,
            server: step.server,
            at: self.book.world.now(),
            deadline: deadline(used, step.mark, now),
            cancelled: None,
            ended: None,
            dropped: None,
            last,
        })
    }

    fn future<'a>(&'a self, cx: &'a Cx, step: usize, noise: u64) -> BoxFuture<'a, Result<u64, Trouble>> {
        let number = step as u64;
        let step = &self.book.program.steps[step];
        let worker = &self.workers[step.server];
        match step.mark {
            Mark::Plain => Box::pin(worker.plain(cx, number, noise)),
            Mark::Bounded => Box::pin(worker.bounded(cx, number, noise)),
            Mark::Read => Box::pin(worker.read(cx, number, noise)),
            Mark::Glance => Box::pin(worker.glance(cx, number, noise)),
            Mark::Idempotent => Box::pin(worker.idempotent(cx, number, noise)),
            Mark::Once => Box::pin(worker.once(cx, number, noise)),
        }
    }
}

/// When a call with this context and mark has to end.
fn deadline(cx: &Cx, mark: Mark, now: Instant) -> Instant {
    let of_request = cx.deadline().unwrap_or(now + DEADLINE_DEFAULT);
    let of_mark = mark.bound_ms().map(|bound| now + Duration::from_millis(bound));
    of_mark.map_or(of_request, |of_mark| of_mark.min(of_request))
}

/// Waits for all of them, polling them in order.
async fn all(futures: Vec<BoxFuture<'_, Result<u64, Trouble>>>) -> Option<Trouble> {
    let mut futures: Vec<Option<_>> = futures.into_iter().map(Some).collect();
    let mut trouble = None;
    poll_fn(|cx| {
        for slot in &mut futures {
            let Some(future) = slot else { continue };
            if let Poll::Ready(result) = future.as_mut().poll(cx) {
                *slot = None;
                trouble = trouble.take().or(result.err());
            }
        }
        match futures.iter().all(Option::is_none) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    trouble
}
