//! A module is ordinary Rust, and so are most messages about it.

use std::cell::Cell;
use std::rc::Rc;

use terrace::{CallError, Cx};

#[terrace::component]
trait Lists {
    async fn names(&self, cx: &Cx, owner: u32) -> Result<Vec<u32>, CallError>;
    async fn count(&self, cx: &Cx) -> Result<u64, CallError>;
}

struct Incomplete;
impl Lists for Incomplete {
    async fn names(&self, _cx: &Cx, _owner: u32) -> Result<Vec<u32>, CallError> {
        Ok(Vec::new())
    }
}

struct Wrong;
impl Lists for Wrong {
    async fn names(&self, _cx: &Cx, _owner: bool) -> Result<Vec<u32>, CallError> {
        Ok(Vec::new())
    }
    async fn count(&self, _cx: &Cx) -> Result<u32, CallError> {
        Ok(0)
    }
}

struct Blocking;
impl Lists for Blocking {
    async fn names(&self, _cx: &Cx, _owner: u32) -> Result<Vec<u32>, CallError> {
        Ok(Vec::new())
    }
    fn count(&self, _cx: &Cx) -> Result<u64, CallError> {
        Ok(0)
    }
}

struct Counting(Cell<u64>);
impl Lists for Counting {
    async fn names(&self, _cx: &Cx, _owner: u32) -> Result<Vec<u32>, CallError> {
        Ok(Vec::new())
    }
    async fn count(&self, _cx: &Cx) -> Result<u64, CallError> {
        Ok(self.0.get())
    }
}

struct Local;
impl Lists for Local {
    async fn names(&self, cx: &Cx, owner: u32) -> Result<Vec<u32>, CallError> {
        let owner = Rc::new(owner);
        self.count(cx).await?;
        Ok(vec![*owner])
    }
    async fn count(&self, _cx: &Cx) -> Result<u64, CallError> {
        Ok(0)
    }
}

fn main() {}
