//! What ours is held against: a plain async call, which is the limit, and a boxed async trait call, which is the peer.
//! Both take and give the same types as the component.

use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use terrace::Cx;
use tokio::runtime::Builder;

use crate::ours::EchoError;
use crate::{BOXED, PLAIN, Side, body};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

struct Plain;

trait Echo: Send + Sync {
    fn echo<'a>(&'a self, cx: &'a Cx, body: Bytes) -> BoxFuture<'a, Result<Bytes, EchoError>>;
}

impl Plain {
    async fn echo(&self, _cx: &Cx, body: Bytes) -> Result<Bytes, EchoError> {
        Ok(body)
    }
}

impl Echo for Plain {
    fn echo<'a>(&'a self, cx: &'a Cx, body: Bytes) -> BoxFuture<'a, Result<Bytes, EchoError>> {
        Box::pin(Plain::echo(self, cx, body))
    }
}

/// The plain and the boxed side, each with a runtime of its own.
pub(crate) fn sides() -> anyhow::Result<Vec<Side>> {
    let plain_runtime = Builder::new_current_thread().build()?;
    let boxed_runtime = Builder::new_current_thread().build()?;
    let boxed: Arc<dyn Echo> = Arc::new(Plain);
    let plain_calls = move |calls| {
        let answer = plain_runtime.block_on(plain_calls(&Plain, calls));
        assert_eq!(answer, Ok(()), "a plain call failed");
    };
    let boxed_calls = move |calls| {
        let answer = boxed_runtime.block_on(boxed_calls(&boxed, calls));
        assert_eq!(answer, Ok(()), "a boxed call failed");
    };
    Ok(vec![
        Side {
            name: PLAIN,
            calls: Box::new(plain_calls),
        },
        Side {
            name: BOXED,
            calls: Box::new(boxed_calls),
        },
    ])
}

async fn plain_calls(module: &Plain, calls: u64) -> Result<(), EchoError> {
    let cx = Cx::for_test();
    for _ in 0..calls {
        black_box(black_box(module).echo(&cx, body()).await?);
    }
    Ok(())
}

async fn boxed_calls(module: &Arc<dyn Echo>, calls: u64) -> Result<(), EchoError> {
    let cx = Cx::for_test();
    for _ in 0..calls {
        // Without the black box the compiler may see which module it is, and call it directly.
        black_box(black_box(module).echo(&cx, body()).await?);
    }
    Ok(())
}
