//! Ours: the same call through `Ref<dyn Echo>`, everything on. The calls are made as a component makes them: from a
//! handler, whose request has a deadline that somebody has armed.

use bytes::Bytes;
use terrace::{CallError, Cx, Ref};
use terrace_bench::report::Goal;

use crate::{Side, body};

const READ: &str = "`read` call";
const UNMARKED: &str = "unmarked call, which has an id";
const ONCE: &str = "`once` call, which derives an id";

const FIRST: &str = "`read` call by whoever began the request";

/// Each case, which is also the name of its side, and how far above a boxed call it may be.
pub(crate) const CASES: [(&str, Option<Goal>); 4] = [
    (READ, Some(Goal::AtMost(1.3))),
    (UNMARKED, Some(Goal::AtMost(2.2))),
    (ONCE, Some(Goal::AtMost(2.2))),
    (FIRST, None),
];

/// One allocation; the sampled calls (1 in 64) may make one more.
pub(crate) const ALLOCATIONS: Goal = Goal::AtMost(1.02);

/// The error of both components.
#[terrace::data]
pub(crate) enum EchoError {
    /// The call failed.
    Call(CallError),
}

impl From<CallError> for EchoError {
    fn from(error: CallError) -> EchoError {
        EchoError::Call(error)
    }
}

/// Answers what it is given.
#[terrace::component]
pub(crate) trait Echo {
    #[call(read)]
    async fn read(&self, cx: &Cx, body: Bytes) -> Result<Bytes, EchoError>;
    async fn unmarked(&self, cx: &Cx, body: Bytes) -> Result<Bytes, EchoError>;
    #[call(once)]
    async fn once(&self, cx: &Cx, body: Bytes) -> Result<Bytes, EchoError>;
}

struct Plain;

impl Echo for Plain {
    async fn read(&self, _cx: &Cx, body: Bytes) -> Result<Bytes, EchoError> {
        Ok(body)
    }

    async fn unmarked(&self, _cx: &Cx, body: Bytes) -> Result<Bytes, EchoError> {
        Ok(body)
    }

    async fn once(&self, _cx: &Cx, body: Bytes) -> Result<Bytes, EchoError> {
        Ok(body)
    }
}

/// Makes the calls.
#[terrace::component]
pub(crate) trait Driver {
    async fn read(&self, cx: &Cx, calls: u64) -> Result<(), EchoError>;
    async fn unmarked(&self, cx: &Cx, calls: u64) -> Result<(), EchoError>;
    async fn once(&self, cx: &Cx, calls: u64) -> Result<(), EchoError>;
}

struct Loop {
    echo: Ref<dyn Echo>,
}

impl Driver for Loop {
    async fn read(&self, cx: &Cx, calls: u64) -> Result<(), EchoError> {
        for _ in 0..calls {
            std::hint::black_box(self.echo.read(cx, body()).await?);
        }
        Ok(())
    }

    async fn unmarked(&self, cx: &Cx, calls: u64) -> Result<(), EchoError> {
        for _ in 0..calls {
            std::hint::black_box(self.echo.unmarked(cx, body()).await?);
        }
        Ok(())
    }

    async fn once(&self, cx: &Cx, calls: u64) -> Result<(), EchoError> {
        for _ in 0..calls {
            std::hint::black_box(self.echo.once(cx, body()).await?);
        }
        Ok(())
    }
}

/// One side for each case.
pub(crate) fn sides() -> anyhow::Result<Vec<Side>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let runtime = std::rc::Rc::new(runtime);
    let echo: Ref<dyn Echo> = Ref::new(Plain);
    let driver: Ref<dyn Driver> = Ref::new(Loop { echo: echo.clone() });
    let side = |name, method: Method| {
        let (runtime, driver, echo) = (runtime.clone(), driver.clone(), echo.clone());
        let calls = move |calls| {
            let answer = runtime.block_on(async {
                let cx = Cx::for_test();
                match method {
                    Method::Read => driver.read(&cx, calls).await,
                    Method::Unmarked => driver.unmarked(&cx, calls).await,
                    Method::Once => driver.once(&cx, calls).await,
                    Method::First => Loop { echo: echo.clone() }.read(&cx, calls).await,
                }
            });
            assert_eq!(answer, Ok(()), "the calls of `{name}` failed");
        };
        Side {
            name,
            calls: Box::new(calls),
        }
    };
    Ok(vec![
        side(READ, Method::Read),
        side(UNMARKED, Method::Unmarked),
        side(ONCE, Method::Once),
        side(FIRST, Method::First),
    ])
}

#[derive(Clone, Copy)]
enum Method {
    Read,
    Unmarked,
    Once,
    /// A root's context has a deadline that nobody watches yet, so the call takes the careful path.
    First,
}
