//! Traces by hand: a doubled transfer, two leaders, and what is odd or huge.

use sim::trace::{Event, Kind, Trace, What};

const MS: u64 = 1_000_000;

/// Writes a trace event by event.
#[derive(Default)]
pub(crate) struct Writer {
    pub(crate) trace: Trace,
    next: u64,
}

impl Writer {
    pub(crate) fn new(nodes: &[&str]) -> Self {
        let nodes = nodes.iter().map(|node| (*node).to_owned()).collect();
        Self {
            trace: Trace {
                nodes,
                hash: 0x3fa9_77c1_0b5d_e210,
                ..Trace::default()
            },
            next: 0,
        }
    }

    pub(crate) fn event(&mut self, at: u64, node: impl Into<Option<u32>>, what: What) -> &mut Self {
        self.trace.events.push(Event {
            at,
            node: node.into(),
            what,
        });
        self
    }

    /// A message that arrives.
    pub(crate) fn message(
        &mut self,
        at: u64,
        (from, to): (u32, u32),
        took: u64,
        kind: Kind,
        label: &str,
        attempt: u8,
    ) -> u64 {
        let message = self.sent(at, (from, to), kind, label, attempt);
        self.event(at + took, to, What::Delivered { message });
        message
    }

    /// A message that is lost after a while.
    pub(crate) fn lost(
        &mut self,
        at: u64,
        (from, to): (u32, u32),
        after: u64,
        kind: Kind,
        label: &str,
        why: &str,
    ) -> u64 {
        let message = self.sent(at, (from, to), kind, label, 0);
        self.event(
            at + after,
            from,
            What::Lost {
                message,
                why: why.to_owned(),
            },
        );
        message
    }

    pub(crate) fn sent(&mut self, at: u64, (from, to): (u32, u32), kind: Kind, label: &str, attempt: u8) -> u64 {
        self.next += 1;
        let message = self.next;
        self.event(
            at,
            from,
            What::Sent {
                message,
                to,
                kind,
                label: label.to_owned(),
                attempt,
            },
        );
        message
    }

    /// The trace, by time.
    pub(crate) fn finish(mut self) -> Trace {
        self.trace.events.sort_by_key(|event| event.at);
        self.trace
    }
}

fn fault(text: &str) -> What {
    What::Fault { text: text.to_owned() }
}

/// A transfer is asked for, done, its reply lost by a reset; asked for again, done again; found out half a minute later.
pub(crate) fn doubled_transfer() -> Trace {
    let mut writer = Writer::new(&["client", "bank", "ledger"]);
    for (at, phase) in [
        (0, "warm-up"),
        (5_000, "chaos"),
        (35_000, "heal"),
        (40_000, "settle"),
        (45_000, "check"),
    ] {
        writer.event(at * MS, None, What::Phase(phase.to_owned()));
    }
    for second in 0..45_u64 {
        let at = second * 1_000 * MS + 3 * MS;
        let label = format!("Bank.balance {:04x}", 0x1000 + second * 37);
        writer.message(at, (0, 1), 2 * MS, Kind::Request, &label, 0);
        writer.message(at + 3 * MS, (1, 0), 3 * MS, Kind::Reply, &label, 0);
    }
    let at = 12_304 * MS;
    writer.event(at - 180 * MS, 2, fault("disk is slow: 40 ms for each write"));
    writer.message(at, (0, 1), 3 * MS, Kind::Request, "Bank.transfer 51c0", 0);
    writer.message(at + 4 * MS, (1, 2), 2 * MS, Kind::Request, "Ledger.transfer 3fa9", 0);
    writer.event(at + 20 * MS, None, fault("connections between bank and ledger reset"));
    writer.lost(
        at + 19 * MS,
        (2, 1),
        MS,
        Kind::Reply,
        "Ledger.transfer 3fa9",
        "connection reset",
    );
    let why = "may have run".to_owned();
    writer.event(
        at + 20 * MS,
        1,
        What::Reset {
            label: "Ledger.transfer 3fa9".to_owned(),
            why,
        },
    );
    writer.message(at + 70 * MS, (1, 2), 3 * MS, Kind::Request, "Ledger.transfer 3fa9", 1);
    writer.message(at + 113 * MS, (2, 1), 2 * MS, Kind::Reply, "Ledger.transfer 3fa9", 1);
    writer.message(at + 116 * MS, (1, 0), 3 * MS, Kind::Reply, "Bank.transfer 51c0", 0);
    writer
        .event(20_000 * MS, 2, What::Crashed)
        .event(23_000 * MS, 2, What::Restarted);
    let text = "money doubled: transfer 3fa9 of 25 from alice to bob was applied 2 times; the sum of all accounts is 1025 and should be 1000";
    writer.event(45_010 * MS, None, What::Violated(text.to_owned()));
    writer.finish()
}

