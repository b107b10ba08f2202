//! A vote of 2f + 1 replicas: what f of them do wrong does not show, and what f + 1 do does.

use std::collections::HashMap;
use std::future::pending;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use component::Channel;
use terrace::testing::{Executed, looped};
use terrace::{Address, CallError, CallErrorKind, Component, Cx, Env, Faults, Ref, Token, Voted, VotedError};
use wire::Tcp;
use world::memory::World;

#[terrace::data]
enum Failure {
    Unknown(String),
    Call(CallError),
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Failure {
        Failure::Call(error)
    }
}

/// Counts things.
#[terrace::component(owner = "calls-team")]
trait Shelf {
    /// How many of them there are.
    #[call(read)]
    async fn count(&self, cx: &Cx, of: String) -> Result<u32, Failure>;
    /// All of them.
    #[call(read)]
    async fn all(&self, cx: &Cx) -> Result<HashMap<String, u32>, Failure>;
    /// Changes one.
    #[call(idempotent)]
    async fn put(&self, cx: &Cx, of: String, count: u32) -> Result<(), Failure>;
}

/// The same of another build, which therefore speaks another codec.
mod other {
    use super::Failure;
    use std::collections::HashMap;
    use terrace::Cx;

    #[terrace::component(name = "Shelf")]
    pub(super) trait Shelf {
        #[call(read)]
        async fn all(&self, cx: &Cx) -> Result<HashMap<String, u32>, Failure>;
        #[call(idempotent)]
        async fn put(&self, cx: &Cx, of: String, count: u32) -> Result<(), Failure>;
        #[call(read)]
        async fn count(&self, cx: &Cx, of: String, hint: Option<u32>) -> Result<u32, Failure>;
    }

    pub(super) struct Module;

