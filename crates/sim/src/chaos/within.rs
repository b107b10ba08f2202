//! Crashes within a step: what SQLite does to a disk it does without awaiting, so a crash between two steps never strikes
//! in the midst of a commit. Such a crash waits, armed, for a change of the node's disk.

use std::sync::Arc;

use crate::fault::Fault;
use crate::inner::Inner;
use crate::source::micros;

/// How long an armed crash waits for its change, in microseconds: many commits of a node that is at work. At most three
/// quarters of the time that the node may be down, so that it is down for a while.
const WAIT_US_MAX: u64 = 5_000_000;

/// A crash that waits.
struct Armed {
    fault: Fault,
    node: String,
    incarnation: u32,
    /// When the node has to be back.
    until_us: Option<u64>,
}

impl Inner {
    /// Arms a crash that is to strike within a step, and returns a fault that strikes now: any other, and a crash of a
    /// node that has no file open which it changes within a step.
    pub(super) fn arm(self: &Arc<Inner>, mut fault: Fault) -> Option<Fault> {
        let Fault::Crash {
            node,
            down_us,
            after_changes,
            ..
        } = &mut fault
        else {
            return Some(fault);
        };
        let Some(changes) = *after_changes else {
            return Some(fault);
        };
        // One that waits already gives way.
        if self.memory.disarm(node) || !self.memory.has_blocking_file(node) {
            *after_changes = None;
            return Some(fault);
        }
        let now_us = micros(self.memory.now());
        let wait_us = down_us.map_or(WAIT_US_MAX, |down_us| WAIT_US_MAX.min(down_us - down_us / 4));
        let until_us = down_us.map(|down_us| now_us.saturating_add(down_us));
        let (node, incarnation) = {
            let core = self.core();
            let at = core.find(node)? as usize;
            (node.clone(), core.nodes[at].incarnation)
        };
        let armed = Arc::new(Armed {
            fault,
            node: node.clone(),
            incarnation,
            until_us,
        });
        let (inner, waits) = (self.clone(), armed.clone());
        self.memory
            .at_change(&node, changes, move |_| inner.strike_within(&waits));
        self.later(wait_us, move |inner| inner.strike_late(&armed));
        None
    }

    /// The change has come.
    fn strike_within(self: &Arc<Inner>, armed: &Armed) {
        let at = self.core().find(&armed.node);
        self.core().occurred(self, at, armed.fault.clone());
        self.crash_until(armed, armed.fault.clone());
    }

    /// The change did not come: the node crashes between two steps, and the fault says so.
    fn strike_late(self: &Arc<Inner>, armed: &Armed) {
        let at = self.core().find(&armed.node);
        let waits = at.is_some_and(|at| self.core().is_up(at, armed.incarnation));
        if !waits || !self.memory.disarm(&armed.node) {
            return;
        }
        let mut late = armed.fault.clone();
        if let Fault::Crash {
            at_us,
            down_us,
            after_changes,
            ..
        } = &mut late
        {
            *at_us = micros(self.memory.now());
            *down_us = armed.until_us.map(|until_us| until_us.saturating_sub(*at_us));
            *after_changes = None;
        }
        self.core().occurred(self, at, late.clone());
        self.crash_until(armed, late);
    }

    /// Crashes the node until the time at which it would be back from a crash when this one was armed: longer, and more
    /// nodes might be down than the model allows.
    fn crash_until(self: &Arc<Inner>, armed: &Armed, mut fault: Fault) {
        let now_us = micros(self.memory.now());
        if let Fault::Crash { down_us, .. } = &mut fault {
            *down_us = armed.until_us.map(|until_us| until_us.saturating_sub(now_us));
        }
        self.happen(None, fault);
    }
}
