//! Every word of an axis.

use crate::fault::PartitionShape;
use crate::model::words::axes::{
    bounded_clocks, clients_whole, clocks, corrupting, delay, disk, duplicating, faulty, jumps, links, lossy,
    partition, processes, reordering, rounds, skewed_clocks, stable_after,
};
use crate::model::words::{Apply, Argument, PARTITIONS, Word};
use crate::model::{Clocks, Disk, Faulty, Links, Processes};

const LOCK_STEP: &str = "whether rounds are in lock step";
const BOUND: &str = "the bound on delays";
const STABLE: &str = "when delays become bounded";
const PROCESSES: &str = "how nodes fail";
const FAULTY: &str = "how many nodes may fail";
const DISK: &str = "what a disk does";
const LINKS: &str = "what links do";
const DOUBLED: &str = "how many messages arrive twice";
const ORDER: &str = "whether messages overtake each other";
const CLOCKS: &str = "what clocks show";
const JUMPS: &str = "whether clocks jump";
const CLIENTS: &str = "whether clients reach all servers or none";

/// All of them, by axis, and within one the words that begin anew before those that change what is there.
pub(in crate::model) const WORDS: &[Word] = &[
    on("timing", "rounds", Argument::None, &[LOCK_STEP], rounds).does(
        "all messages of a round arrive together, at its end",
        "protocols in rounds, by their number",
    ),
    on("timing", "delay", Argument::Duration, &[BOUND], delay).does(
        "once delays are bounded, no message takes longer",
        "timeouts that follow from the bound",
    ),
    on("timing", "stable-after", Argument::Duration, &[STABLE], stable_after).does(
        "delays become bounded so long after the chaos began, or sooner",
        "progress from then on",
    ),
    on(
        "processes",
        "correct",
        Argument::None,
        &[PROCESSES, FAULTY],
        |model, _| processes(model, Processes::Correct, Some(Faulty::AtMost(0))),
    )
    .does("no node fails", "what links and clocks do alone"),
    on("processes", "crash-stop", Argument::None, &[PROCESSES], |model, _| {
        processes(model, Processes::CrashStop, None)
    })
    .does(
        "a node is gone for good; for who needs it back, this is not stronger than the next ones",
        "agreement of those left; a detector's completeness",
    ),
    on(
        "processes",
        "crash-recovery",
        Argument::None,
        &[PROCESSES],
        |model, _| processes(model, Processes::CrashRecovery, None),
    )
    .does(
        "a node is gone, and comes back as a new incarnation with what its disk kept",
        "durability; that no old lease comes back",
    ),
    on("processes", "omission", Argument::None, &[PROCESSES], |model, _| {
        processes(model, Processes::Omission, None)
    })
    .does(
        "a failing node also loses messages before it sends or after it got them",
        "retries and idempotence",
    ),
    on("processes", "timing", Argument::None, &[PROCESSES], |model, _| {
        processes(model, Processes::Timing, None)
    })
    .does(
        "a failing node also stands still, up to a bound that always holds; without one it is slow too",
        "a detector's accuracy; fencing",
    ),
    on(
        "processes",
        "byzantine",
        Argument::Count,
        &[PROCESSES, FAULTY],
        |model, value| processes(model, Processes::Byzantine, Some(value.faulty())),
    )
    .does(
        "so many nodes also corrupt, lie, equivocate, replay, stay silent or answer at the last moment",
        "f+1 equal answers of 2f+1; 3f+1 votes; checksums, signatures",
    ),
    on("faulty", "faulty", Argument::Count, &[FAULTY], |model, value| {
        faulty(model, value.faulty())
    })
    .does(
        "at most so many nodes fail at one moment",
        "what replicas were counted for",
    ),
    on("faulty", "minority-faulty", Argument::None, &[FAULTY], |model, _| {
        faulty(model, Faulty::Minority)
    })
    .does(
        "fewer than half of the servers fail at one moment, but one of one or two",
        "quorums",
    ),
    on("faulty", "any-faulty", Argument::None, &[FAULTY], |model, _| {
        faulty(model, Faulty::Any)
    })
    .does("all nodes may fail at one moment", "what disks alone keep"),
    on("disk", "synced-only", Argument::None, &[DISK], |model, _| {
        disk(model, Disk::SyncedOnly)
    })
    .does(
        "a crash leaves exactly what was synced",
        "an acknowledgement before its sync",
    ),
    on("disk", "torn", Argument::None, &[DISK], |model, _| {
        disk(model, Disk::Torn)
    })
    .does(
        "a crash also leaves any part of what was not synced",
        "logs that tell where they end",
    ),
    on("disk", "full", Argument::None, &[DISK], |model, _| {
        disk(model, Disk::Full)
    })
    .does(
        "as torn; a disk takes nothing more for a while",
        "that a refused write acknowledges nothing",
    ),
    on("disk", "rotting", Argument::None, &[DISK], |model, _| {
        disk(model, Disk::Rotting)
    })
    .does("as full; bits change by themselves", "checksums and repair"),
    on("links", "perfect-links", Argument::None, &[LINKS], |model, _| {
        links(model, Links::Perfect)
    })
    .against(&["duplicating", "reordering"])
    .does(
        "each message arrives once, whole and in order",
        "what nodes and clocks do alone",
    ),
    on("links", "authenticated", Argument::None, &[LINKS], |model, _| {
        links(model, Links::Authenticated)
    })
    .against(&["duplicating", "reordering"])
    .does("as perfect; nobody speaks for another", "votes among liars"),
    on("links", "lossy", Argument::Share, &[LINKS], lossy).does(
        "this share of messages vanishes, and as many connections are reset",
        "retries; what a caller knows after an error",
    ),
    on("links", "corrupting", Argument::Share, &[LINKS], corrupting)
        .against(&["reordering"])
        .does(
            "as lossy and reordering; this share of messages is changed on the way",
            "that frames are checked",
        ),
    on("links", "duplicating", Argument::Share, &[DOUBLED], duplicating).does(
        "as lossy; this share of messages arrives twice",
        "idempotence; calls that run once",
    ),
    on("links", "reordering", Argument::None, &[ORDER], reordering).does(
        "as lossy; messages overtake each other",
        "that order comes from numbers",
    ),
    on(PARTITIONS, "no-partitions", Argument::None, &[], |_, _| Ok(()))
        .against(&["one-way", "bridge", "ring", "isolate-leader", "halves"])
        .does("nobody is cut off", "what else happens alone"),
    on(PARTITIONS, "one-way", Argument::None, &[], |model, _| {
        partition(model, PartitionShape::OneWay)
    })
    .does(
        "one side does not reach the other, which still reaches it",
        "heartbeats that arrive while answers do not",
    ),
    on(PARTITIONS, "bridge", Argument::None, &[], |model, _| {
        partition(model, PartitionShape::Bridge)
    })
    .does(
        "two sides that only one node connects",
        "quorums that overlap in one node",
    ),
    on(PARTITIONS, "ring", Argument::None, &[], |model, _| {
        partition(model, PartitionShape::Ring)
    })
    .does(
        "each node reaches its two neighbours only",
        "majorities that no two nodes agree on",
    ),
    on(PARTITIONS, "isolate-leader", Argument::None, &[], |model, _| {
        partition(model, PartitionShape::IsolateLeader)
    })
    .does(
        "one node is alone: the leader, where the scenario says who leads",
        "two leaders; fencing",
    ),
    on(PARTITIONS, "halves", Argument::None, &[], |model, _| {
        partition(model, PartitionShape::Halves)
    })
    .does("two sides that do not reach each other", "that not both sides go on"),
    on("clocks", "perfect-clocks", Argument::None, &[CLOCKS], |model, _| {
        clocks(model, Clocks::Perfect)
    })
    .against(&["jumps"])
    .does("clocks show the truth", "what messages do alone"),
    on(
        "clocks",
        "bounded-clocks",
        Argument::DurationOrNone,
        &[CLOCKS],
        bounded_clocks,
    )
    .against(&["jumps"])
    .does(
        "wall clocks are wrong by no more than the bound, and say so",
        "`env.interval()`; waiting until a time is past",
    ),
    on(
        "clocks",
        "skewed-clocks",
        Argument::DurationOrNone,
        &[CLOCKS],
        skewed_clocks,
    )
    .does(
        "wall clocks are wrong by up to so much, and all clocks run too fast or too slow",
        "deadlines that travel; leases",
    ),
    on("clocks", "jumps", Argument::None, &[JUMPS], jumps).does(
        "as skewed; clocks jump, a monotonic one only forward",
        "a lease without a fence",
    ),
    on("clients", "whole-clients", Argument::None, &[CLIENTS], |model, _| {
        clients_whole(model, true)
    })
    .does(
        "a client reaches all servers or none",
        "services whose servers are cut off from each other only",
    ),
    on("clients", "split-clients", Argument::None, &[CLIENTS], |model, _| {
        clients_whole(model, false)
    })
    .does(
        "a client may reach some servers only",
        "clients that look for another server",
    ),
];

const fn on(
    axis: &'static str,
    name: &'static str,
    argument: Argument,
    settles: &'static [&'static str],
    apply: Apply,
) -> Word {
    Word {
        name,
        argument,
        axis,
        settles,
        against: &[],
        simulator: "",
        checkable: "",
        apply,
    }
}

impl Word {
    const fn against(mut self, words: &'static [&'static str]) -> Word {
        self.against = words;
        self
    }

    const fn does(mut self, simulator: &'static str, checkable: &'static str) -> Word {
        self.simulator = simulator;
        self.checkable = checkable;
        self
    }
}
