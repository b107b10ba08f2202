//! What ours is held against: a plain async call, which is the limit, and a boxed async trait call, which is the peer.

use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use tokio::runtime::Builder;

use crate::{BOXED, PLAIN, Side, body};

/// Stands where `Cx` stands in a component's method.
struct Caller {
    hops: u32,
}

/// Stands where a component's error stands; as large as a small one.
#[derive(Debug)]
struct Refused {
    hops: u64,
}

struct Plain {
    hops_max: u32,
}

trait Echo: Send + Sync {
    fn echo<'a>(
        &'a self,
        caller: &'a Caller,
        body: Bytes,
    ) -> Pin<Box<dyn Future<Output = Result<Bytes, Refused>> + Send + 'a>>;
}

impl Plain {
    async fn echo(&self, caller: &Caller, body: Bytes) -> Result<Bytes, Refused> {
        if caller.hops > self.hops_max {
            return Err(Refused {
                hops: u64::from(caller.hops),
            });
        }
        Ok(body)
    }
}

impl Echo for Plain {
    fn echo<'a>(
        &'a self,
        caller: &'a Caller,
        body: Bytes,
    ) -> Pin<Box<dyn Future<Output = Result<Bytes, Refused>> + Send + 'a>> {
        Box::pin(Plain::echo(self, caller, body))
    }
}

/// The plain and the boxed side, each with a runtime of its own.
pub(crate) fn sides() -> anyhow::Result<Vec<Side>> {
    let plain_runtime = Builder::new_current_thread().build()?;
    let boxed_runtime = Builder::new_current_thread().build()?;
    let plain = Plain { hops_max: 32 };
    let boxed: Arc<dyn Echo> = Arc::new(Plain { hops_max: 32 });
    Ok(vec![
        Side {
            name: PLAIN,
            calls: Box::new(move |calls| plain_runtime.block_on(plain_calls(&plain, calls))),
        },
        Side {
            name: BOXED,
            calls: Box::new(move |calls| boxed_runtime.block_on(boxed_calls(&boxed, calls))),
        },
    ])
}

async fn plain_calls(module: &Plain, calls: u64) {
    let caller = Caller { hops: 1 };
    for _ in 0..calls {
        let answer = black_box(module).echo(black_box(&caller), black_box(body())).await;
        black_box(answer.map_err(|refused| refused.hops)).ok();
    }
}

async fn boxed_calls(module: &Arc<dyn Echo>, calls: u64) {
    let caller = Caller { hops: 1 };
    for _ in 0..calls {
        // Without the black box the compiler may see which module it is, and call it directly.
        let answer = black_box(module).echo(black_box(&caller), black_box(body())).await;
        black_box(answer.map_err(|refused| refused.hops)).ok();
    }
}