/// Five nodes, a leader cut off with one follower; the others elect a second one while it pauses.
pub(crate) fn two_leaders() -> Trace {
    let mut writer = Writer::new(&["ada", "bob", "cleo", "dan", "eve"]);
    writer.event(0, None, What::Phase("warm-up".to_owned()));
    writer.event(2_000 * MS, None, What::Phase("chaos".to_owned()));
    writer.event(12 * MS, 0, What::Note("leader of term 1".to_owned()));
    let cut = 3_020 * MS;
    for beat in 0..45_u64 {
        let at = 100 * MS * beat + 50 * MS;
        for to in 1..5_u32 {
            let took = (2 + u64::from(to)) * MS;
            if at > cut && to > 1 {
                writer.lost(at, (0, to), 0, Kind::Request, "Replica.append", "cut");
            } else {
                writer.message(at, (0, to), took, Kind::Request, "Replica.append", 0);
                writer.message(at + took + MS, (to, 0), took, Kind::Reply, "Replica.append", 0);
            }
        }
    }
    for a in [0_u32, 1] {
        for b in [2_u32, 3, 4] {
            writer
                .event(cut, a, What::Cut { to: b, begins: true })
                .event(cut, b, What::Cut { to: a, begins: true });
            let end = cut + 1_380 * MS;
            writer
                .event(end, a, What::Cut { to: b, begins: false })
                .event(end, b, What::Cut { to: a, begins: false });
        }
    }
    writer
        .event(cut + 200 * MS, 1, What::Paused(true))
        .event(cut + 620 * MS, 1, What::Paused(false));
    writer
        .event(cut + 240 * MS, 4, What::Crashed)
        .event(cut + 560 * MS, 4, What::Restarted);
    let election = cut + 500 * MS;
    writer.event(
        election,
        2,
        What::Note("suspects ada after 500 ms of silence".to_owned()),
    );
    for (to, took) in [(0_u32, 0), (3, 4), (4, 0)] {
        let label = "Replica.vote t2";
        if took == 0 {
            let why = if to == 0 { "cut" } else { "the receiver is down" };
            writer.lost(election + 2 * MS, (2, to), MS, Kind::Request, label, why);
        } else {
            writer.message(election + 2 * MS, (2, to), took * MS, Kind::Request, label, 0);
            writer.message(election + 8 * MS, (to, 2), 3 * MS, Kind::Reply, label, 0);
        }
    }
    let again = writer.message(election + 80 * MS, (2, 4), 4 * MS, Kind::Request, "Replica.vote t2", 1);
    writer.event(election + 88 * MS, 4, What::Delivered { message: again });
    writer.message(election + 90 * MS, (4, 2), 3 * MS, Kind::Reply, "Replica.vote t2", 1);
    writer.event(election + 95 * MS, 2, What::Note("leader of term 2".to_owned()));
    writer.event(election + 96 * MS, 0, fault("clock jumps by +2 s"));
    let text = "two leaders that both accept writes: ada in term 1, cleo in term 2".to_owned();
    writer.event(election + 110 * MS, 2, What::Violated(text));
    writer.finish()
}

/// As many events as asked for, of every kind, without end.
pub(crate) fn busy(events: u64) -> Trace {
    let nodes: Vec<String> = (0..40).map(|node| format!("node-{node}")).collect();
    let nodes: Vec<&str> = nodes.iter().map(String::as_str).collect();
    let mut writer = Writer::new(&nodes);
    let mut number = 0_u64;
    while (writer.trace.events.len() as u64) < events {
        number += 1;
        let (at, from, to) = (number * 130_000, (number % 40) as u32, (number * 7 % 39) as u32);
        let label = format!("Store.put {number:08x}");
        match number % 23 {
            0 => {
                writer.lost(at, (from, to), MS, Kind::Request, &label, "loss");
            }
            1 => {
                writer
                    .event(at, from, What::Crashed)
                    .event(at + MS, from, What::Restarted);
            }
            2 => {
                writer.event(
                    at,
                    from,
                    What::Cut {
                        to,
                        begins: number.is_multiple_of(2),
                    },
                );
                writer.event(at, from, fault("a disk full of surprises"));
            }
            3 => {
                writer.event(at, from, What::Paused(number % 2 == 1));
            }
            _ => {
                writer.message(
                    at,
                    (from, to),
                    2 * MS,
                    Kind::Request,
                    &label,
                    (number.is_multiple_of(11)).into(),
                );
            }
        }
    }
    writer.event(
        number * 130_000,
        None,
        What::Violated("store put 0000a000 was lost".to_owned()),
    );
    writer.finish()
}
