//! Changes of methods, arguments and errors: real components of two builds, each calling the other over a connection. Where
//! `check` says an order, that order works and the other one fails.

use terrace::{CallError, Client, Component, Cx, Ref};
use wire::Interface;
use wire::release::Order::{CalleeFirst, CallerFirst};
use wire::release::Verdict::{self, Breaking, Ordered, Safe};
use wire::release::{Report, check};

use crate::data::{release, states};

macro_rules! build {
    ($name:ident { $($item:item)* } $error:ty { $($method:ident($($argument:ident: $of:ty),*) -> $output:ty = $answer:expr;)* }) => {
        mod $name {
            use terrace::{CallError, Cx};

            $($item)*

            #[terrace::component(name = "Shelf", owner = "shelf-team")]
            pub trait Shelf {
                $(async fn $method(&self, cx: &Cx $(, $argument: $of)*) -> Result<$output, $error>;)*
            }

            pub struct Module;

            impl Shelf for Module {
                $(async fn $method(&self, _: &Cx $(, $argument: $of)*) -> Result<$output, $error> {
                    $(let _ = $argument;)*
                    $answer
                })*
            }
        }
    };
}

build! { base {} CallError {
    put(name: String, times: u32) -> u32 = Ok(1);
    count() -> u32 = Ok(2);
} }

build! { method_added {} CallError {
    put(name: String, times: u32) -> u32 = Ok(1);
    count() -> u32 = Ok(2);
    size() -> u32 = Ok(3);
} }

build! { method_removed {} CallError {
    put(name: String, times: u32) -> u32 = Ok(1);
} }

build! { method_renamed {} CallError {
    put(name: String, times: u32) -> u32 = Ok(1);
    size() -> u32 = Ok(2);
} }

build! { optional_argument_added {} CallError {
    put(name: String, times: u32, note: Option<String>) -> u32 = Ok(1);
    count() -> u32 = Ok(2);
} }

build! { required_argument_added {} CallError {
    put(name: String, times: u32, note: String) -> u32 = Ok(1);
    count() -> u32 = Ok(2);
} }

build! { argument_removed {} CallError {
    put(name: String) -> u32 = Ok(1);
    count() -> u32 = Ok(2);
} }

build! { argument_renamed {} CallError {
    put(title: String, times: u32) -> u32 = Ok(1);
    count() -> u32 = Ok(2);
} }

build! { arguments_swapped {} CallError {
    put(times: u32, name: String) -> u32 = Ok(1);
    count() -> u32 = Ok(2);
} }

build! { result_widened {} CallError {
    put(name: String, times: u32) -> u64 = Ok(u64::MAX);
    count() -> u32 = Ok(2);
} }

build! { one_error {
    #[terrace::data]
    pub enum Failure { Call(CallError), Full }
    impl From<CallError> for Failure {
        fn from(error: CallError) -> Failure { Failure::Call(error) }
    }
} Failure {
    put(name: String) -> u32 = Err(Failure::Full);
} }

build! { two_errors {
    #[terrace::data]
    pub enum Failure { Call(CallError), Full, Broken { shelf: u32 } }
    impl From<CallError> for Failure {
        fn from(error: CallError) -> Failure { Failure::Call(error) }
    }
} Failure {
    put(name: String) -> u32 = Err(if name.is_empty() { Failure::Full } else { Failure::Broken { shelf: 7 } });
} }

/// Serves `component` and connects to it as `C`.
async fn across<S: Component + ?Sized, C: Component + ?Sized>(component: Ref<S>) -> Result<Ref<C>, CallError> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let serving = terrace::serve(&component, listener).expect("it serves");
    Client::<C>::connect(serving.address()).await
}

fn run<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future)
}

/// What `check` says where `Desk` calls the component.
fn checked(old: &Interface, new: &Interface) -> Report {
    check(&release(old, &[]), &release(new, &[]))
}

/// What becomes of an old caller with a new callee, and of a new caller with an old callee.
macro_rules! calls {
    ($old:ident, $new:ident, $old_calls:expr, $new_calls:expr) => {
        run(async {
            let old = async {
                let shelf: Ref<dyn $old::Shelf> = across(Ref::<dyn $new::Shelf>::new($new::Module)).await.ok()?;
                $old_calls(shelf).await
            };
            let new = async {
                let shelf: Ref<dyn $new::Shelf> = across(Ref::<dyn $old::Shelf>::new($old::Module)).await.ok()?;
                $new_calls(shelf).await
            };
            (old.await.is_some(), new.await.is_some())
        })
    };
}

macro_rules! change {
    ($test:ident: $new:ident, $verdict:expr, $old_calls:expr, $new_calls:expr) => {
        #[test]
        fn $test() {
            #[allow(unused_imports)]
            use self::{base::Shelf as _, $new::Shelf as _};
            let (old, new) = (<dyn base::Shelf>::declared(), <dyn $new::Shelf>::declared());
            let report = checked(&old.interface, &new.interface);
            let verdict: Verdict = $verdict;
            assert_eq!(report.verdict, verdict, "{report:?}");
            assert_eq!(calls!(base, $new, $old_calls, $new_calls), states(Some(verdict)));
        }
    };
}

