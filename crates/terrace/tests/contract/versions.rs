//! Two builds of one component talk to each other as far as their shapes fit, and say so where they do not.

use terrace::{CallError, CallErrorKind, Client, Component, Cx, Ref};

use crate::placement::run;

#[terrace::data]
pub struct Failure(CallError);

impl From<CallError> for Failure {
    fn from(error: CallError) -> Failure {
        Failure(error)
    }
}

mod first {
    use super::Failure;
    use terrace::Cx;

    #[terrace::data]
    pub struct Item {
        pub name: String,
        pub count: u32,
        pub note: Option<String>,
    }

    #[terrace::component(name = "Shelf")]
    pub trait Shelf {
        #[call(idempotent)]
        async fn put(&self, cx: &Cx, item: Item, times: u32) -> Result<Item, Failure>;
    }

    pub struct Module;

    impl Shelf for Module {
        async fn put(&self, _: &Cx, item: Item, times: u32) -> Result<Item, Failure> {
            let count = item.count * times;
            Ok(Item { count, ..item })
        }
    }
}

/// An optional field more, a method more, and another order of fields and arguments.
mod second {
    use super::Failure;
    use terrace::Cx;

    #[terrace::data]
    pub struct Item {
        pub colour: Option<String>,
        pub note: Option<String>,
        pub count: u32,
        pub name: String,
    }

    #[terrace::component(name = "Shelf")]
    pub trait Shelf {
        #[call(read)]
        async fn size(&self, cx: &Cx) -> Result<u32, Failure>;
        #[call(idempotent)]
        async fn put(&self, cx: &Cx, times: u32, item: Item) -> Result<Item, Failure>;
    }

    pub struct Module;

    impl Shelf for Module {
        async fn size(&self, _: &Cx) -> Result<u32, Failure> {
            Ok(5)
        }
        async fn put(&self, _: &Cx, times: u32, item: Item) -> Result<Item, Failure> {
            let count = item.count * times;
            let colour = Some(item.colour.unwrap_or("green".to_string()));
            Ok(Item { count, colour, ..item })
        }
    }
}

/// A field that others need is gone.
mod third {
    use super::Failure;
    use terrace::Cx;

    #[terrace::data]
    pub struct Item {
        pub name: String,
        pub note: Option<String>,
    }

    #[terrace::component(name = "Shelf")]
    pub trait Shelf {
        #[call(idempotent)]
        async fn put(&self, cx: &Cx, item: Item, times: u32) -> Result<Item, Failure>;
    }

    pub struct Module;

    impl Shelf for Module {
        async fn put(&self, _: &Cx, item: Item, _: u32) -> Result<Item, Failure> {
            Ok(item)
        }
    }
}

/// The first, with its optional fields of one type swapped.
mod pairs {
    pub mod here {
        use crate::versions::Failure;
        use terrace::Cx;

        #[terrace::data]
        pub struct Pair {
            pub left: Option<u32>,
            pub right: Option<u32>,
        }

        #[terrace::component(name = "Pairs")]
        pub trait Pairs {
            #[call(read)]
            async fn left(&self, cx: &Cx, pair: Pair) -> Result<Option<u32>, Failure>;
        }
    }

    pub mod there {
        use crate::versions::Failure;
        use terrace::Cx;

        #[terrace::data]
        pub struct Pair {
            pub right: Option<u32>,
            pub left: Option<u32>,
        }

        #[terrace::component(name = "Pairs")]
        pub trait Pairs {
            #[call(read)]
            async fn left(&self, cx: &Cx, pair: Pair) -> Result<Option<u32>, Failure>;
        }

        pub struct Module;

        impl Pairs for Module {
            async fn left(&self, _: &Cx, pair: Pair) -> Result<Option<u32>, Failure> {
                Ok(pair.left)
            }
        }
    }
}

/// Serves `component` and connects to it as `C`.
async fn across<S: Component + ?Sized, C: Component + ?Sized>(component: Ref<S>) -> Result<Ref<C>, CallError> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let serving = terrace::serve(&component, listener).unwrap();
    Client::<C>::connect(serving.address()).await
}

#[test]
fn an_old_caller_reaches_a_new_callee() {
    use first::{Item, Shelf};
    run(async {
        let shelf: Ref<dyn Shelf> = across(Ref::<dyn second::Shelf>::new(second::Module)).await.unwrap();
        let item = Item {
            name: "cup".into(),
            count: 2,
            note: Some("blue".into()),
        };
        let tripled = Item {
            count: 6,
            ..item.clone()
        };
        assert_eq!(shelf.put(&Cx::for_test(), item, 3).await, Ok(tripled));
    });
}

#[test]
fn a_new_caller_reaches_an_old_callee() {
    use second::{Item, Shelf};
    run(async {
        let shelf: Ref<dyn Shelf> = across(Ref::<dyn first::Shelf>::new(first::Module)).await.unwrap();
        let (cx, item) = (
            Cx::for_test(),
            Item {
                colour: Some("red".into()),
                note: None,
                count: 2,
                name: "cup".into(),
            },
        );
        let answered = Item {
            colour: None,
            count: 6,
            ..item.clone()
        };
        for _ in 0..2 {
            let Err(Failure(error)) = shelf.size(&cx).await else {
                panic!("there is no such method")
            };
            assert_eq!(
                (error.kind(), error.certainly_did_not_run()),
                (CallErrorKind::Incompatible, true)
            );
            assert!(
                error.message().contains("`Shelf`") && error.message().contains("`size`"),
                "{error}"
            );
            assert_eq!(
                shelf.put(&cx, 3, item.clone()).await,
                Ok(answered.clone()),
                "others work"
            );
        }
    });
}

#[test]
fn a_removed_field_is_refused_at_hello_by_name() {
    run(async {
        let refused = across::<_, dyn first::Shelf>(Ref::<dyn third::Shelf>::new(third::Module)).await;
        let error = refused.unwrap_err();
        assert_eq!(
            (error.kind(), error.certainly_did_not_run()),
            (CallErrorKind::Incompatible, true)
        );
        for name in ["Shelf", "put", "count"] {
            assert!(error.message().contains(name), "{error} should name {name}");
        }
    });
}

#[test]
fn swapped_optional_fields_have_two_hashes_and_right_values() {
    use pairs::here::{Pair, Pairs};
    let hashes = (<dyn Pairs>::declared().hash, <dyn pairs::there::Pairs>::declared().hash);
    assert_ne!(hashes.0, hashes.1);
    run(async {
        let there = Ref::<dyn pairs::there::Pairs>::new(pairs::there::Module);
        let pairs: Ref<dyn Pairs> = across(there).await.unwrap();
        let pair = Pair {
            left: Some(1),
            right: Some(2),
        };
        assert_eq!(pairs.left(&Cx::for_test(), pair).await, Ok(Some(1)));
    });
}

#[test]
fn a_peer_that_serves_something_else_says_what() {
    run(async {
        let refused = across::<_, dyn pairs::here::Pairs>(Ref::<dyn third::Shelf>::new(third::Module)).await;
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), CallErrorKind::Incompatible);
        assert!(
            error.message().contains("`Pairs`") && error.message().contains("`Shelf`"),
            "{error}"
        );
    });
}
