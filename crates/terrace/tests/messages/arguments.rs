//! Arguments cross: each is named and owned.

use terrace::{CallError, Cx};

struct Stream<T>(T);
struct View<'a>(&'a str);

#[terrace::component]
trait Files {
    async fn text(&self, cx: &Cx, path: &str) -> Result<(), CallError>;
    async fn list(&self, cx: &Cx, paths: &[String]) -> Result<(), CallError>;
    async fn change(&self, cx: &Cx, path: &mut String) -> Result<(), CallError>;
    async fn find(&self, cx: &Cx, path: Option<&str>) -> Result<(), CallError>;
    async fn view(&self, cx: &Cx, path: View<'_>) -> Result<(), CallError>;
    async fn any(&self, cx: &Cx, path: impl Into<String>) -> Result<(), CallError>;
    async fn same(&self, cx: &Cx, other: Self) -> Result<(), CallError>
    where
        Self: Sized;
    async fn upload(&self, cx: &Cx, parts: Stream<u8>) -> Result<(), CallError>;
    async fn pair(&self, cx: &Cx, (name, size): (String, u64)) -> Result<(), CallError>;
    async fn nameless(&self, cx: &Cx, _: String) -> Result<(), CallError>;
    async fn attribute(&self, cx: &Cx, #[allow(unused)] path: String) -> Result<(), CallError>;
    async fn late(&self, path: String, cx: &Cx) -> Result<(), CallError>;
    async fn many(
        &self,
        cx: &Cx,
        a: u8,
        b: u8,
        c: u8,
        d: u8,
        e: u8,
        f: u8,
        g: u8,
        h: u8,
        i: u8,
        j: u8,
        k: u8,
        l: u8,
        m: u8,
    ) -> Result<(), CallError>;
}

fn main() {}
