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
        self.shared().with(|state, _| {
            let image = &mut state.nodes[node].image;
            (image.changes_left, image.refused) = (changes, false);
        });
    }

    /// Lets `happening` happen exactly at a change of the disk of `name`: it does `changes` more, then refuses each, and
    /// after the step of the task that asked for one, before any other, `happening` happens and the disk is well again.
    /// From the refusal on the node is [struck](World::is_struck), as if it were dead already: for the rest of the step its
    /// disk neither changes nor is read, and its streams carry nothing and tell nobody that they were closed. It replaces
    /// what was to happen before; [`World::disarm`] and a crash take it away.
    pub fn at_change(&self, name: &str, changes: u64, happening: impl FnOnce(&World) + Send + 'static) {
        self.disarm(name);
        let node = self.find(name);
        self.shared().with(|state, _| {
            let image = &mut state.nodes[node].image;
            (image.changes_left, image.refused) = (Some(changes), false);
            state.armed.push((node, Box::new(happening)));
        });
    }

    /// Takes away what [`World::at_change`] is to do; returns whether there was something.
    pub fn disarm(&self, name: &str) -> bool {
        let node = self.find(name);
        let happening = self.shared().with(|state, _| state.disarm(node));
        happening.is_some()
    }

    /// Whether what [`World::at_change`] was told of `name` is due once the step that is going on is over. What the node
    /// says by other ways than its disk and its streams, such as memory that a test shares with it, is then not said.
    pub fn is_struck(&self, name: &str) -> bool {
        self.shared().with(|state, _| {
            let mut armed = state.armed.iter();
            armed.any(|(node, _)| &*state.nodes[*node].name == name && state.is_struck(*node))
        })
    }

    /// Whether `name` has a file open by a [`BlockingPlace`](super::BlockingPlace), as SQLite has.
    pub fn has_blocking_file(&self, name: &str) -> bool {
        let node = self.find(name);
        self.shared().with(|state, _| state.nodes[node].blocking_files > 0)
    }
}
