//! Work that runs to its end although its call was given up: how much of it there is in this process.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

static COUNT: AtomicUsize = AtomicUsize::new(0);
static NONE_LEFT: Notify = Notify::const_new();

/// One piece of work; it ends when this is dropped.
pub(crate) struct Finishing(());

impl Finishing {
    pub(crate) fn begin() -> Finishing {
        COUNT.fetch_add(1, Ordering::Relaxed);
        Finishing(())
    }
}

impl Drop for Finishing {
    fn drop(&mut self) {
        if COUNT.fetch_sub(1, Ordering::AcqRel) == 1 {
            NONE_LEFT.notify_waiters();
        }
    }
}

/// Ready once no work of `Cx::finish` or `once` is left in this process, so that a graceful stop cuts none short. The
/// caller bounds the time.
pub async fn finished() {
    loop {
        let none_left = NONE_LEFT.notified();
        tokio::pin!(none_left);
        none_left.as_mut().enable();
        if COUNT.load(Ordering::Acquire) == 0 {
            return;
        }
        none_left.await;
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::{Finishing, finished};

    #[test]
    fn a_stop_waits_for_the_last_piece_of_work() {
        let (one, two) = (Finishing::begin(), Finishing::begin());
        let mut waits = pin!(finished());
        let mut cx = Context::from_waker(Waker::noop());
        assert_eq!(waits.as_mut().poll(&mut cx), Poll::Pending);
        drop(one);
        assert_eq!(waits.as_mut().poll(&mut cx), Poll::Pending);
        drop(two);
        assert_eq!(waits.as_mut().poll(&mut cx), Poll::Ready(()));
    }
}
