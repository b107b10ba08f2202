//! Histories of a real object that does one thing at a time, seen through clients that overlap, time out and give up.

use sim::history::{History, Invocation};

/// Random numbers, the same for the same seed (G. Marsaglia, *Xorshift RNGs*, 2003).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }

    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// How to make a history.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) clients: usize,
    pub(crate) operations: usize,
    /// Requests and answers that are lost, each in a hundred.
    pub(crate) lost_percent: u64,
}

/// What a client is doing.
enum Client<I, O> {
    Idle,
    Sent(Invocation, I),
    Done(Invocation, O),
}

/// Runs the object and records what clients see. Time sometimes stands still.
pub(crate) fn record<S, I: Clone, O>(
    random: &mut Random,
    plan: Plan,
    mut object: S,
    draw: &dyn Fn(&mut Random) -> I,
    act: &dyn Fn(&mut S, &I) -> O,
) -> History<I, O> {
    let history = History::new();
    let mut clients: Vec<Client<I, O>> = (0..plan.clients).map(|_| Client::Idle).collect();
    // Sent, given up by the client, and still on its way.
    let mut adrift: Vec<I> = Vec::new();
    let (mut now, mut begun) = (0, 0);
    while begun < plan.operations || clients.iter().any(|client| !matches!(client, Client::Idle)) {
        now += random.below(3);
        if !adrift.is_empty() && random.chance(20) {
            let input = adrift.swap_remove(random.below(adrift.len() as u64) as usize);
            act(&mut object, &input);
        }
        let number = random.below(plan.clients as u64) as usize;
        clients[number] = match std::mem::replace(&mut clients[number], Client::Idle) {
            Client::Idle if begun == plan.operations => Client::Idle,
            Client::Idle => {
                begun += 1;
                let input = draw(random);
                Client::Sent(history.invoke(number as u32, now, input.clone()), input)
            }
            Client::Sent(_given_up, input) if random.chance(plan.lost_percent) => {
                adrift.push(input);
                Client::Idle
            }
            Client::Sent(invocation, _) if random.chance(3) => {
                history.fail(invocation);
                Client::Idle
            }
            Client::Sent(invocation, input) => Client::Done(invocation, act(&mut object, &input)),
            Client::Done(_given_up, _) if random.chance(plan.lost_percent) => Client::Idle,
            Client::Done(invocation, output) => {
                history.complete(invocation, now, output);
                Client::Idle
            }
        };
    }
    history
}
