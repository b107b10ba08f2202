//! Every trait that the macro takes: names of all kinds, default bodies, visibilities, generic and shared callers. What it
//! emits gives no warning.
#![deny(warnings, clippy::all, missing_docs, unreachable_pub)]

use std::sync::Arc;

use terrace::{CallError, Component, Cx, Ref};

/// An error.
#[terrace::data]
#[derive(thiserror::Error)]
pub enum NameError {
    /// There is nobody.
    #[error("nobody is called that")]
    Nobody,
    /// The call failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// Keeps names.
///
/// Second paragraph.
#[terrace::component(owner = "names-team", requires = "datacentre + byzantine(1)", name = "names.v2")]
pub trait Names {
    /// Arguments are called as the macro's own variables are.
    #[call(once, key = twin, deadline = "2m")]
    async fn add(
        &self,
        cx: &Cx,
        twin: u8,
        child: u8,
        digest: u8,
        arguments: u8,
        request: u8,
        method: u8,
        types: u8,
    ) -> Result<u8, NameError>;

    /// A keyword, an alias, and a type that is not optional for all its name.
    #[call(read)]
    async fn r#match(&self, cx: &Cx, r#type: Option<String>) -> Result<Vec<String>, NameError>;

    #[allow(missing_docs)]
    async fn clone(&self, _context: &Cx) -> std::result::Result<(), NameError>;

    /// A default, which calls, fails early and ends late.
    #[call(idempotent)]
    async fn into(&self, cx: &Cx, limit: u8) -> Result<u8, NameError> {
        Names::clone(self, cx).await?;
        if limit == 0 {
            return Err(NameError::Nobody);
        }
        Ok(limit)
    }
}

/// A neighbour with a method of the same name.
#[terrace::component]
pub(crate) trait Numbers {
    /// A match.
    async fn r#match(&self, cx: &Cx) -> Result<u8, CallError>;
}

mod inner {
    use terrace::{CallError, Cx};

    #[terrace::component]
    trait Private {
        async fn get(&self, cx: &Cx) -> Result<(), CallError>;
    }

    #[terrace::component]
    trait Empty {}

    struct Module;
    impl Empty for Module {}
    impl Private for Module {
        async fn get(&self, _: &Cx) -> Result<(), CallError> {
            Ok(())
        }
    }

    pub(super) async fn call(cx: &Cx) -> Result<(), CallError> {
        let _ = terrace::Ref::<dyn Empty>::new(Module);
        terrace::Ref::<dyn Private>::new(Module).get(cx).await
    }
}

/// Data may be called as the macro could call a parameter.
#[terrace::data]
pub struct M(u8);

/// A method may be old.
#[terrace::component]
pub trait Old {
    /// Still there.
    #[deprecated]
    async fn get(&self, cx: &Cx, module: M) -> Result<M, CallError>;
}

/// Terrace by another path.
mod elsewhere {
    pub(crate) use terrace::{__macro, Shape};
}

/// Data made by another path.
#[terrace::data(crate = "crate::elsewhere")]
pub struct Moved(u8);

/// A component made by another path.
#[terrace::component(crate = "crate::elsewhere")]
pub trait Mover {
    /// Moves.
    async fn get(&self, cx: &Cx, moved: Moved) -> Result<Moved, CallError>;
}

struct Five;

impl Numbers for Five {
    async fn r#match(&self, _: &Cx) -> Result<u8, CallError> {
        Ok(5)
    }
}

struct List {
    numbers: Ref<dyn Numbers>,
}

impl Names for List {
    async fn add(
        &self,
        cx: &Cx,
        twin: u8,
        child: u8,
        digest: u8,
        arguments: u8,
        request: u8,
        method: u8,
        types: u8,
    ) -> Result<u8, NameError> {
        let number = self.numbers.r#match(cx).await?;
        Ok(number + twin + child + digest + arguments + request + method + types)
    }

    async fn r#match(&self, _: &Cx, r#type: Option<String>) -> Result<Vec<String>, NameError> {
        Ok(r#type.into_iter().collect())
    }

    async fn clone(&self, _: &Cx) -> Result<(), NameError> {
        Ok(())
    }
}

fn list() -> List {
    List {
        numbers: Ref::new(Five),
    }
}

async fn add_once(names: &impl Names, cx: &Cx) -> Result<u8, NameError> {
    names.add(cx, 1, 2, 3, 4, 5, 6, 7).await
}

#[tokio::test]
async fn a_module_a_shared_module_and_a_reference_are_called_alike() {
    let cx = Cx::for_test();
    assert_eq!(add_once(&list(), &cx).await, Ok(33));
    assert_eq!(add_once(&Arc::new(list()), &cx).await, Ok(33));
    let names: Ref<dyn Names> = Ref::new(Arc::new(list()));
    // More often than once in every so many calls, so that short and careful paths both answer.
    for _ in 0..200 {
        assert_eq!(add_once(&names, &cx).await, Ok(33));
        assert_eq!(
            names.r#match(&cx, Some("a".to_string())).await,
            Ok(vec!["a".to_string()])
        );
    }
    inner::call(&cx).await.unwrap();
}

#[tokio::test]
async fn a_default_body_runs_where_a_module_has_none() {
    let cx = Cx::for_test();
    let names: Ref<dyn Names> = Ref::new(list());
    assert_eq!(Names::into(&names, &cx, 3).await, Ok(3));
    assert_eq!(Names::into(&names, &cx, 0).await, Err(NameError::Nobody));
}

#[test]
fn the_interface_says_what_the_trait_says() {
    let interface = &<dyn Names>::declared().interface;
    assert_eq!(interface.name, "names.v2");
    assert_eq!(interface.owner.as_deref(), Some("names-team"));
    assert_eq!(interface.requires.as_deref(), Some("datacentre + byzantine(1)"));
    assert_eq!(interface.doc, "Keeps names.\n\nSecond paragraph.");
    let names: Vec<&str> = interface.methods.iter().map(|method| method.name.as_str()).collect();
    assert_eq!(names, ["add", "match", "clone", "into"]);

    let add = &interface.methods[0];
    assert!(add.marks.once && !add.marks.read && !add.marks.idempotent);
    assert_eq!(
        (add.marks.key.as_deref(), add.marks.deadline_ms),
        (Some("twin"), Some(120_000))
    );
    assert_eq!(add.doc, "Arguments are called as the macro's own variables are.");
    let arguments: Vec<&str> = add.arguments.iter().map(|argument| argument.name.as_str()).collect();
    assert_eq!(
        arguments,
        ["twin", "child", "digest", "arguments", "request", "method", "types"]
    );

    let find = &interface.methods[1];
    assert!(find.marks.read && find.arguments[0].name == "type" && find.arguments[0].optional);
    assert!(interface.methods[3].marks.idempotent && !interface.methods[3].arguments[0].optional);
}
