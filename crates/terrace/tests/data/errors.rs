//! What errors are beside data: they have codes, and the `CallError`s in them lose what belongs to one hop.

use terrace::{CallError, CallErrorKind, ErrorCode, Shape};

use crate::known::Page;

#[terrace::data]
#[derive(thiserror::Error)]
enum StoreError {
    #[error("there is no list `{0}`")]
    #[error(code = "not_found")]
    NoList(String),
    #[error(code = "resource_exhausted")]
    #[error("{count} of {count} places are taken")]
    Full { count: u32 },
    #[error("it is closed")]
    Closed,
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("in a list: {first}")]
    Deep {
        first: CallError,
        all: Vec<Option<CallError>>,
    },
    #[error("inside: {0}")]
    Inside(Box<StoreError>),
}

/// A field that only serde can write may be of a type that has no shape.
#[terrace::data]
struct Report {
    #[serde(skip)]
    local: Option<std::sync::Arc<u8>>,
    error: CallError,
}

#[terrace::data]
#[derive(thiserror::Error)]
#[error("gone")]
#[error(code = "data_loss")]
struct Gone;

fn not_run() -> CallError {
    CallError::not_run(CallErrorKind::Denied, "no")
}

#[test]
fn a_case_has_the_code_that_it_says_or_that_of_what_it_holds() {
    let check = |error: StoreError, code: ErrorCode| assert_eq!(error.code(), code, "{error}");
    check(StoreError::NoList("a".to_string()), ErrorCode::NotFound);
    check(StoreError::Full { count: 3 }, ErrorCode::ResourceExhausted);
    check(StoreError::Closed, ErrorCode::FailedPrecondition);
    check(StoreError::Call(not_run()), ErrorCode::PermissionDenied);
    check(
        StoreError::Inside(Box::new(StoreError::Closed)),
        ErrorCode::FailedPrecondition,
    );
    check(
        StoreError::Inside(Box::new(StoreError::Full { count: 1 })),
        ErrorCode::ResourceExhausted,
    );
    assert_eq!(Gone.code(), ErrorCode::DataLoss);
    assert_eq!(StoreError::Full { count: 3 }.to_string(), "3 of 3 places are taken");
}

#[test]
fn what_crosses_no_longer_knows_that_its_callee_did_not_run() {
    let mut error = StoreError::Inside(Box::new(StoreError::Deep {
        first: not_run(),
        all: vec![None, Some(not_run())],
    }));
    error.crossed();
    let StoreError::Inside(inner) = error else {
        panic!("{error}")
    };
    let StoreError::Deep { first, all } = *inner else {
        panic!("{inner}")
    };
    assert!(!first.certainly_did_not_run());
    assert!(all.iter().flatten().all(|error| !error.certainly_did_not_run()));

    let mut page = Page {
        items: vec![not_run()],
        next: Some(not_run()),
    };
    page.crossed();
    assert!(!page.items[0].certainly_did_not_run() && !page.next.unwrap().certainly_did_not_run());

    let mut report = Report {
        local: None,
        error: not_run(),
    };
    report.crossed();
    assert!(
        !report.error.certainly_did_not_run(),
        "an opaque shape hides nothing from it"
    );
}
