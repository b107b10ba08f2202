//! A signal that is given once, to all who wait and who will.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// Cheap to clone; a clone is the same signal. Those who wait are woken in the order in which they came: tokio's `watch`
/// draws that order at random, and then no two runs of a simulation are alike.
#[derive(Clone)]
pub struct Signal(Arc<Semaphore>);

impl Default for Signal {
    fn default() -> Signal {
        Signal::new()
    }
}

impl Signal {
    /// One that was not given yet.
    pub fn new() -> Signal {
        // It never has a permit: whoever waits for one waits until it is closed.
        Signal(Arc::new(Semaphore::new(0)))
    }

    /// Gives it.
    pub fn give(&self) {
        self.0.close();
    }

    /// Whether it was given.
    pub fn is_given(&self) -> bool {
        self.0.is_closed()
    }

    /// Ready once it is given; never if everybody who could give it is gone.
    pub fn given(&self) -> impl Future<Output = ()> + Send + use<> {
        let closed = self.0.clone();
        async move { drop(closed.acquire().await) }
    }
}

#[cfg(test)]
mod tests {
    use super::Signal;
    use std::pin::Pin;
    use std::sync::{Arc, Mutex};
    use std::task::{Context, Wake, Waker};

    struct Notes(usize, Arc<Mutex<Vec<usize>>>);

    impl Wake for Notes {
        fn wake(self: Arc<Self>) {
            self.1.lock().expect("nothing panics with it").push(self.0);
        }
    }

    #[test]
    fn those_who_wait_are_woken_in_the_order_in_which_they_came() {
        let (signal, woken) = (Signal::new(), Arc::new(Mutex::new(Vec::new())));
        let mut waiting: Vec<Pin<Box<dyn Future<Output = ()>>>> = Vec::new();
        for number in 0..100 {
            let mut given: Pin<Box<dyn Future<Output = ()>>> = Box::pin(signal.given());
            let waker = Waker::from(Arc::new(Notes(number, woken.clone())));
            assert!(given.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            waiting.push(given);
        }
        signal.give();
        assert_eq!(
            *woken.lock().expect("nothing panics with it"),
            (0..100).collect::<Vec<_>>()
        );
        let mut late = Box::pin(signal.given());
        let polled = late.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_ready());
    }
}
