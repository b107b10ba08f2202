//! Modules that run by themselves, beside the calls they answer.

use std::sync::Arc;

use component::Cx;
use world::BoxFuture;

/// A module that runs by itself from the time when everything is open until the application stops.
pub trait Background: Send + Sync + 'static {
    /// Runs. The context has no deadline; it is cancelled when the application stops: wait for `cx.stopped()` beside
    /// whatever else is waited for, and return. Who has not returned within [`STOP_MAX`](crate::limits::STOP_MAX) is
    /// dropped at its next await.
    fn run(&self, cx: Cx) -> impl Future<Output = ()> + Send;
}

/// What starts one background module.
pub(crate) type Starter = Box<dyn FnOnce(Cx) -> BoxFuture<'static, ()> + Send>;

pub(crate) fn starter<M: Background>(module: Arc<M>) -> Starter {
    Box::new(move |cx| Box::pin(async move { module.run(cx).await }))
}
