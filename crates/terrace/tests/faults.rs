//! Faults put into direct calls are tried again, and told, like those of a network.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use terrace::{CallError, CallErrorKind, Cx, Faults, Ref};
use world::memory::World;

#[terrace::data]
struct Failure(CallError);

impl From<CallError> for Failure {
    fn from(error: CallError) -> Failure {
        Failure(error)
    }
}

/// Counts its calls.
#[terrace::component(owner = "calls-team")]
trait Counter {
    async fn count(&self, cx: &Cx) -> Result<u32, Failure>;
}

#[derive(Default)]
struct Module(AtomicU32);

impl Counter for Module {
    async fn count(&self, _: &Cx) -> Result<u32, Failure> {
        Ok(self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

struct Flaky {
    /// Faults that are left to be had before a callee runs.
    before: AtomicU32,
    after: bool,
}

fn fault() -> CallError {
    CallError::not_run(CallErrorKind::Unavailable, "injected")
}

impl Faults for Flaky {
    fn before(&self, _: &Cx, _: &str, _: &str) -> Option<CallError> {
        let left = |left: u32| left.checked_sub(1);
        let had = self.before.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left);
        had.ok().map(|_| fault())
    }

    fn after(&self, _: &Cx, _: &str, _: &str) -> Option<CallError> {
        self.after.then(fault)
    }
}

fn called(before: u32, after: bool) -> (Result<u32, Failure>, Result<u32, Failure>) {
    let world = World::new(1);
    let env = world.node("one");
    let counter: Ref<dyn Counter> = Ref::new(Module::default());
    let before = AtomicU32::new(before);
    let flaky = counter.with_faults(Arc::new(Flaky { before, after }));
    world.run(async {
        let cx = Cx::root(&env);
        (flaky.count(&cx).await, counter.count(&cx).await)
    })
}

#[test]
fn a_fault_before_the_callee_is_retried_though_the_call_is_unmarked() {
    assert_eq!(called(2, false), (Ok(1), Ok(2)));
}

#[test]
fn a_fault_after_the_callee_says_that_it_may_have_run() {
    let (answer, next) = called(0, true);
    let Err(Failure(error)) = answer else {
        panic!("{answer:?}")
    };
    assert!(!error.certainly_did_not_run(), "{error}");
    assert_eq!(next, Ok(2));
}
