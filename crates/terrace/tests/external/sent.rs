//! What a program is sent.

use std::time::Duration;

use crate::peer::{Play, answer, ok};
use crate::scene::{MINUTE, Scene, Shop};

fn header<'r>(request: &'r str, name: &str) -> Option<&'r str> {
    let mut lines = request.lines().take_while(|line| !line.is_empty());
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[test]
fn a_call_is_a_request_of_the_face_with_everything_that_a_call_carries() {
    let scene = Scene::new(vec![ok(r#"[{"name":"tea","cents":"9007199254740993"}]"#)]);
    let cx = scene.cx(Duration::from_millis(2_500));
    let lines = scene
        .world
        .run(scene.shop.lines(&cx, "top".to_owned()))
        .expect("it answers");
    assert_eq!((lines[0].name.as_str(), lines[0].cents), ("tea", (1 << 53) + 1));
    let request = &scene.peer.requests()[0];
    assert!(request.starts_with("POST /api/Shop/lines HTTP/1.1\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\n{\"shelf\":\"top\"}"), "{request}");
    let timeout: u64 = header(request, "connect-timeout-ms")
        .expect("a deadline")
        .parse()
        .expect("a number");
    assert!((1..=2_500).contains(&timeout), "{request}");
    let key = header(request, "idempotency-key").expect("a call id");
    assert!(
        key.len() == 32 && key.bytes().all(|digit| digit.is_ascii_hexdigit()),
        "{request}"
    );
    let trace = format!("00-{:032x}-", cx.trace().trace_id);
    assert!(
        header(request, "traceparent").is_some_and(|parent| parent.starts_with(&trace)),
        "{request}"
    );
    for (name, value) in [
        ("host", "there:80"),
        ("content-type", "application/json"),
        ("connect-protocol-version", "1"),
        ("authorization", "Bearer open-sesame"),
    ] {
        assert_eq!(header(request, name), Some(value), "{request}");
    }
}

#[test]
fn calls_that_may_be_repeated_share_a_connection_and_others_get_one_of_their_own() {
    let scene = Scene::new(vec![ok("[]"), ok("null"), ok("7"), ok("[]")]);
    let cx = scene.cx(MINUTE);
    scene.world.run(async {
        scene.shop.lines(&cx, "top".to_owned()).await.expect("it answers");
        scene.shop.close(&cx).await.expect("it answers");
        assert_eq!(scene.peer.connections(), 1);
        assert_eq!(scene.shop.sell(&cx, "tea".to_owned()).await, Ok(7));
        assert_eq!(scene.peer.connections(), 2);
        scene.here.sleep(Duration::from_secs(2)).await;
        scene.shop.lines(&cx, "top".to_owned()).await.expect("it answers");
        assert_eq!(
            scene.peer.connections(),
            3,
            "what has waited too long is not used again"
        );
    });
}

#[test]
fn a_connection_that_the_program_ended_after_its_answer_costs_the_next_call_nothing() {
    let ended = Play::End(answer("200 OK", "content-type: application/json\r\n", "[]"));
    let scene = Scene::new(vec![ended.clone(), ended]);
    let cx = scene.cx(MINUTE);
    scene.world.run(async {
        for _ in 0..2 {
            scene.shop.lines(&cx, "top".to_owned()).await.expect("it answers");
            scene.here.sleep(Duration::from_millis(100)).await;
        }
    });
    assert_eq!(scene.peer.requests().len(), 2);
}
