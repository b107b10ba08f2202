//! Ours: each node a component behind a simulated transport, every message encoded by the production codec.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::bail;
use bytes::Bytes;
use terrace::simulation::{Run, Scenario, Verdict, World, reference, run, serve};
use terrace::{CallError, Cx, Env, Ref};

use crate::Cost;
use crate::scene::Scene;

const BODY: [u8; 64] = [7; 64];

/// What a caller gives a request where faults strike.
const PATIENCE: Duration = Duration::from_secs(5);

/// After which all nodes serve.
const WARMING: Duration = Duration::from_millis(20);

/// Answers what it is given.
#[terrace::component]
trait Echo {
    #[call(read)]
    async fn echo(&self, cx: &Cx, body: Bytes) -> Result<Bytes, CallError>;
}

/// Counts the requests and replies that have arrived.
#[derive(Clone, Default)]
struct Arrived(Arc<AtomicU64>);

impl Arrived {
    fn one_more(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Echo for Arrived {
    async fn echo(&self, _: &Cx, body: Bytes) -> Result<Bytes, CallError> {
        self.one_more();
        Ok(body)
    }
}

/// One run under one seed.
#[expect(clippy::cast_precision_loss, reason = "microseconds stay far below 2^52")]
pub(crate) fn measure(scene: Scene, simulated: Duration, seed: u64) -> anyhow::Result<Cost> {
    let arrived = Arrived::default();
    let counted = arrived.clone();
    let scenario = Scenario::new(scene.name, move |world| {
        unfold(world, scene, simulated, counted.clone())
    });
    let run = Run {
        scenario: scene.name.to_owned(),
        model: scene.model.to_owned(),
        seed,
        record: scene.recorded,
        ..Run::default()
    };
    let outcome = run::once(&scenario, &run)?;
    if outcome.verdict != Verdict::Holds {
        bail!("the run ended with {}: {}", outcome.verdict.name(), outcome.message);
    }
    Ok(Cost {
        messages: arrived.0.load(Ordering::Relaxed),
        simulated_s: outcome.simulated_us as f64 / 1e6,
        cpu_s: outcome.cpu_us as f64 / 1e6,
    })
}

async fn unfold(world: World, scene: Scene, simulated: Duration, arrived: Arrived) {
    for number in 0..scene.nodes {
        let arrived = arrived.clone();
        let boot = move |env: Env| node(env, number, scene, arrived.clone());
        let name = format!("n{number}");
        match number < scene.servers {
            true => world.server(&name, boot),
            false => world.client(&name, boot),
        }
    }
    world.env().sleep(WARMING).await;
    match scene.chaos {
        true => world.chaos(simulated).await,
        false => world.env().sleep(simulated).await,
    }
}

async fn node(env: Env, number: u64, scene: Scene, arrived: Arrived) {
    let serves = number < scene.servers;
    if serves {
        let echo: Ref<dyn Echo> = Ref::new(arrived.clone());
        drop(serve(&env, echo.served().into_iter().collect()).await);
    }
    if serves && scene.servers < scene.nodes {
        return;
    }
    let others = (1..=scene.servers).map(|step| (number + step) % scene.servers);
    let echoes: Arc<[Ref<dyn Echo>]> = others
        .filter(|server| *server != number)
        .map(|server| reference(&env, &format!("n{server}")))
        .collect();
    env.sleep(WARMING / 2).await;
    for lane in 0..scene.lanes {
        let calling = call(env.clone(), lane, scene, echoes.clone(), arrived.clone());
        drop(env.spawn("lane", calling));
    }
}

async fn call(env: Env, lane: u64, scene: Scene, echoes: Arc<[Ref<dyn Echo>]>, arrived: Arrived) {
    let root = Cx::root(&env);
    for echo in echoes.iter().cycle().skip(usize::try_from(lane).unwrap_or(0)) {
        if !scene.pause.is_zero() {
            env.sleep(scene.pause).await;
        }
        let cx = root.within(PATIENCE);
        if echo.echo(&cx, Bytes::from_static(&BODY)).await.is_ok() {
            arrived.one_more();
        }
    }
}
