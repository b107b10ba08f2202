//! Slow, dead and lying peers, on virtual time: every call ends within its deadline plus 50 ms, and one bad connection
//! hurts no other call.

use std::io::IoSlice;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use component::Channel;
use terrace::{Address, CallError, CallErrorKind, CallId, Component, Cx, Env, Ref, Root, Token};
use wire::frame::{Header, HelloFrame, Kind, put};
use wire::{Hello, Tcp};
use world::Stream;
use world::memory::World;

#[terrace::data]
pub struct Failure(CallError);

impl From<CallError> for Failure {
    fn from(error: CallError) -> Failure {
        Failure(error)
    }
}

/// Takes its time.
#[terrace::component(owner = "calls-team")]
pub trait Slow {
    /// Answers after `millis`.
    async fn wait(&self, cx: &Cx, millis: u64) -> Result<u64, Failure>;
    /// The same, and may be repeated.
    #[call(idempotent)]
    async fn wait_repeatably(&self, cx: &Cx, millis: u64) -> Result<u64, Failure>;
}

/// Which calls have begun: their ids, and how often they were attempted before.
type Begun = Arc<Mutex<Vec<(CallId, u8)>>>;

struct Module(Begun);

impl Slow for Module {
    async fn wait(&self, cx: &Cx, millis: u64) -> Result<u64, Failure> {
        self.0.lock().unwrap().push((cx.call_id(), cx.attempt()));
        cx.env().sleep(Duration::from_millis(millis)).await;
        Ok(millis)
    }

    async fn wait_repeatably(&self, cx: &Cx, millis: u64) -> Result<u64, Failure> {
        self.wait(cx, millis).await
    }
}

const DEADLINES_MS: [u64; 4] = [100, 1_000, 7_000, 40_000];
const FOR_EVER_MS: u64 = 1_000_000;

/// A caller and a callee.
struct Scene {
    world: World,
    here: Env,
    there: Env,
    begun: Begun,
}

impl Scene {
    fn new() -> Scene {
        let world = World::new(7);
        let node = |name: &str| world.node(name).with_transport(tcp());
        let (here, there) = (node("here"), node("there"));
        Scene {
            here,
            there,
            begun: Begun::default(),
            world,
        }
    }

    async fn serve(&self, env: &Env) {
        let listener = env.network().listen(&Address::new("localhost:1")).await.unwrap();
        let slow: Ref<dyn Slow> = Ref::new(Module(self.begun.clone()));
        let served = slow.served().into_iter().collect();
        drop(terrace::serve_with(env, served, listener, Some(token())).unwrap());
    }

    fn slow(&self) -> Ref<dyn Slow> {
        let declared = <dyn Slow>::declared();
        let channel = Channel::new(&self.here, Address::new("there:1"), declared, wire::Limits::default());
        Ref::remote("caller", channel)
    }

    /// Calls for ever with each deadline, both a method that may be repeated and one that may not, while `fate` happens.
    async fn every_call_ends_in_time(&self, slow: &Ref<dyn Slow>, fate: impl AsyncFnOnce()) {
        let mut calls = Vec::new();
        for deadline_ms in DEADLINES_MS {
            for is_repeatable in [false, true] {
                let (slow, here, world) = (slow.clone(), self.here.clone(), self.here.clone());
                calls.push(self.here.spawn("call", async move {
                    let began = world.now();
                    let cx = Cx::root(&here).within(Duration::from_millis(deadline_ms));
                    let answer = match is_repeatable {
                        true => slow.wait_repeatably(&cx, FOR_EVER_MS).await,
                        false => slow.wait(&cx, FOR_EVER_MS).await,
                    };
                    (deadline_ms, answer, world.now().saturating_duration_since(began))
                }));
            }
        }
        fate().await;
        for call in calls {
            let (deadline_ms, answer, took) = call.await.unwrap();
            let Err(Failure(error)) = answer else {
                panic!("nobody answers")
            };
            let kinds = [CallErrorKind::DeadlineExceeded, CallErrorKind::Unavailable];
            assert!(kinds.contains(&error.kind()), "{error}");
            assert!(
                took <= Duration::from_millis(deadline_ms + 50),
                "{deadline_ms} ms took {took:?}: {error}"
            );
        }
    }
}

