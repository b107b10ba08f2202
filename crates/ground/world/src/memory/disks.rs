//! What fate does to a node's disk, besides the crash that loses what was not synced.

use std::time::Duration;

use crate::time::nanos;

use super::World;

impl World {
    /// Crashes `name` like [`World::crash`], but any of what it had not synced may have reached its disk: sectors of
    /// files, a length between the old and the new, and names. Which follows from the world's seed. What was synced
    /// stays.
    pub fn crash_torn(&self, name: &str) {
        self.fall(name, true);
    }

    /// Sets what a sync takes, from now on; nothing at first. A crash in that time may lose what is being synced.
    pub fn sync_latency(&self, latency: Duration) {
        self.shared().with(|state, _| state.sync_ns = nanos(latency));
    }

    /// Flips one bit of a byte that is stored on the disk of `name`, running or not, and says of which; `None` if
    /// nothing is stored. Whoever reads it sees it, unless they have written there since the last sync.
    pub fn rot(&self, name: &str) -> Option<String> {
        let node = self.find(name);
        self.shared().with(|state, _| {
            let mut random = state.random(node, "rot of a disk");
            state.nodes[node].image.rot(&mut random)
        })
    }

    /// Makes the disk of `name` full, or no longer full. While it is, what needs one byte or one name more is refused
    /// with `StorageFull`; to write over bytes, cut, remove and sync goes on.
    pub fn fill(&self, name: &str, full: bool) {
        let node = self.find(name);
        self.shared().with(|state, _| state.nodes[node].image.full = full);
    }

    /// Lets the disk of `name` do `changes` more changes, then refuse each; `None` makes it well again. Reads go on. With
    /// a crash after it, this is a crash at exactly that change: between any two steps of a commit, say.
    pub fn fail_disk(&self, name: &str, changes: Option<u64>) {
        let node = self.find(name);
        self.shared()
            .with(|state, _| state.nodes[node].image.changes_left = changes);
    }
}
