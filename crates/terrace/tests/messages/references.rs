//! A `Ref` is to a component, and holds one of its modules.

use terrace::{CallError, Cx, Ref};

#[terrace::component]
trait Lists {
    async fn count(&self, cx: &Cx) -> Result<u64, CallError>;
}

trait Plain {}

struct NotAModule;

struct Holder {
    plain: Ref<dyn Plain>,
}

fn hold() {
    let _: Ref<dyn Lists> = Ref::new(NotAModule);
}

async fn unnamed(cx: &Cx, lists: &dyn Lists) -> Result<u64, CallError> {
    lists.count(cx).await
}

fn main() {}
