//! What the macro makes of a trait: a tag that can be named, adapters, and the interface as data.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use wire::{CallError, Interface, Shape};
use xxhash_rust::xxh3::xxh3_128;

use crate::remote::Channel;
use crate::server::Server;

/// A trait that `#[terrace::component]` has made a component; its tag is `dyn Trait`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a component",
    label = "not a component",
    note = "put `#[terrace::component]` on the trait and name it as `dyn Trait`"
)]
pub trait Component {
    /// The trait with boxed futures, which a `Ref` holds.
    #[doc(hidden)]
    type Twin: ?Sized + Send + Sync + 'static;

    /// The interface as data, made once.
    fn declared() -> &'static Declared;

    /// The client adapter: the trait over a channel.
    #[doc(hidden)]
    fn client(channel: Channel) -> Arc<Self::Twin>;

    /// The server adapter: requests into calls of the twin.
    #[doc(hidden)]
    fn server(twin: Arc<Self::Twin>) -> Arc<dyn Server>;
}

/// Says that `M` is a module of this component. The macro implements it for every `M` that implements the trait.
#[diagnostic::on_unimplemented(
    message = "`{M}` is not a module of this component: it does not implement its trait",
    label = "does not implement the component's trait"
)]
pub trait Holds<M>: Component {
    /// The direct adapter around `module`.
    #[doc(hidden)]
    fn hold(module: M) -> Arc<Self::Twin>;
}

/// The direct adapter: calls the module's own methods and puts their futures into a box.
#[doc(hidden)]
pub struct Direct<M>(pub M);

/// An argument or a result of a method: owned data that serde writes and reads and whose shape is known.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot cross between components",
    label = "cannot cross",
    note = "put `#[terrace::data]` on the type, or wrap a type of another crate in `terrace::Foreign<..>`"
)]
pub trait Data: Shape + Serialize + DeserializeOwned + Send {}

impl<T: Shape + Serialize + DeserializeOwned + Send> Data for T {}

/// Able to say that the call itself failed. A trait of its own, since its absence is worth a sentence.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a component's method: it has no `From<CallError>`",
    label = "has no `From<CallError>`",
    note = "implement `From<terrace::CallError>` for it, so that a caller learns when the call itself failed"
)]
pub trait FromCallError: From<CallError> {}

impl<T: From<CallError>> FromCallError for T {}

/// The error of a method: data, and able to say that the call itself failed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a component's method",
    label = "cannot be a method's error",
    note = "put `#[terrace::data]` on it and implement `From<terrace::CallError>`, so that a caller learns when the call itself failed"
)]
pub trait Failure: FromCallError + Data {}

impl<T: FromCallError + Data> Failure for T {}

/// An interface, and what follows from it for each method.
#[derive(Debug)]
pub struct Declared {
    /// The interface as data.
    pub interface: Interface,
    /// The hash of its shape.
    pub hash: u128,
    /// What follows for each method, in the interface's order.
    pub methods: Vec<MethodFacts>,
}

/// What calls need to know of a method.
#[derive(Clone, Debug)]
pub struct MethodFacts {
    /// Component and method as one number, which enters call ids.
    pub key: u128,
    /// Whether every argument and result has a shape that the positional codec can carry.
    pub positional: bool,
    /// Whether a `CallError` may be among the arguments.
    pub arguments_hold_call_error: bool,
    /// Whether a `CallError` may be in a result that is not an error.
    pub output_holds_call_error: bool,
    /// The bound of the mark `deadline`.
    pub deadline: Option<Duration>,
    /// Whether it may be called again when a try may have run: `read`, `idempotent` or `once`.
    pub repeatable: bool,
    /// Whether it is marked `once`.
    pub once: bool,
    /// Whether it is marked `read`.
    pub read: bool,
}

impl Declared {
    /// What follows from `interface`.
    pub fn new(interface: Interface) -> Declared {
        let methods = (0..interface.methods.len())
            .map(|index| MethodFacts::new(&interface, index))
            .collect();
        Declared {
            hash: interface.hash(),
            interface,
            methods,
        }
    }

    /// The component's name on the wire.
    pub fn name(&self) -> &str {
        &self.interface.name
    }
}

impl MethodFacts {
    fn new(interface: &Interface, index: usize) -> MethodFacts {
        let method = &interface.methods[index];
        let marks = &method.marks;
        let holds = |type_ref| wire::shape::reach::holds_call_error(&interface.types, type_ref);
        MethodFacts {
            key: xxh3_128(format!("{}/{}", interface.name, method.name).as_bytes()),
            positional: interface.opaque(method).is_none(),
            arguments_hold_call_error: method.arguments.iter().any(|argument| holds(&argument.type_ref)),
            output_holds_call_error: holds(&method.output),
            deadline: marks.deadline_ms.map(Duration::from_millis),
            repeatable: marks.read || marks.idempotent || marks.once,
            once: marks.once,
            read: marks.read,
        }
    }

    /// Whether a direct call may take the short path: nothing has to be looked at before or after it.
    pub(crate) fn is_plain(&self) -> bool {
        self.deadline.is_none() && !self.arguments_hold_call_error && !self.output_holds_call_error
    }
}
