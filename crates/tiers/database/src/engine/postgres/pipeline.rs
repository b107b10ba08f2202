//! Statements sent behind each other without waiting for the answer between them. A connection sends what is polled
//! first first, see `tokio_postgres`, *Pipelining*.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use tokio::sync::oneshot;

/// Both answers; `first` is sent first.
pub(super) async fn both<A, B>(first: impl Future<Output = A>, second: impl Future<Output = B>) -> (A, B) {
    let (mut first, mut second) = (pin!(first), pin!(second));
    let (mut one, mut two) = (None, None);
    poll_fn(|cx| {
        if one.is_none()
            && let Poll::Ready(done) = first.as_mut().poll(cx)
        {
            one = Some(done);
        }
        if two.is_none()
            && let Poll::Ready(done) = second.as_mut().poll(cx)
        {
            two = Some(done);
        }
        match (one.take(), two.take()) {
            (Some(one), Some(two)) => Poll::Ready((one, two)),
            (some, other) => {
                (one, two) = (some, other);
                Poll::Pending
            }
        }
    })
    .await
}

/// Both answers, but `second` is not sent where `first` failed before it was sent itself.
pub(super) async fn unless_refused<A, E, B>(
    first: impl Future<Output = Result<A, E>>,
    second: impl Future<Output = B>,
) -> (Result<A, E>, Option<B>) {
    let mut first = pin!(first);
    let begun = poll_fn(|cx| match first.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => Poll::Ready(None),
    })
    .await;
    match begun {
        Some(Err(refused)) => (Err(refused), None),
        Some(done) => (done, Some(second.await)),
        None => {
            let (first, second) = both(first, second).await;
            (first, Some(second))
        }
    }
}

/// The answer of `future`, or nothing where nobody waits at the other end of `waits` any more.
pub(super) async fn while_wanted<T, W>(waits: &mut oneshot::Sender<W>, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|cx| match waits.poll_closed(cx) {
        Poll::Ready(()) => Poll::Ready(None),
        Poll::Pending => future.as_mut().poll(cx).map(Some),
    })
    .await
}
