//! A component that requires more of the world than most models give.

use sim::Scenario;
use std::time::Duration;
use terrace::{CallError, Cx};

/// Answers within a bound that not every network keeps.
#[terrace::component(requires = "synchronous")]
pub trait Prompt {
    /// Answers.
    #[call(read)]
    async fn ask(&self, cx: &Cx) -> Result<(), CallError>;
}

struct Answering;

impl Prompt for Answering {
    async fn ask(&self, _: &Cx) -> Result<(), CallError> {
        Ok(())
    }
}

/// A server that answers within the bound.
pub(crate) fn unmet() -> Scenario {
    Scenario::new("unmet", |world| async move {
        world.provide::<dyn Prompt, _, _, _>("prompt", |_| async { Answering });
        world.env().sleep(Duration::from_secs(1)).await;
    })
    .model("datacentre")
}
