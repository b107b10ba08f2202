//! What stands in the parentheses of `#[terrace::component(..)]`.

#[terrace::component(owner = "")]
trait Owner {}

#[terrace::component(owner = lists, ownr = "lists-team", owner = "a", owner = "b")]
trait Owners {}

#[terrace::component(allow = "Site")]
trait Allow {}

#[terrace::component(requires = "datacenter")]
trait Near {}

#[terrace::component(requires = "perfect + byzantine(1)")]
trait Far {}

#[terrace::component(requires = "byzantine")]
trait Lies {}

#[terrace::component(name = "to do")]
trait Name {}

fn main() {}
