//! What is known of a call that was not answered, and which calls are made again.

use std::time::Duration;

use terrace::{CallErrorKind, Client, Cx, Ref, Whereabouts};

use crate::peer::{Peer, Play, answer, ok};
use crate::scene::{MINUTE, Scene, Shop, external, failed};

fn cut() -> Play {
    Play::End(String::new())
}

#[test]
fn a_program_that_is_not_there_certainly_did_not_run() {
    let scene = Scene::new(Vec::new());
    let (cx, nobody) = (scene.cx(MINUTE), scene.world.node("nobody"));
    for url in ["http://there:81", "http://nobody:80", "http://no-such-node:80"] {
        let shop: Ref<dyn Shop> = external(&scene.here, url);
        let error = failed(scene.world.run(shop.sell(&cx, "tea".to_owned())));
        assert_eq!(error.kind(), CallErrorKind::Unavailable, "{url}");
        assert!(error.certainly_did_not_run(), "{error}");
        assert!(error.message().contains(url), "{error}");
    }
    drop(nobody);
    let nowhere = Whereabouts::nowhere("python3 shop.py", "it ended, and is started again");
    let shop: Ref<dyn Shop> = Client::external(&scene.here, nowhere);
    let error = failed(scene.world.run(shop.sell(&cx, "tea".to_owned())));
    assert!(error.certainly_did_not_run(), "{error}");
    assert_eq!(error.message(), "python3 shop.py: it ended, and is started again");
}

#[test]
fn a_connection_lost_after_the_request_leaves_an_unmarked_call_in_doubt_and_it_is_not_made_again() {
    for play in [
        cut(),
        Play::End("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n[".to_owned()),
        Play::Answer(answer("503 Service Unavailable", "", "gone")),
    ] {
        let scene = Scene::new(vec![play.clone(), ok("7")]);
        let error = failed(scene.world.run(scene.shop.sell(&scene.cx(MINUTE), "tea".to_owned())));
        assert_eq!(error.kind(), CallErrorKind::Unavailable, "{play:?}: {error}");
        assert!(!error.certainly_did_not_run(), "{play:?}: {error}");
        assert_eq!(scene.peer.requests().len(), 1, "{play:?}");
    }
}

#[test]
fn a_call_that_is_marked_is_made_again_with_the_same_key() {
    let scene = Scene::new(vec![cut(), cut(), ok("7"), cut(), ok("[]")]);
    let cx = scene.cx(MINUTE);
    scene.world.run(async {
        assert_eq!(scene.shop.sell_once(&cx, "tea".to_owned()).await, Ok(7));
        assert_eq!(scene.shop.lines(&cx, "top".to_owned()).await, Ok(Vec::new()));
    });
    let key = |request: &String| {
        let mut lines = request.lines();
        lines
            .find(|line| line.starts_with("idempotency-key: "))
            .map(str::to_owned)
    };
    let keys: Vec<_> = scene.peer.requests().iter().map(key).collect();
    assert!(
        keys[0].is_some() && keys[0] == keys[1] && keys[1] == keys[2],
        "{keys:?}"
    );
    assert_eq!(scene.peer.requests().len(), 5);
}

#[test]
fn an_unmarked_call_that_the_program_says_did_not_run_is_made_again() {
    let busy = answer(
        "503 Service Unavailable",
        "terrace-ran: no\r\ncontent-type: application/json\r\n",
        r#"{"code":"unavailable","message":"not yet"}"#,
    );
    let scene = Scene::new(vec![Play::Answer(busy), ok("7")]);
    assert_eq!(
        scene.world.run(scene.shop.sell(&scene.cx(MINUTE), "tea".to_owned())),
        Ok(7)
    );
}

#[test]
fn a_call_ends_by_its_deadline_and_the_program_sees_that_it_was_given_up() {
    let scene = Scene::new(vec![Play::Silence]);
    let limit = Duration::from_millis(300);
    let began = scene.world.now();
    let error = failed(scene.world.run(scene.shop.lines(&scene.cx(limit), "top".to_owned())));
    assert_eq!(error.kind(), CallErrorKind::DeadlineExceeded);
    assert!(!error.certainly_did_not_run());
    assert_eq!(scene.world.now() - began, limit);
    scene.world.run(scene.here.sleep(Duration::from_secs(1)));
    assert_eq!(scene.peer.given_up(), 1);
}

#[test]
fn a_program_that_crashes_is_unavailable_until_it_is_back() {
    let scene = Scene::new(vec![Play::Silence]);
    let cx = Cx::root(&scene.here).within(MINUTE);
    scene.world.run(async {
        let (shop, asked) = (scene.shop.clone(), cx.clone());
        let call = scene
            .here
            .spawn("call", async move { shop.sell(&asked, "tea".to_owned()).await });
        scene.here.sleep(Duration::from_millis(100)).await;
        scene.world.crash("there");
        let error = failed(call.await.expect("it ends"));
        assert_eq!(error.kind(), CallErrorKind::Unavailable);
        assert!(!error.certainly_did_not_run(), "{error}");
        let error = failed(scene.shop.sell(&cx, "tea".to_owned()).await);
        assert!(error.certainly_did_not_run(), "{error}");
        drop(Peer::serve(&scene.world.restart("there"), vec![ok("7")]).await);
        assert_eq!(scene.shop.sell(&cx, "tea".to_owned()).await, Ok(7));
    });
}
