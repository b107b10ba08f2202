//! What is made of a program's answers.

use terrace::{CallError, CallErrorKind, Cx, Env, Ref};
use tokio::net::TcpListener;

use crate::peer::{Play, answer, ok};
use crate::scene::{Line, MINUTE, Scene, Shop, ShopError, external, failed};

/// What comes of one answer to `sell`, which is never made again after it.
fn sold(play: Play) -> Result<u64, ShopError> {
    let scene = Scene::new(vec![play]);
    scene.world.run(scene.shop.sell(&scene.cx(MINUTE), "tea".to_owned()))
}

fn check(play: Play, kind: CallErrorKind, told: &str) {
    let error = failed(sold(play.clone()));
    assert_eq!(error.kind(), kind, "{play:?}: {error}");
    assert!(error.message().contains(told), "{play:?}: {error}");
}

fn error(status: &str, body: &str) -> Play {
    Play::Answer(answer(status, "content-type: application/json\r\n", body))
}

#[test]
fn a_wrong_answer_names_the_method_and_the_field() {
    let lines = |json: &str| {
        let scene = Scene::new(vec![ok(json)]);
        failed(scene.world.run(scene.shop.lines(&scene.cx(MINUTE), "top".to_owned())))
    };
    for (json, told) in [
        (
            r#"[{"name":"tea","cents":1},{"name":"tin","cents":"x"}]"#,
            "at `[1].cents`: ",
        ),
        (r#"[{"name":7,"cents":1}]"#, "at `[0].name`: "),
        (r#"[{"name":"tea"}]"#, "missing field `cents`"),
        ("{}", "expected a sequence"),
        ("[", "EOF"),
        ("", "EOF"),
    ] {
        let error = lines(json);
        assert_eq!(error.kind(), CallErrorKind::Incompatible, "{json}: {error}");
        assert!(!error.certainly_did_not_run(), "{json}: {error}");
        assert!(
            error
                .message()
                .contains("the answer of `Shop.lines` at http://there:80/api cannot be read"),
            "{error}"
        );
        assert!(error.message().contains(told), "{json}: {error}");
    }
}

#[test]
fn what_is_no_answer_of_the_face_is_said_to_be_none() {
    let html = answer("200 OK", "content-type: text/html\r\n", "<p>hello</p>");
    check(
        Play::Answer(html),
        CallErrorKind::Incompatible,
        "`text/html`, not `application/json`",
    );
    let bare = answer("200 OK", "", "7");
    check(
        Play::Answer(bare),
        CallErrorKind::Incompatible,
        "is none, not `application/json`",
    );
    check(
        Play::End("SMTP ready\r\n\r\n".to_owned()),
        CallErrorKind::Unavailable,
        "there:80",
    );
    let large = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99999999\r\n\r\n";
    check(
        Play::Answer(large.to_owned()),
        CallErrorKind::Overloaded,
        "larger than 16777216 bytes",
    );
    let head = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(1 << 20));
    check(Play::End(head), CallErrorKind::Unavailable, "there:80");
}

#[test]
fn an_error_of_the_method_crosses_whole() {
    // {"Missing":{"name":"tea","left":0}}
    for value in [
        "eyJNaXNzaW5nIjp7Im5hbWUiOiJ0ZWEiLCJsZWZ0IjowfX0",
        "eyJNaXNzaW5nIjp7Im5hbWUiOiJ0ZWEiLCJsZWZ0IjowfX0=",
    ] {
        let body = format!(
            r#"{{"code":"not_found","message":"no tea","details":[{{"type":"ShopError","value":"{value}"}}]}}"#
        );
        let name = "tea".to_owned();
        assert_eq!(
            sold(error("404 Not Found", &body)),
            Err(ShopError::Missing { name, left: 0 })
        );
    }
}

#[test]
fn a_wrong_error_of_the_method_names_what_is_wrong_in_it() {
    let detail = |detail: &str| {
        let body = format!(r#"{{"code":"not_found","message":"","details":[{detail}]}}"#);
        error("404 Not Found", &body)
    };
    // {"Missing":{"name":"tea","left":"few"}}
    let value = r#"{"type":"ShopError","value":"eyJNaXNzaW5nIjp7Im5hbWUiOiJ0ZWEiLCJsZWZ0IjoiZmV3In19"}"#;
    check(detail(value), CallErrorKind::Incompatible, "at `Missing.left`: ");
    let other = r#"{"type":"StoreError","value":"e30"}"#;
    check(
        detail(other),
        CallErrorKind::Incompatible,
        "`type` `StoreError`, not `ShopError`",
    );
    let broken = r#"{"type":"ShopError","value":"{}"}"#;
    check(detail(broken), CallErrorKind::Incompatible, "no base64");
    check(
        detail(r#"{"type":"ShopError"}"#),
        CallErrorKind::Incompatible,
        "missing field `value`",
    );
}

#[test]
fn an_error_of_the_call_is_of_the_kind_that_its_code_says() {
    for (status, code, kind) in [
        ("499 Gone", "canceled", CallErrorKind::Cancelled),
        ("504 Late", "deadline_exceeded", CallErrorKind::DeadlineExceeded),
        ("403 No", "permission_denied", CallErrorKind::Denied),
        ("401 Who", "unauthenticated", CallErrorKind::Denied),
        ("429 Slow", "resource_exhausted", CallErrorKind::Overloaded),
        ("503 Away", "unavailable", CallErrorKind::Unavailable),
        ("500 Oops", "internal", CallErrorKind::Failed),
        ("500 Oops", "made_up", CallErrorKind::Failed),
        ("501 What", "unimplemented", CallErrorKind::Incompatible),
        ("400 What", "invalid_argument", CallErrorKind::Incompatible),
    ] {
        let body = format!(r#"{{"code":"{code}","message":"so it is"}}"#);
        check(error(status, &body), kind, "so it is");
    }
    check(
        Play::Answer(answer("404 Not Found", "", "<p>")),
        CallErrorKind::Incompatible,
        "status 404",
    );
    check(
        Play::Answer(answer("401 Who", "", "")),
        CallErrorKind::Denied,
        "status 401",
    );
}

struct Counter;

impl Shop for Counter {
    async fn lines(&self, _: &Cx, shelf: String) -> Result<Vec<Line>, ShopError> {
        Ok(vec![Line {
            name: shelf,
            cents: u64::MAX,
        }])
    }

    async fn sell(&self, _: &Cx, name: String) -> Result<u64, ShopError> {
        Err(ShopError::Missing { name, left: 3 })
    }

    async fn sell_once(&self, _: &Cx, _: String) -> Result<u64, ShopError> {
        panic!("a bug")
    }

    async fn close(&self, cx: &Cx) -> Result<(), ShopError> {
        assert!(cx.deadline().is_some());
        Err(ShopError::Call(CallError::not_run(CallErrorKind::Overloaded, "busy")))
    }
}

/// The two sides of the face fit.
#[tokio::test]
#[allow(
    clippy::disallowed_methods,
    reason = "a test binds the socket that it gives to `serve`"
)]
async fn a_component_of_ours_is_reached_by_its_face_as_by_frames() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let serving = terrace::serve(&Ref::<dyn Shop>::new(Counter), listener).expect("it is served");
    let env = Env::production("caller");
    let shop: Ref<dyn Shop> = external(&env, &format!("http://{}", serving.address()));
    let cx = Cx::root(&env).within(MINUTE);
    let line = Line {
        name: "top".to_owned(),
        cents: u64::MAX,
    };
    assert_eq!(shop.lines(&cx, "top".to_owned()).await, Ok(vec![line]));
    let missing = ShopError::Missing {
        name: "tea".to_owned(),
        left: 3,
    };
    assert_eq!(shop.sell(&cx, "tea".to_owned()).await, Err(missing));
    assert_eq!(
        failed(shop.sell_once(&cx, "tea".to_owned()).await).kind(),
        CallErrorKind::Failed
    );
    let error = failed(shop.close(&cx).await);
    assert_eq!((error.kind(), error.message()), (CallErrorKind::Overloaded, "busy"));
    assert!(!error.certainly_did_not_run(), "certainty belongs to one hop");
}
