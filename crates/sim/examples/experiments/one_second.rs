//! "Messages arrive within 1 s, so no answer after 2 s means that the host has failed": the same code under three
//! timings. Two members, of which one leads and writes to a store; each asks the other whether it is there, and one that
//! gets no answer for 2 s takes the lead.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sim::diagram::{View, svg};
use sim::fault::Fault;
use sim::{Outcome, Run, World, reference};
use terrace::{CallError, Cx, Ref};
use world::Env;

use crate::measure::{Measured, Seen, drawn, is_gone, ran, recorded, table};

/// Three models that differ in their timing only: nodes stop for good, links are perfect, clocks show the truth.
pub(crate) const TIMINGS: [(&str, &str); 3] = [
    ("synchronous", "synchronous + delay(1s)"),
    (
        "partially synchronous",
        "datacentre + crash-stop + perfect-links + no-partitions + perfect-clocks",
    ),
    (
        "asynchronous",
        "asynchronous + crash-stop + synced-only + perfect-links + no-partitions + perfect-clocks",
    ),
];

/// The claim.
const SILENT_AFTER: Duration = Duration::from_secs(2);
const ASKS_EVERY: Duration = Duration::from_millis(500);
const WRITES_EVERY: Duration = Duration::from_millis(250);
/// Connections are open before anything goes wrong.
const WARM_UP: Duration = Duration::from_secs(10);
const CHAOS: Duration = Duration::from_secs(60);
/// The partially synchronous world is stable 30 s into the chaos; whoever asked before that is answered 4 s later.
const STABLE_US: u64 = 44_000_000;
const MEMBERS: [&str; 2] = ["one", "two"];
/// A picture is looked for among so many seeds.
const PICTURE_SEEDS: u64 = 100;

/// One that may lead.
#[terrace::component]
pub(crate) trait Member {
    /// The latest lead it knows of.
    #[call(read)]
    async fn are_you_there(&self, cx: &Cx) -> Result<u64, CallError>;
}

/// What leaders write to.
#[terrace::component]
pub(crate) trait Store {
    /// Writes, and answers the latest lead: the write was kept if it is this one.
    async fn write(&self, cx: &Cx, epoch: u64) -> Result<u64, CallError>;
}

/// What came of one timing.
#[derive(Default)]
pub(crate) struct Row {
    /// Suspicions of a member that had failed.
    pub(crate) right: u64,
    /// Suspicions of one that had not.
    pub(crate) wrong: u64,
    /// Those of them after delays were bounded, where they ever are.
    pub(crate) wrong_late: u64,
    /// How often a member took the lead beside another that led and was alive.
    pub(crate) double: u64,
    /// Writes of an earlier lead after one of a later lead, kept by a store without a fence.
    pub(crate) kept: u64,
    /// The same, refused by a store with one.
    pub(crate) refused: u64,
    /// The same, kept by a store with one.
    pub(crate) kept_by_fence: u64,
}

/// What the nodes of one run tell.
#[derive(Default)]
struct Told {
    events: Vec<(u64, usize, What)>,
    stale_kept: u64,
    stale_refused: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Suspects,
    Leads,
    Follows,
}

/// Measures one timing.
pub(crate) fn row(model: &str, seeds: u64) -> Row {
    let mut row = Row::default();
    for seed in 0..seeds {
        let (seen, outcome) = once(drawn(model, seed), false);
        row.kept += seen.stale_kept;
        judge(&mut row, &seen, &outcome.faults);
        let (fenced, _) = once(drawn(model, seed), true);
        row.refused += fenced.stale_refused;
        row.kept_by_fence += fenced.stale_kept;
    }
    row
}

/// Measures all, and draws a stale write.
pub(crate) fn measure(seeds: u64) -> Measured {
    let head = [
        "timing",
        "suspicions of a failed host",
        "false suspicions",
        "of these with delays bounded",
        "double leaders",
        "stale writes kept, no fence",
        "refused, fence",
        "kept, fence",
    ];
    let rows = TIMINGS.map(|(name, model)| {
        let row = row(model, seeds);
        let late = if name == "asynchronous" {
            "never bounded".to_owned()
        } else {
            row.wrong_late.to_string()
        };
        let mut cells = vec![name.to_owned(), row.right.to_string(), row.wrong.to_string(), late];
        let rest = [row.double, row.kept, row.refused, row.kept_by_fence];
        cells.extend(rest.map(|number| number.to_string()));
        cells
    });
    Measured {
        tables: format!("{seeds} seeds of 60 s each.\n\n{}", table(&head, &rows)),
        pictures: picture().into_iter().map(|svg| ("one_second", svg)).collect(),
    }
}

/// The stale write that is told in the fewest bytes.
fn picture() -> Option<String> {
    let (_, model) = TIMINGS[2];
    let pictures = (0..PICTURE_SEEDS).filter_map(|seed| {
        let (seen, _) = once(drawn(model, seed), false);
        if seen.stale_kept == 0 {
            return None;
        }
        let (_, outcome) = once(recorded(model, seed), false);
        let trace = outcome.trace?;
        let view = View::around_violation(&trace)?;
        let title = format!("two leaders and no fence, asynchronous timing, seed {seed}");
        Some(svg(&trace, &view.titled(title, outcome.verdict.name())))
    });
    pictures.min_by_key(String::len)
}

