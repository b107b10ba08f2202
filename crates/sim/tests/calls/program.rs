//! Programs of calls, generated from a seed: who calls whom in which order, with which marks, deadlines and cancellations.

use world::Random;

/// How a method is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mark {
    Plain,
    Bounded,
    Read,
    Glance,
    Idempotent,
    Once,
}

/// One method of one server, with what its handler does.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) server: usize,
    pub(crate) mark: Mark,
    /// How long it waits before its calls and after them.
    pub(crate) wait_ms: [u64; 2],
    /// It never answers: only its deadline or a cancellation ends it.
    pub(crate) endless: bool,
    /// It answers with an error of its own.
    pub(crate) refuses: bool,
    /// It fails when one of its calls does.
    pub(crate) strict: bool,
    pub(crate) groups: Vec<Group>,
}

/// Calls that are made one after the other, or at once.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) together: bool,
    pub(crate) calls: Vec<Call>,
}

/// A call of a step.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) step: usize,
    pub(crate) within_ms: Option<u64>,
    pub(crate) cancel_ms: Option<u64>,
    /// Its id comes from a label and a key, since its arguments are others each time.
    pub(crate) named: bool,
    /// It is made twice with equal arguments.
    pub(crate) twice: bool,
}

/// What a client does under one root.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) wait_ms: u64,
    pub(crate) group: Group,
}

/// A program.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) servers: usize,
    /// What each client does, each of its lanes taking the next one.
    pub(crate) clients: Vec<Vec<Request>>,
    pub(crate) steps: Vec<Step>,
    /// One small step of each mark for each server, which has to succeed in a healed world.
    pub(crate) small: Vec<usize>,
    /// One step for each server that calls a small one of each other server.
    pub(crate) wide: Vec<usize>,
}

const MARKS: [Mark; 6] = [
    Mark::Plain,
    Mark::Bounded,
    Mark::Read,
    Mark::Glance,
    Mark::Idempotent,
    Mark::Once,
];
const REQUESTS: u64 = 16;
const DEPTH_MAX: u32 = 4;

impl Mark {
    /// Whether it may run again when it may have run.
    pub(crate) fn repeatable(self) -> bool {
        !matches!(self, Mark::Plain | Mark::Bounded)
    }

    /// Whether it changes nothing.
    pub(crate) fn reads(self) -> bool {
        matches!(self, Mark::Read | Mark::Glance)
    }

    /// The bound that its mark gives it, in milliseconds.
    pub(crate) fn bound_ms(self) -> Option<u64> {
        match self {
            Mark::Bounded => Some(400),
            Mark::Glance => Some(150),
            _ => None,
        }
    }
}

/// The program that `random` draws. Where ways take longer than the bounds of marks, the last calls are made `unbounded`.
pub(crate) fn generate(random: &mut Random, unbounded: bool) -> Program {
    let servers = 3 + random.below(3) as usize;
    let mut drawing = Drawing {
        random,
        servers,
        edges: Vec::new(),
        steps: Vec::new(),
    };
    drawing.edges = (0..servers).map(|_| drawing.callees()).collect();
    let clients = 2 + drawing.random.below(3);
    let clients = (0..clients)
        .map(|_| (0..REQUESTS).map(|_| drawing.request()).collect())
        .collect();
    let (small, wide) = drawing.last_calls(unbounded);
    Program {
        servers,
        clients,
        steps: drawing.steps,
        small,
        wide,
    }
}

struct Drawing<'r> {
    random: &'r mut Random,
    servers: usize,
    /// Whom each server calls.
    edges: Vec<Vec<usize>>,
    steps: Vec<Step>,
}

impl Drawing<'_> {
    fn chance(&mut self, chance: f64) -> bool {
        self.random.fraction() < chance
    }

    fn callees(&mut self) -> Vec<usize> {
        let some: Vec<usize> = (0..self.servers).filter(|_| self.random.fraction() < 0.6).collect();
        match some.is_empty() {
            true => vec![self.random.below(self.servers as u64) as usize],
            false => some,
        }
    }

    fn request(&mut self) -> Request {
        let group = self.group(None, DEPTH_MAX, false);
        Request {
            wait_ms: self.random.below(4_000),
            group,
        }
    }

    fn group(&mut self, caller: Option<usize>, depth: u32, reading: bool) -> Group {
        let calls = 1 + self.random.below(if caller.is_none() { 4 } else { 2 });
        Group {
            together: self.chance(0.5),
            calls: (0..calls).map(|_| self.call(caller, depth, reading)).collect(),
        }
    }

    fn call(&mut self, caller: Option<usize>, depth: u32, reading: bool) -> Call {
        let within_ms = match self.random.below(10) {
            0 => Some(self.random.below(8)),
            1..4 => Some(20 + self.random.below(400)),
            4..7 => Some(400 + self.random.below(6_000)),
            _ => None,
        };
        Call {
            step: self.step(caller, depth, reading),
            within_ms,
            cancel_ms: self.chance(0.12).then(|| 1 + self.random.below(300)),
            named: self.chance(0.15),
            twice: self.chance(0.15),
        }
    }

    fn step(&mut self, caller: Option<usize>, depth: u32, reading: bool) -> usize {
        let server = match caller {
            Some(caller) => {
                let callees = &self.edges[caller];
                callees[self.random.below(callees.len() as u64) as usize]
            }
            None => self.random.below(self.servers as u64) as usize,
        };
        let mark = loop {
            let mark = MARKS[self.random.below(6) as usize];
            // Below a `read` it is refused, which is worth a few calls only.
            if !(reading && mark == Mark::Once) || self.chance(0.2) {
                break mark;
            }
        };
        let leaf = depth == 0 || self.chance(0.5);
        let groups = if leaf { 0 } else { 1 + self.random.below(2) };
        let groups = (0..groups)
            .map(|_| self.group(Some(server), depth - 1, reading || mark.reads()))
            .collect();
        let step = Step {
            server,
            mark,
            wait_ms: [self.wait(), self.wait()],
            endless: self.chance(0.02),
            refuses: self.chance(0.05),
            strict: self.chance(0.3),
            groups,
        };
        self.steps.push(step);
        self.steps.len() - 1
    }

    fn wait(&mut self) -> u64 {
        match self.random.below(10) {
            0..4 => 0,
            4..8 => self.random.below(20),
            8 => self.random.below(200),
            _ => self.random.below(1_500),
        }
    }

    fn last_calls(&mut self, unbounded: bool) -> (Vec<usize>, Vec<usize>) {
        let simple = |server, mark, groups| Step {
            server,
            mark,
            wait_ms: [0, 1],
            endless: false,
            refuses: false,
            strict: true,
            groups,
        };
        let small: Vec<usize> = (0..self.servers)
            .flat_map(|server| MARKS.map(|mark| (server, mark)))
            .filter(|(_, mark)| !(unbounded && mark.bound_ms().is_some()))
            .map(|(server, mark)| {
                self.steps.push(simple(server, mark, Vec::new()));
                self.steps.len() - 1
            })
            .collect();
        let wide = (0..self.servers).map(|server| {
            let others = small.iter().copied().filter(|step| self.steps[*step].server != server);
            let calls = others.map(|step| Call {
                step,
                within_ms: None,
                cancel_ms: None,
                named: false,
                twice: false,
            });
            let group = Group {
                together: true,
                calls: calls.collect(),
            };
            self.steps.push(simple(server, Mark::Plain, vec![group]));
            self.steps.len() - 1
        });
        let wide = wide.collect();
        (small, wide)
    }
}