    impl Shelf for Module {
        async fn all(&self, _: &Cx) -> Result<HashMap<String, u32>, Failure> {
            Ok(HashMap::new())
        }
        async fn put(&self, _: &Cx, _: String, _: u32) -> Result<(), Failure> {
            Ok(())
        }
        async fn count(&self, _: &Cx, _: String, _: Option<u32>) -> Result<u32, Failure> {
            Ok(3)
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Says {
    Count(u32),
    Unknown,
    Nothing,
    Panics,
}

/// What was done to the replicas of a test.
#[derive(Clone, Default)]
struct Log {
    begun: Arc<AtomicU32>,
    dropped: Arc<AtomicU32>,
}

struct Replica {
    says: Says,
    log: Log,
}

struct Dropped(Log);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

impl Shelf for Replica {
    async fn count(&self, _: &Cx, of: String) -> Result<u32, Failure> {
        self.log.begun.fetch_add(1, Ordering::Relaxed);
        match self.says {
            Says::Count(count) => Ok(count),
            Says::Unknown => Err(Failure::Unknown(of)),
            Says::Nothing => {
                let _dropped = Dropped(self.log.clone());
                pending().await
            }
            Says::Panics => panic!("a replica that is broken"),
        }
    }

    async fn all(&self, cx: &Cx) -> Result<HashMap<String, u32>, Failure> {
        let count = self.count(cx, String::new()).await?;
        Ok((0..count).map(|nth| (nth.to_string(), nth)).collect())
    }

    async fn put(&self, _: &Cx, _: String, _: u32) -> Result<(), Failure> {
        self.log.begun.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

fn token() -> Token {
    Token::new("deployment").unwrap()
}

/// A caller, and nodes that each serve a replica.
struct Scene {
    world: World,
    here: Env,
    names: Vec<String>,
    log: Log,
}

impl Scene {
    fn new(says: &[Says]) -> Scene {
        let scene = Scene::without_replicas(says.len());
        for (name, says) in scene.names.iter().zip(says) {
            scene.serve(name, &scene.replica(*says));
        }
        scene
    }

    fn without_replicas(count: usize) -> Scene {
        let world = World::new(5);
        Scene {
            here: connected(&world, "here"),
            names: (0..count).map(|nth| format!("replica{nth}")).collect(),
            log: Log::default(),
            world,
        }
    }

    fn replica(&self, says: Says) -> Ref<dyn Shelf> {
        let log = self.log.clone();
        Ref::new(Replica { says, log })
    }

    fn serve<C: Component + ?Sized>(&self, name: &str, component: &Ref<C>) {
        let env = connected(&self.world, name);
        let served = component.served().into_iter().collect();
        self.world.run(async {
            let listener = env.network().listen(&Address::new("localhost:1")).await.unwrap();
            drop(terrace::serve_with(&env, served, listener, Some(token())).unwrap());
        });
    }

    fn at(&self, name: &str) -> Ref<dyn Shelf> {
        let address = Address::new(format!("{name}:1"));
        let declared = <dyn Shelf>::declared();
        Ref::remote(
            "caller",
            Channel::new(&self.here, address, declared, wire::Limits::default()),
        )
    }

    fn voted(&self) -> Voted<dyn Shelf> {
        let replicas: Vec<_> = self.names.iter().map(|name| self.at(name)).collect();
        Voted::new("caller", replicas.len() / 2, replicas).unwrap()
    }

    /// What the vote says within `limit`, and how long that took.
    fn count_within(&self, voted: &Voted<dyn Shelf>, limit: Duration) -> (Result<u32, Failure>, Duration) {
        let began = self.world.now();
        let cx = Cx::root(&self.here).within(limit);
        let answer = self.world.run(voted.count(&cx, "cups".into()));
        (answer, self.world.now() - began)
    }

    fn count(&self) -> Result<u32, Failure> {
        self.count_within(&self.voted(), HOUR).0
    }

    fn error(&self) -> CallError {
        match self.count() {
            Err(Failure::Call(error)) => error,
            other => panic!("the vote should fail: {other:?}"),
        }
    }
}

const HOUR: Duration = Duration::from_secs(3600);

fn connected(world: &World, name: &str) -> Env {
    world.node(name).with_transport(Arc::new(Tcp {
        token: Some(token()),
        face: None,
    }))
}

#[test]
fn one_lying_replica_of_three_is_outvoted() {
    for liar in 0..3 {
        let mut says = [Says::Count(3); 3];
        says[liar] = Says::Count(4);
        assert_eq!(Scene::new(&says).count(), Ok(3), "replica {liar} lies");
    }
}

#[test]
fn two_liars_of_three_win_if_they_agree() {
    let scene = Scene::new(&[Says::Count(3), Says::Count(4), Says::Count(4)]);
    assert_eq!(scene.count(), Ok(4), "the limit of f = 1");
    let scene = Scene::new(&[
        Says::Count(4),
        Says::Count(4),
        Says::Count(3),
        Says::Count(3),
        Says::Count(3),
    ]);
    assert_eq!(scene.count(), Ok(3), "f = 2 holds against them");
}

#[test]
fn replicas_that_all_differ_are_told_apart_and_nothing_is_answered() {
    let error = Scene::new(&[Says::Count(3), Says::Count(4), Says::Count(5)]).error();
    assert_eq!(error.kind(), CallErrorKind::Unavailable);
    assert!(!error.certainly_did_not_run(), "{error}");
    assert!(
        error.message().contains("2 of 3") && error.message().contains("3 different answers"),
        "{error}"
    );
}

#[test]
fn one_dead_replica_is_tolerated() {
    let scene = Scene::new(&[Says::Count(3); 3]);
    scene.world.crash("replica0");
    assert_eq!(scene.count(), Ok(3));
}

#[test]
fn two_dead_replicas_are_unavailable_before_the_deadline() {
    let scene = Scene::new(&[Says::Count(3); 3]);
    scene.world.crash("replica0");
    scene.world.crash("replica2");
    let (answer, took) = scene.count_within(&scene.voted(), HOUR);
    let Err(Failure::Call(error)) = answer else {
        panic!("one of three decides nothing")
    };
    assert_eq!(
        (error.kind(), error.certainly_did_not_run()),
        (CallErrorKind::Unavailable, false)
    );
    assert!(took < HOUR, "{took:?}");
    for said in ["at most 1", "2 failed", "replica0:1", "replica2:1"] {
        assert!(error.message().contains(said), "{said}: {error}");
    }
}

#[test]
fn a_vote_certainly_did_not_run_if_no_replica_is_there() {
    // A larger vote is lost before the last of its replicas has failed, of which nothing is known then.
    let scene = Scene::without_replicas(1);
    scene.world.node("replica0");
    assert!(scene.error().certainly_did_not_run());
}

#[test]
fn a_replica_that_panics_is_a_failed_one() {
    assert_eq!(
        Scene::new(&[Says::Panics, Says::Count(3), Says::Count(3)]).count(),
        Ok(3)
    );
    let error = Scene::new(&[Says::Panics, Says::Count(3), Says::Panics]).error();
    assert!(error.message().contains("panicked"), "{error}");
}

#[test]
fn a_method_that_is_no_read_is_refused_and_did_not_run() {
    let scene = Scene::new(&[Says::Count(3); 3]);
    let voted = scene.voted();
    let cx = Cx::root(&scene.here);
    let Err(Failure::Call(error)) = scene.world.run(voted.put(&cx, "cups".into(), 9)) else {
        panic!("it should be refused")
    };
    assert_eq!(
        (error.kind(), error.certainly_did_not_run()),
        (CallErrorKind::Denied, true)
    );
    assert!(
        error.message().contains("`Shelf.put`") && error.message().contains("read"),
        "{error}"
    );
    assert_eq!(scene.log.begun.load(Ordering::Relaxed), 0);
}

#[test]
fn an_error_of_the_method_is_voted_on_like_a_value() {
    let unknown = Err(Failure::Unknown("cups".into()));
    assert_eq!(
        Scene::new(&[Says::Unknown, Says::Count(4), Says::Unknown]).count(),
        unknown
    );
    assert_eq!(
        Scene::new(&[Says::Unknown, Says::Count(3), Says::Count(3)]).count(),
        Ok(3)
    );
}

#[test]
fn a_silent_replica_delays_nothing_and_is_told_to_stop() {
    let scene = Scene::new(&[Says::Nothing, Says::Count(3), Says::Count(3)]);
    let (answer, took) = scene.count_within(&scene.voted(), HOUR);
    assert_eq!(answer, Ok(3));
    assert!(took < Duration::from_secs(1), "{took:?} of virtual time");
    scene.world.run(scene.here.sleep(Duration::from_secs(1)));
    let (begun, dropped) = (&scene.log.begun, &scene.log.dropped);
    assert_eq!((begun.load(Ordering::Relaxed), dropped.load(Ordering::Relaxed)), (3, 1));
}

#[test]
fn silence_of_two_ends_at_the_deadline() {
    let scene = Scene::new(&[Says::Nothing, Says::Count(3), Says::Nothing]);
    let limit = Duration::from_secs(2);
    let (answer, took) = scene.count_within(&scene.voted(), limit);
    // A server whose time is over says so itself, and two such answers are the end of a vote.
    let Err(Failure::Call(error)) = answer else {
        panic!("nobody decides")
    };
    assert!(
        !error.certainly_did_not_run() && took <= limit + Duration::from_millis(50),
        "{error} {took:?}"
    );
}

#[test]
fn a_cancelled_vote_stops_all_replicas() {
    let scene = Scene::new(&[Says::Nothing; 3]);
    let voted = scene.voted();
    let (cx, canceller) = Cx::root(&scene.here).cancellable();
    let call = scene
        .here
        .spawn("call", async move { voted.count(&cx, "cups".into()).await });
    let answer = scene.world.run(async {
        scene.here.sleep(Duration::from_secs(1)).await;
        canceller.cancel();
        call.await.unwrap()
    });
    let Err(Failure::Call(error)) = answer else {
        panic!("it is cancelled")
    };
    assert_eq!(error.kind(), CallErrorKind::Cancelled);
    scene.world.run(scene.here.sleep(Duration::from_secs(1)));
    assert_eq!(scene.log.dropped.load(Ordering::Relaxed), 3);
}

#[test]
fn replicas_that_speak_different_codecs_agree() {
    let scene = Scene::without_replicas(3);
    scene.serve("replica0", &scene.replica(Says::Count(4)));
    scene.serve("replica1", &scene.replica(Says::Count(3)));
    scene.serve("replica2", &Ref::<dyn other::Shelf>::new(other::Module));
    assert_eq!(scene.count(), Ok(3));
}

#[test]
fn equal_maps_agree_in_whatever_order_they_are_written() {
    let scene = Scene::new(&[Says::Count(20), Says::Count(20), Says::Count(19)]);
    let cx = Cx::root(&scene.here);
    let all = scene.world.run(scene.voted().all(&cx)).unwrap();
    assert_eq!(all.len(), 20);
}

#[test]
fn replicas_in_this_process_vote_with_those_elsewhere() {
    let scene = Scene::new(&[Says::Count(4)]);
    let replicas = vec![
        scene.at("replica0"),
        scene.replica(Says::Count(3)),
        scene.replica(Says::Count(3)),
    ];
    let voted = Voted::new("caller", 1, replicas).unwrap();
    assert_eq!(scene.count_within(&voted, HOUR).0, Ok(3));
    let silent = [Says::Nothing, Says::Count(3), Says::Count(3)].map(|says| scene.replica(says));
    let voted = Voted::new("caller", 1, silent.into()).unwrap();
    assert_eq!(scene.count_within(&voted, HOUR), (Ok(3), Duration::ZERO));
    assert_eq!(
        scene.log.dropped.load(Ordering::Relaxed),
        1,
        "the silent one is stopped"
    );
}

#[test]
fn a_vote_is_a_component_that_can_be_served() {
    let scene = Scene::new(&[Says::Count(3), Says::Count(4), Says::Count(3)]);
    let shelf = looped(&scene.here, &scene.voted().reference(), Executed::Once);
    let cx = Cx::root(&scene.here);
    assert_eq!(scene.world.run(shelf.count(&cx, "cups".into())), Ok(3));
}

/// Makes the calls of a handle fail.
struct Broken(Mutex<u32>);

impl Faults for Broken {
    fn before(&self, _: &Cx, _: &str, _: &str) -> Option<CallError> {
        *self.0.lock().unwrap() += 1;
        Some(CallError::not_run(CallErrorKind::Unavailable, "injected"))
    }

    fn after(&self, _: &Cx, _: &str, _: &str) -> Option<CallError> {
        None
    }
}

#[test]
fn faults_of_a_replicas_handle_are_its_failures() {
    let scene = Scene::new(&[Says::Count(3); 3]);
    let broken = Arc::new(Broken(Mutex::new(0)));
    let all = |broken_max: usize| {
        let replica = |(nth, name): (usize, &String)| match nth < broken_max {
            true => scene.at(name).with_faults(broken.clone()),
            false => scene.at(name),
        };
        let replicas = scene.names.iter().enumerate().map(replica).collect();
        Voted::new("caller", 1, replicas).unwrap()
    };
    assert_eq!(scene.count_within(&all(1), HOUR).0, Ok(3));
    assert_eq!(*broken.0.lock().unwrap(), 1);
    assert!(scene.count_within(&all(2), HOUR).0.is_err());
}

#[test]
fn a_vote_needs_exactly_so_many_different_replicas() {
    let scene = Scene::without_replicas(3);
    let remote: Vec<_> = scene.names.iter().map(|name| scene.at(name)).collect();
    let direct = scene.replica(Says::Count(3));
    let error = |faulty_max, replicas: Vec<Ref<dyn Shelf>>| Voted::new("caller", faulty_max, replicas).unwrap_err();

    let given = 2;
    assert_eq!(error(1, remote[..2].into()), VotedError::Count { faulty_max: 1, given });
    assert!(error(2, remote.clone()).to_string().contains("exactly 5"));
    assert_eq!(error(100, Vec::new()), VotedError::TooMany { faulty_max: 100 });
    let twice = error(1, vec![scene.at("replica0"), direct.clone(), scene.at("replica0")]);
    assert!(
        matches!(
            twice,
            VotedError::Same {
                first: 0,
                second: 2,
                ..
            }
        ),
        "{twice}"
    );
    assert!(twice.to_string().contains("replica0:1"), "{twice}");
    let twice = error(1, vec![direct.clone(), direct.clone(), scene.at("replica0")]);
    assert!(
        matches!(
            twice,
            VotedError::Same {
                first: 0,
                second: 1,
                ..
            }
        ),
        "{twice}"
    );
    let nested = scene.voted().reference();
    assert_eq!(error(0, vec![nested]), VotedError::Nested { index: 0 });
    let unbound = Ref::bound("main", Arc::default());
    assert_eq!(error(0, vec![unbound]), VotedError::NotOpen { index: 0 });
}