fn cx() -> Cx {
    Cx::for_test()
}

change!(an_added_method_wants_its_callee_first: method_added, Ordered(CalleeFirst),
    async |shelf: Ref<dyn base::Shelf>| shelf.count(&cx()).await.ok(),
    async |shelf: Ref<dyn method_added::Shelf>| shelf.size(&cx()).await.ok());
change!(a_removed_method_wants_its_caller_first: method_removed, Ordered(CallerFirst),
    async |shelf: Ref<dyn base::Shelf>| shelf.count(&cx()).await.ok(),
    async |shelf: Ref<dyn method_removed::Shelf>| shelf.put(&cx(), "cup".into(), 1).await.ok());
change!(a_renamed_method_has_no_order: method_renamed, Breaking,
    async |shelf: Ref<dyn base::Shelf>| shelf.count(&cx()).await.ok(),
    async |shelf: Ref<dyn method_renamed::Shelf>| shelf.size(&cx()).await.ok());
change!(an_added_optional_argument_is_safe: optional_argument_added, Safe,
    async |shelf: Ref<dyn base::Shelf>| shelf.put(&cx(), "cup".into(), 1).await.ok(),
    async |shelf: Ref<dyn optional_argument_added::Shelf>| shelf.put(&cx(), "cup".into(), 1, Some("blue".into())).await.ok());
change!(an_added_required_argument_wants_its_caller_first: required_argument_added, Ordered(CallerFirst),
    async |shelf: Ref<dyn base::Shelf>| shelf.put(&cx(), "cup".into(), 1).await.ok(),
    async |shelf: Ref<dyn required_argument_added::Shelf>| shelf.put(&cx(), "cup".into(), 1, "blue".into()).await.ok());
change!(a_removed_argument_wants_its_callee_first: argument_removed, Ordered(CalleeFirst),
    async |shelf: Ref<dyn base::Shelf>| shelf.put(&cx(), "cup".into(), 1).await.ok(),
    async |shelf: Ref<dyn argument_removed::Shelf>| shelf.put(&cx(), "cup".into()).await.ok());
change!(a_renamed_argument_has_no_order: argument_renamed, Breaking,
    async |shelf: Ref<dyn base::Shelf>| shelf.put(&cx(), "cup".into(), 1).await.ok(),
    async |shelf: Ref<dyn argument_renamed::Shelf>| shelf.put(&cx(), "cup".into(), 1).await.ok());
change!(arguments_that_change_places_are_safe: arguments_swapped, Safe,
    async |shelf: Ref<dyn base::Shelf>| shelf.put(&cx(), "cup".into(), 1).await.ok(),
    async |shelf: Ref<dyn arguments_swapped::Shelf>| shelf.put(&cx(), 1, "cup".into()).await.ok());
change!(a_wider_result_wants_its_caller_first: result_widened, Ordered(CallerFirst),
    async |shelf: Ref<dyn base::Shelf>| shelf.put(&cx(), "cup".into(), 1).await.ok(),
    async |shelf: Ref<dyn result_widened::Shelf>| shelf.put(&cx(), "cup".into(), 1).await.ok());

#[test]
fn a_new_case_of_an_error_wants_its_readers_first() {
    use self::one_error::Shelf as _;
    use self::two_errors::Shelf as _;
    let (old, new) = (<dyn one_error::Shelf>::declared(), <dyn two_errors::Shelf>::declared());
    let report = checked(&old.interface, &new.interface);
    assert_eq!(report.verdict, Ordered(CallerFirst), "{report:?}");
    let why = "error field `Broken` is a case that the old release does not know";
    assert_eq!(report.changes[0].why, [why]);
    // The hello lets them talk, and all goes well until the new case comes.
    let known = calls!(
        one_error,
        two_errors,
        async |shelf: Ref<dyn one_error::Shelf>| {
            let error = shelf.put(&cx(), String::new()).await.err()?;
            (error == one_error::Failure::Full).then_some(())
        },
        async |shelf: Ref<dyn two_errors::Shelf>| {
            let error = shelf.put(&cx(), "cup".into()).await.err()?;
            (error == two_errors::Failure::Full).then_some(())
        }
    );
    assert_eq!(known, (true, true));
    let unknown = calls!(
        one_error,
        two_errors,
        async |shelf: Ref<dyn one_error::Shelf>| match shelf.put(&cx(), "cup".into()).await.err()? {
            one_error::Failure::Full => Some(()),
            one_error::Failure::Call(error) => {
                assert!(error.message().contains("Broken"), "{error}");
                None
            }
        },
        async |shelf: Ref<dyn two_errors::Shelf>| shelf.put(&cx(), "cup".into()).await.err()
    );
    assert_eq!(unknown, states(Some(report.verdict)));
}
