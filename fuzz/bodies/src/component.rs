//! The component that hostile bytes reach, and its module.

use std::time::Duration;

use terrace::{CallError, Component, Cx};
use wire::Interface;

use crate::values::{Choice, Rich, Tree};

/// Its own errors.
#[terrace::data]
pub(crate) enum Fault {
    Plain,
    Rich {
        code: u32,
        why: String,
        at: Vec<Option<i64>>,
    },
    Call(CallError),
}

impl From<CallError> for Fault {
    fn from(error: CallError) -> Fault {
        Fault::Call(error)
    }
}

/// Each method is one way in which a request can go.
#[terrace::component(owner = "calls-team")]
pub(crate) trait Subject {
    /// Answers its argument.
    #[call(read)]
    async fn echo(&self, cx: &Cx, value: Rich) -> Result<Rich, Fault>;
    /// Answers its argument.
    #[call(idempotent)]
    async fn body(&self, cx: &Cx, bytes: Vec<u8>) -> Result<Vec<u8>, Fault>;
    /// Has no arguments.
    #[call(read)]
    async fn nothing(&self, cx: &Cx) -> Result<(), Fault>;
    /// May be called with fewer.
    #[call(read)]
    async fn missing(&self, cx: &Cx, key: String, text: Option<String>, tree: Option<Tree>) -> Result<bool, CallError>;
    /// Fails with its argument.
    async fn fail(&self, cx: &Cx, fault: Fault) -> Result<Choice, Fault>;
    /// Answers later.
    #[call(deadline = "40ms")]
    async fn wait(&self, cx: &Cx, wait_ms: u16) -> Result<u8, Fault>;
    /// Answers much.
    #[call(idempotent)]
    async fn large(&self, cx: &Cx, bytes: u32) -> Result<Vec<u8>, Fault>;
}

/// Bytes that `large` answers at most: more than a frame.
const LARGE_BYTES_MAX: usize = 200_000;

/// The module.
pub(crate) struct Answering;

impl Subject for Answering {
    async fn echo(&self, _: &Cx, value: Rich) -> Result<Rich, Fault> {
        Ok(value)
    }

    async fn body(&self, _: &Cx, bytes: Vec<u8>) -> Result<Vec<u8>, Fault> {
        Ok(bytes)
    }

    async fn nothing(&self, _: &Cx) -> Result<(), Fault> {
        Ok(())
    }

    async fn missing(&self, _: &Cx, _: String, text: Option<String>, tree: Option<Tree>) -> Result<bool, CallError> {
        Ok(text.is_none() && tree.is_none())
    }

    async fn fail(&self, _: &Cx, fault: Fault) -> Result<Choice, Fault> {
        Err(fault)
    }

    async fn wait(&self, cx: &Cx, wait_ms: u16) -> Result<u8, Fault> {
        cx.env().sleep(Duration::from_millis(wait_ms.into())).await;
        Ok(1)
    }

    async fn large(&self, _: &Cx, bytes: u32) -> Result<Vec<u8>, Fault> {
        Ok(vec![7; LARGE_BYTES_MAX.min(bytes as usize)])
    }
}

/// What it offers.
pub(crate) fn interface() -> &'static Interface {
    &<dyn Subject>::declared().interface
}

/// The hash of what it offers.
pub(crate) fn hash() -> u128 {
    <dyn Subject>::declared().hash
}
