//! A method is `async fn name(&self, cx: &Cx, ..) -> Result<T, E>`.

use terrace::{CallError, Cx};

struct Stream<T>(T);
type Answer<T> = std::result::Result<T, CallError>;
mod io {
    pub type Result<T> = std::result::Result<T, terrace::CallError>;
}

#[terrace::component]
trait Counters {
    const LIMIT: u32;
    type Count;
    async fn free(cx: &Cx) -> Result<(), CallError>;
    async fn exclusive(&mut self, cx: &Cx) -> Result<(), CallError>;
    async fn consuming(self, cx: &Cx) -> Result<(), CallError>
    where
        Self: Sized;
    async fn boxed(self: Box<Self>, cx: &Cx) -> Result<(), CallError>;
    async fn alone(&self) -> Result<(), CallError>;
    async fn owning(&self, cx: Cx) -> Result<(), CallError>;
    async fn changing(&self, cx: &mut Cx) -> Result<(), CallError>;
    fn blocking(&self, cx: &Cx) -> Result<(), CallError>;
    async unsafe fn dangerous(&self, cx: &Cx) -> Result<(), CallError>;
    async extern "C" fn foreign(&self, cx: &Cx) -> Result<(), CallError>;
    async fn generic<T>(&self, cx: &Cx, value: T) -> Result<(), CallError>;
    async fn lifetime<'a>(&self, cx: &Cx) -> Result<(), CallError>;
    async fn bounded(&self, cx: &Cx) -> Result<(), CallError>
    where
        String: Clone;
    #[cfg(test)]
    async fn sometimes(&self, cx: &Cx) -> Result<(), CallError>;
    async fn nothing(&self, cx: &Cx);
    async fn bare(&self, cx: &Cx) -> u64;
    async fn alias(&self, cx: &Cx) -> Answer<u64>;
    async fn input(&self, cx: &Cx) -> io::Result<u64>;
    async fn streaming(&self, cx: &Cx) -> Result<Stream<u64>, CallError>;
    async fn flowing(&self, cx: &Cx) -> Stream<u64>;
    async fn borrowing(&self, cx: &Cx) -> Result<&str, CallError>;
}

fn main() {}
