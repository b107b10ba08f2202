//! What has no shape does not cross: neither inside data, nor as an argument, a result or an error.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use terrace::{CallError, Cx};

#[derive(terrace::Shape)]
struct Shared {
    names: Arc<u32>,
    count: Mutex<u32>,
}

#[terrace::data]
enum Counted {
    Tags(HashSet<u32>),
    Sizes { size: usize },
}

struct Plain;

#[derive(Debug)]
enum Silent {}

#[terrace::component]
trait Store {
    async fn put(&self, cx: &Cx, plain: Plain) -> Result<(), CallError>;
    async fn get(&self, cx: &Cx) -> Result<Vec<Plain>, CallError>;
    async fn fail(&self, cx: &Cx) -> Result<(), Silent>;
}

#[terrace::data]
enum Deaf {
    Full,
}

#[terrace::component]
trait Queue {
    async fn push(&self, cx: &Cx) -> Result<(), Deaf>;
}

fn main() {}
