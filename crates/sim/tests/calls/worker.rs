//! The component that every server serves: its methods differ in their marks alone, and do what the program says.

use std::sync::Arc;
use std::time::Duration;

use component::once::once;
use terrace::{CallError, Cx};
use world::Env;

use crate::book::Book;
use crate::caller::{Caller, Parent};
use crate::keeper::{Effect, Till};
use crate::program::Mark;

/// Does a step of the program. The `noise` is what differs when a call is made again.
#[terrace::component]
pub(crate) trait Worker {
    async fn plain(&self, cx: &Cx, step: u64, noise: u64) -> Result<u64, Trouble>;

    #[call(deadline = "400ms")]
    async fn bounded(&self, cx: &Cx, step: u64, noise: u64) -> Result<u64, Trouble>;

    #[call(read)]
    async fn read(&self, cx: &Cx, step: u64, noise: u64) -> Result<u64, Trouble>;

    #[call(read, deadline = "150ms")]
    async fn glance(&self, cx: &Cx, step: u64, noise: u64) -> Result<u64, Trouble>;

    #[call(idempotent)]
    async fn idempotent(&self, cx: &Cx, step: u64, noise: u64) -> Result<u64, Trouble>;

    #[call(once)]
    async fn once(&self, cx: &Cx, step: u64, noise: u64) -> Result<u64, Trouble>;
}

/// Why there is no answer.
#[terrace::data]
#[derive(Clone, PartialEq)]
pub(crate) enum Trouble {
    /// The handler, whose run this is, says no.
    Refused(u64),
    /// A call of the handler failed.
    Below(u64, CallError),
    /// The call failed.
    Call(CallError),
}

impl From<CallError> for Trouble {
    fn from(error: CallError) -> Trouble {
        Trouble::Call(error)
    }
}

pub(crate) struct Module {
    pub(crate) caller: Caller,
    pub(crate) till: Arc<Till>,
}

impl Module {
    fn book(&self) -> &Arc<Book> {
        &self.caller.book
    }

    async fn work(&self, cx: &Cx, step: u64, mark: Mark) -> Result<u64, Trouble> {
        let running = self.book().run(self.caller.boot, cx, step as usize, mark);
        let result = self.steps(cx, step as usize, running.number).await;
        running.answered(&result);
        result
    }

    async fn steps(&self, cx: &Cx, step: usize, run: usize) -> Result<u64, Trouble> {
        let step = &self.book().program.steps[step];
        let number = run as u64;
        wait(cx.env(), step.wait_ms[0]).await;
        if step.endless {
            std::future::pending::<()>().await;
        }
        for group in &step.groups {
            let failed = self.caller.group(cx, Parent::Run(run), group, false).await;
            match failed {
                Some(Trouble::Call(error)) if step.strict => return Err(Trouble::Below(number, error)),
                Some(_) if step.strict => return Err(Trouble::Refused(number)),
                _ => {}
            }
        }
        wait(cx.env(), step.wait_ms[1]).await;
        if step.refuses {
            return Err(Trouble::Refused(number));
        }
        if step.mark != Mark::Once {
            return Ok(number);
        }
        let answer = self.effect(cx, run).await.map_err(|trouble| match trouble {
            Trouble::Call(error) => Trouble::Below(number, error),
            other => other,
        })?;
        self.book().state().runs[run].recorded = answer != number;
        Ok(answer)
    }

    async fn effect(&self, cx: &Cx, run: usize) -> Result<u64, Trouble> {
        let (till, env, id) = (self.till.clone(), cx.env().clone(), cx.call_id());
        let running = Effect::begins(self.book());
        let effect = move || async move {
            wait(&env, 3).await;
            till.prepare(id, run);
            wait(&env, 3).await;
            drop(running);
            Ok(run as u64)
        };
        once(self.till.clone(), cx, "effect", effect).await
    }
}

async fn wait(env: &Env, wait_ms: u64) {
    if wait_ms > 0 {
        env.sleep(Duration::from_millis(wait_ms)).await;
    }
}

impl Worker for Module {
    async fn plain(&self, cx: &Cx, step: u64, _: u64) -> Result<u64, Trouble> {
        self.work(cx, step, Mark::Plain).await
    }

    async fn bounded(&self, cx: &Cx, step: u64, _: u64) -> Result<u64, Trouble> {
        self.work(cx, step, Mark::Bounded).await
    }

    async fn read(&self, cx: &Cx, step: u64, _: u64) -> Result<u64, Trouble> {
        self.work(cx, step, Mark::Read).await
    }

    async fn glance(&self, cx: &Cx, step: u64, _: u64) -> Result<u64, Trouble> {
        self.work(cx, step, Mark::Glance).await
    }

    async fn idempotent(&self, cx: &Cx, step: u64, _: u64) -> Result<u64, Trouble> {
        self.work(cx, step, Mark::Idempotent).await
    }

    async fn once(&self, cx: &Cx, step: u64, _: u64) -> Result<u64, Trouble> {
        self.work(cx, step, Mark::Once).await
    }
}