fn token() -> Token {
    Token::new("deployment").unwrap()
}

fn tcp() -> Arc<Tcp> {
    Arc::new(Tcp {
        token: Some(token()),
        face: None,
    })
}

async fn write(stream: &dyn Stream, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match std::future::poll_fn(|cx| stream.poll_write(cx, &[IoSlice::new(bytes)])).await {
            Ok(written) => bytes = &bytes[written..],
            // The other side has had enough.
            Err(_) => return,
        }
    }
}

fn hello(said: Hello) -> Vec<u8> {
    let mut bytes = Vec::new();
    HelloFrame {
        features: 0,
        token: b"deployment".to_vec(),
        said: said.encode(),
    }
    .encode(&mut bytes);
    bytes
}

#[test]
fn a_slow_callee_is_not_waited_for() {
    let scene = Scene::new();
    scene.world.run(async {
        scene.serve(&scene.there).await;
        scene.every_call_ends_in_time(&scene.slow(), async || {}).await;
    });
}

#[test]
fn a_cut_link_is_not_waited_for() {
    for cut_first in [true, false] {
        let scene = Scene::new();
        scene.world.run(async {
            scene.serve(&scene.there).await;
            let cut = || scene.world.cut("here", "there");
            if cut_first {
                cut();
            }
            let later = async || {
                scene.here.sleep(Duration::from_millis(50)).await;
                cut();
            };
            scene.every_call_ends_in_time(&scene.slow(), later).await;
        });
    }
}

#[test]
fn a_crashed_callee_is_not_waited_for() {
    for crash_first in [true, false] {
        let scene = Scene::new();
        scene.world.run(async {
            scene.serve(&scene.there).await;
            let slow = scene.slow();
            if crash_first {
                scene.world.crash("there");
            }
            let later = async || {
                scene.here.sleep(Duration::from_millis(50)).await;
                if !crash_first {
                    scene.world.crash("there");
                }
            };
            scene.every_call_ends_in_time(&slow, later).await;
        });
    }
}

#[test]
fn a_peer_that_says_nothing_or_nonsense_is_not_waited_for() {
    let known = || Hello {
        interfaces: vec![("Slow".to_string(), <dyn Slow>::declared().hash)],
    };
    let mut lying = hello(known());
    lying.extend_from_slice(&[0xff; 64]);
    let mut unasked = hello(known());
    put(Kind::Reply, 1 << 40, b"nobody asked", &mut unasked);
    let mut call = hello(known());
    put(Kind::Call, 1, b"", &mut call);
    let (half, whole) = (hello(known())[..9].to_vec(), hello(known()));
    let says = [
        Vec::new(),
        vec![0xf7],
        half,
        whole,
        lying,
        unasked,
        call,
        vec![b'x'; 100],
        vec![0xf7, 99],
    ];
    for said in says {
        for closes in [false, true] {
            let scene = Scene::new();
            scene.world.run(async {
                let listener = scene
                    .there
                    .network()
                    .listen(&Address::new("localhost:1"))
                    .await
                    .unwrap();
                let said = said.clone();
                drop(scene.there.spawn("peer", async move {
                    let mut held = Vec::new();
                    while let Ok(stream) = listener.accept().await {
                        write(&*stream, &said).await;
                        if !closes {
                            held.push(stream);
                        }
                    }
                }));
                scene.every_call_ends_in_time(&scene.slow(), async || {}).await;
            });
        }
    }
}

#[test]
fn callers_with_little_time_get_a_connection_in_the_end() {
    let scene = Scene::new();
    scene.world.latency(Duration::from_millis(40));
    scene.world.run(async {
        scene.serve(&scene.there).await;
        let slow = scene.slow();
        let call = async || {
            slow.wait(&Cx::root(&scene.here).within(Duration::from_millis(100)), 1)
                .await
        };
        assert!(call().await.is_err(), "connecting alone takes longer");
        scene.here.sleep(Duration::from_secs(1)).await;
        assert_eq!(call().await, Ok(1));
    });
}

