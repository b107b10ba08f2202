//! Events, on virtual time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::response::IntoResponse as _;
use front::{Call, Event, EventSender, Events};
use http_body_util::BodyExt as _;
use world::Env;
use world::memory::World;

use crate::ask::Answer;

async fn next(body: &mut Body) -> Option<String> {
    let frame = body.frame().await?.expect("a frame");
    let bytes = frame.into_data().expect("data");
    Some(String::from_utf8(bytes.to_vec()).expect("text"))
}

fn run<F: Future<Output = ()>>(test: impl FnOnce(Env) -> F) {
    let world = World::new(1);
    let env = world.node("server");
    world.run(test(env));
}

#[test]
fn events_are_written_as_a_browser_reads_them() {
    run(async |env| {
        let events = Events::new(&Call::new(&env), async move |events: EventSender| {
            for event in [
                Event::new("one"),
                Event::new("two\nlines").named("changed").id("7"),
                Event::new("a\r\nb\rc"),
                Event::new("data: x\n\nevent: evil")
                    .named("a\nevent: evil")
                    .id("1\r\ndata: evil\0"),
                Event::new(""),
            ] {
                events.send(event).await.expect("somebody listens");
            }
        });
        let answer = Answer::of(events.into_response()).await;
        assert_eq!(answer.header("content-type"), "text/event-stream");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(
            answer.text(),
            "data: one\n\n\
             event: changed\nid: 7\ndata: two\ndata: lines\n\n\
             data: a\ndata: b\ndata: c\n\n\
             event: aevent: evil\nid: 1data: evil\ndata: data: x\ndata: \ndata: event: evil\n\n\
             data: \n\n"
        );
    });
}

#[test]
fn a_silent_stream_is_kept_alive_by_comments() {
    run(async |env| {
        let began = env.now();
        let waiting = env.clone();
        let events = Events::new(&Call::new(&env), async move |events: EventSender| {
            waiting.sleep(Duration::from_secs(40)).await;
            let _ = events.send(Event::new("late")).await;
            std::future::pending::<()>().await;
        });
        let mut body = events.into_response().into_body();
        let mut come = Vec::new();
        for _ in 0..4 {
            let said = next(&mut body).await.expect("more");
            come.push((env.now().saturating_duration_since(began).as_secs(), said));
        }
        let comment = ":\n\n".to_owned();
        let late = "data: late\n\n".to_owned();
        assert_eq!(
            come,
            [(15, comment.clone()), (30, comment.clone()), (40, late), (55, comment)]
        );
    });
}

/// Counts until it is dropped.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1_000_000, Ordering::Relaxed);
    }
}

#[test]
fn a_page_that_takes_nothing_is_waited_for_and_one_that_left_ends_the_making() {
    run(async |env| {
        let made = Arc::new(AtomicUsize::new(0));
        let counted = Counted(made.clone());
        let events = Events::new(&Call::new(&env), async move |events: EventSender| {
            while events.send(Event::new("more")).await.is_ok() {
                counted.0.fetch_add(1, Ordering::Relaxed);
            }
        });
        let mut body = events.into_response().into_body();
        for _ in 0..10 {
            next(&mut body).await.expect("more");
        }
        let so_far = made.load(Ordering::Relaxed);
        assert!((10..=27).contains(&so_far), "{so_far}");
        drop(body);
        assert!(made.load(Ordering::Relaxed) > 1_000_000);
    });
}