fn judge(row: &mut Row, seen: &Told, faults: &[Fault]) {
    let mut leads = BTreeMap::new();
    for &(at_us, member, what) in &seen.events {
        let other = 1 - member;
        let gone = is_gone(faults, MEMBERS[other], at_us);
        match what {
            What::Suspects if gone => row.right += 1,
            What::Suspects => {
                row.wrong += 1;
                row.wrong_late += u64::from(at_us > STABLE_US);
            }
            What::Leads => {
                row.double += u64::from(!gone && leads.get(&other) == Some(&true));
                leads.insert(member, true);
            }
            What::Follows => drop(leads.insert(member, false)),
        }
    }
}

fn once(run: Run, fence: bool) -> (Told, Outcome) {
    ran(run, move |world, seen| experiment(world, seen, fence))
}

async fn experiment(world: World, seen: Seen<Told>, fence: bool) {
    for (index, name) in MEMBERS.into_iter().enumerate() {
        let (at, seen) = (world.clone(), seen.clone());
        world.provide::<dyn Member, _, _, _>(name, move |env| {
            let elected = Elected::serving(env, at.clone(), seen.clone(), index);
            async move { elected }
        });
    }
    let at = world.clone();
    world.provide::<dyn Store, _, _, _>("store", move |env| {
        let (world, seen) = (at.clone(), seen.clone());
        async move {
            Kept {
                env,
                world,
                seen,
                fence,
                latest: Mutex::new(0),
            }
        }
    });
    world.env().sleep(WARM_UP).await;
    world.chaos(CHAOS).await;
}

struct Elected {
    env: Env,
    world: World,
    seen: Seen<Told>,
    index: usize,
    state: Mutex<State>,
}

struct State {
    latest: u64,
    leads: Option<u64>,
}

impl Elected {
    fn serving(env: Env, world: World, seen: Seen<Told>, index: usize) -> Serving {
        let leads = (index == 0).then_some(1);
        let state = Mutex::new(State { latest: 1, leads });
        let elected = Arc::new(Elected {
            env: env.clone(),
            world,
            seen,
            index,
            state,
        });
        if leads.is_some() {
            elected.tell(What::Leads);
        }
        drop(env.spawn("suspicion", ask(elected.clone())));
        drop(env.spawn("writes", write(elected.clone())));
        Serving(elected)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, what: What) {
        let at_us = self.world.now().as_micros() as u64;
        self.seen.with(|seen| seen.events.push((at_us, self.index, what)));
    }

    /// There is a leader of this epoch.
    fn learn(&self, epoch: u64) {
        let mut state = self.state();
        if epoch > state.latest {
            state.latest = epoch;
            if state.leads.take().is_some() {
                self.tell(What::Follows);
            }
        }
    }

    /// The other has failed, as the claim has it.
    fn suspect(&self) {
        self.tell(What::Suspects);
        let mut state = self.state();
        if state.leads.is_none() {
            // Odd epochs are the first one's, even ones the second one's.
            state.latest += 1 + (state.latest + self.index as u64) % 2;
            state.leads = Some(state.latest);
            self.tell(What::Leads);
            self.world
                .note(format!("{} leads, epoch {}", MEMBERS[self.index], state.latest));
        }
    }
}

async fn ask(member: Arc<Elected>) {
    let other: Ref<dyn Member> = reference(&member.env, MEMBERS[1 - member.index]);
    // Opens the connection, which takes two messages more.
    let _ = other.are_you_there(&Cx::root(&member.env).within(WARM_UP)).await;
    loop {
        match other.are_you_there(&Cx::root(&member.env).within(SILENT_AFTER)).await {
            Ok(epoch) => member.learn(epoch),
            Err(_) => member.suspect(),
        }
        member.env.sleep(ASKS_EVERY).await;
    }
}

async fn write(member: Arc<Elected>) {
    let store: Ref<dyn Store> = reference(&member.env, "store");
    let _ = store.write(&Cx::root(&member.env).within(WARM_UP), 0).await;
    loop {
        let leads = member.state().leads;
        if let Some(epoch) = leads
            && let Ok(latest) = store.write(&Cx::root(&member.env).within(SILENT_AFTER), epoch).await
        {
            member.learn(latest);
        }
        member.env.sleep(WRITES_EVERY).await;
    }
}

/// A member as its node serves it; its tasks have it too.
struct Serving(Arc<Elected>);

impl Member for Serving {
    async fn are_you_there(&self, _: &Cx) -> Result<u64, CallError> {
        Ok(self.0.state().latest)
    }
}

struct Kept {
    env: Env,
    world: World,
    seen: Seen<Told>,
    fence: bool,
    latest: Mutex<u64>,
}

impl Store for Kept {
    async fn write(&self, _: &Cx, epoch: u64) -> Result<u64, CallError> {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let stale = epoch > 0 && epoch < *latest;
        if stale && self.fence {
            self.seen.with(|seen| seen.stale_refused += 1);
            return Ok(*latest);
        }
        if stale {
            self.seen.with(|seen| seen.stale_kept += 1);
            let why = format!("a write of lead {epoch} was kept after one of lead {latest}");
            self.world.violated(&self.env, why);
        }
        *latest = epoch.max(*latest);
        Ok(epoch)
    }
}
