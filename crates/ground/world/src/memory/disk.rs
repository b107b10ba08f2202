//! The disk of a node in memory, over its [`Image`]. Every call is done at once, but for a sync, which may take time.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use crate::disk::{Disk, File};
use crate::network::BoxFuture;

use super::image::Image;
use super::node::Incarnation;
use super::state::State;
use super::timer::TrueTimer;

pub(super) struct MemoryDisk(pub(super) Incarnation);

impl MemoryDisk {
    fn with<'a, T: Send + 'a>(
        &'a self,
        path: &'a str,
        change: impl FnOnce(&mut Image) -> io::Result<T> + Send + 'a,
    ) -> BoxFuture<'a, io::Result<T>> {
        Box::pin(async move {
            self.0
                .enter(|state, _| change(state.disk(self.0.node)?))
                .map_err(|error| io::Error::new(error.kind(), format!("`{path}`: {error}")))
        })
    }

    fn file(&self, image: &mut Image, id: u64) -> Arc<dyn File> {
        image.hold(id);
        Arc::new(MemoryFile {
            life: self.0.clone(),
            id,
        })
    }
}

impl Disk for MemoryDisk {
    fn open<'a>(&'a self, path: &'a str) -> BoxFuture<'a, io::Result<Arc<dyn File>>> {
        self.with(path, |image| image.open(path).map(|id| self.file(image, id)))
    }

    fn create<'a>(&'a self, path: &'a str) -> BoxFuture<'a, io::Result<Arc<dyn File>>> {
        self.with(path, |image| image.create(path).map(|id| self.file(image, id)))
    }

    fn rename<'a>(&'a self, from: &'a str, to: &'a str) -> BoxFuture<'a, io::Result<()>> {
        self.with(from, |image| image.rename(from, to))
    }

    fn remove<'a>(&'a self, path: &'a str) -> BoxFuture<'a, io::Result<()>> {
        self.with(path, |image| image.remove(path))
    }

    fn list<'a>(&'a self, path: &'a str) -> BoxFuture<'a, io::Result<Vec<String>>> {
        self.with(path, |image| image.list(path))
    }

    fn create_dir<'a>(&'a self, path: &'a str) -> BoxFuture<'a, io::Result<()>> {
        self.with(path, |image| image.create_dir(path))
    }

    fn sync_dir<'a>(&'a self, path: &'a str) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(async move {
            let Some(until) = flushed(&self.0) else {
                return self.with(path, |image| image.sync_dir(path)).await;
            };
            let number = self.with(path, |image| image.begin_sync_dir(path)).await?;
            let syncing = SyncingNames { life: &self.0, number };
            until.await;
            self.with(path, |image| image.finish_sync_dir(syncing.number)).await
        })
    }
}

impl State {
    /// The disk of `node`, which a dead node does not reach.
    fn disk(&mut self, node: usize) -> io::Result<&mut Image> {
        match self.is_struck(node) {
            true => Err(io::Error::other("the node crashes within this step")),
            false => Ok(&mut self.nodes[node].image),
        }
    }
}

/// A sync of a directory that is not over; without who waits for it, it never is.
struct SyncingNames<'a> {
    life: &'a Incarnation,
    number: u64,
}

impl Drop for SyncingNames<'_> {
    fn drop(&mut self) {
        self.life.abandon(self.number);
    }
}

/// When a disk that begins now has made bytes durable, if that takes time: until then a crash may lose them.
fn flushed(life: &Incarnation) -> Option<TrueTimer> {
    let until = life.enter(|state, _| (state.sync_ns > 0).then(|| state.now.saturating_add(state.sync_ns)))?;
    Some(TrueTimer {
        shared: life.shared.clone(),
        until,
        id: None,
    })
}

struct MemoryFile {
    life: Incarnation,
    id: u64,
}

impl MemoryFile {
    fn with<'a, T: Send + 'a>(
        &'a self,
        change: impl FnOnce(&mut Image) -> io::Result<T> + Send + 'a,
    ) -> BoxFuture<'a, io::Result<T>> {
        Box::pin(async move { self.life.enter(|state, _| change(state.disk(self.life.node)?)) })
    }
}

impl File for MemoryFile {
    fn read_at(&self, offset: u64, bytes_max: usize) -> BoxFuture<'_, io::Result<Bytes>> {
        self.with(move |image| image.read(self.id, offset, bytes_max))
    }

    fn write_at(&self, offset: u64, bytes: Bytes) -> BoxFuture<'_, io::Result<()>> {
        self.with(move |image| image.write(self.id, offset, &bytes))
    }

    fn append(&self, bytes: Bytes) -> BoxFuture<'_, io::Result<u64>> {
        self.with(move |image| {
            let offset = image.len(self.id)?;
            image.write(self.id, offset, &bytes)?;
            Ok(offset)
        })
    }

    fn sync(&self) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(async move {
            let Some(until) = flushed(&self.life) else {
                return self.with(|image| image.sync(self.id)).await;
            };
            let pending = self.with(|image| image.begin_sync(self.id)).await?;
            until.await;
            self.with(|image| image.finish_sync(self.id, pending)).await
        })
    }

    fn len(&self) -> BoxFuture<'_, io::Result<u64>> {
        self.with(|image| image.len(self.id))
    }

    fn truncate(&self, bytes: u64) -> BoxFuture<'_, io::Result<()>> {
        self.with(move |image| image.truncate(self.id, bytes))
    }
}

impl Drop for MemoryFile {
    fn drop(&mut self) {
        self.life.release(self.id);
    }
}
