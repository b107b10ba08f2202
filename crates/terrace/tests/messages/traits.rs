//! A component is one trait with one name.

use terrace::{CallError, Cx};

#[terrace::component]
trait Generic<T>
where
    T: Send,
{
    async fn get(&self, cx: &Cx) -> Result<T, CallError>;
}

#[terrace::component]
trait Above: Clone + Send {
    async fn get(&self, cx: &Cx) -> Result<(), CallError>;
}

#[terrace::component]
unsafe trait Unsafe {
    async fn get(&self, cx: &Cx) -> Result<(), CallError>;
}

#[terrace::component]
struct Module;

fn main() {}