#[test]
fn a_retried_call_keeps_its_id_and_counts_its_attempts() {
    let scene = Scene::new();
    scene.world.run(async {
        scene.serve(&scene.there).await;
        let slow = scene.slow();
        let root = Root {
            began: None,
            id: Some(CallId(1)),
            deadline: None,
            principal: None,
            trace: None,
        };
        let (here, called) = (scene.here.clone(), slow.clone());
        let call = scene.here.spawn("call", async move {
            let cx = Cx::from_root(&here, root);
            tokio::join!(called.wait_repeatably(&cx, 300), called.wait(&cx, 300))
        });
        scene.here.sleep(Duration::from_millis(100)).await;
        scene.world.crash("there");
        let again = scene.world.restart("there").with_transport(tcp());
        scene.serve(&again).await;
        let (repeated, single) = call.await.unwrap();
        assert_eq!(repeated, Ok(300));
        let Err(Failure(error)) = single else {
            panic!("an unmarked call that may have run is not retried")
        };
        assert_eq!(
            (error.kind(), error.certainly_did_not_run()),
            (CallErrorKind::Unavailable, false)
        );
        let begun = scene.begun.lock().unwrap().clone();
        let (id, attempt) = begun[2];
        assert!(
            begun.len() == 3 && attempt > 0 && begun[..2].contains(&(id, 0)),
            "{begun:?}"
        );
    });
}

#[test]
fn a_call_that_may_have_run_is_never_said_not_to_have() {
    let scene = Scene::new();
    scene.world.run(async {
        scene.serve(&scene.there).await;
        let (slow, here) = (scene.slow(), scene.here.clone());
        let call = scene
            .here
            .spawn("call", async move { slow.wait_repeatably(&Cx::root(&here), 300).await });
        scene.here.sleep(Duration::from_millis(100)).await;
        scene.world.crash("there");
        let Err(Failure(error)) = call.await.unwrap() else {
            panic!("nobody answers")
        };
        assert_eq!(error.kind(), CallErrorKind::Unavailable);
        assert!(!error.certainly_did_not_run(), "its first attempt ran: {error}");
    });
}

#[test]
fn a_bad_connection_hurts_no_other_call() {
    let scene = Scene::new();
    scene.world.run(async {
        scene.serve(&scene.there).await;
        let slow = scene.slow();
        let good = Hello::default;
        let mut bad: Vec<Vec<u8>> = vec![
            vec![0],
            vec![0xf7, 1, 0xff],
            b"GET / HTTP/1.1\r\n\r\n".to_vec(),
            vec![0x16; 50],
        ];
        for length in [u32::MAX, 1 << 20, 65_537] {
            let mut bytes = hello(good());
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(&[2; 12]);
            bad.push(bytes);
        }
        for kind in [
            Kind::Call,
            Kind::Reply,
            Kind::Hello,
            Kind::Item,
            Kind::Cancel,
            Kind::Goaway,
        ] {
            let mut bytes = hello(good());
            put(kind, 3, &[0xff; 300], &mut bytes);
            // A frame that never ends.
            let header = Header {
                length: 60_000,
                kind: Kind::Call,
                more: true,
                number: 9,
            };
            bytes.extend_from_slice(&header.encode());
            bytes.extend_from_slice(&[1; 100]);
            bad.push(bytes);
        }
        let mut held = Vec::new();
        for round in 0..100_u64 {
            let bytes = bad[round as usize % bad.len()].clone();
            let stream = scene.here.network().connect(&Address::new("there:1")).await.unwrap();
            write(&*stream, &bytes).await;
            if round % 2 == 0 {
                held.push(stream);
            }
            let began = scene.here.now();
            assert_eq!(slow.wait(&Cx::root(&scene.here), 5).await, Ok(5));
            assert!(scene.here.now().saturating_duration_since(began) < Duration::from_millis(20));
        }
        // What they were told is theirs to read.
        let mut told = BytesMut::new();
        for stream in &held {
            drop(std::future::poll_fn(|cx| std::task::Poll::Ready(stream.poll_read(cx, &mut told))).await);
        }
        assert!(Bytes::from(told).len() > 10);
    });
}
