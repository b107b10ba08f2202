//! Files under a root directory, through the blocking pool.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::Runtime;
use crate::disk::{Disk, File, parts, split};
use crate::network::BoxFuture;

#[derive(Clone)]
pub(super) struct Files {
    root: Option<Arc<Path>>,
    runtime: Runtime,
}

impl Files {
    pub(super) fn new(root: Option<PathBuf>, runtime: Runtime) -> Files {
        Files {
            root: root.map(Arc::from),
            runtime,
        }
    }

    /// Where `path` is in the file system; nothing there is looked at.
    pub(super) fn place(&self, path: &str) -> io::Result<PathBuf> {
        let (directory, name) = split(path)?;
        let mut place = self.root()?.to_path_buf();
        place.extend(directory);
        place.push(name);
        Ok(place)
    }

    fn root(&self) -> io::Result<&Path> {
        self.root.as_deref().ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::Unsupported,
                "this node has no disk; name its directory in `production::Options::data`",
            )
        })
    }

    /// [`Files::within`], for what cannot be the root itself.
    fn with<'a, T: Send + 'static>(
        &'a self,
        path: &'a str,
        work: impl FnOnce(PathBuf) -> io::Result<T> + Send + 'static,
    ) -> BoxFuture<'a, io::Result<T>> {
        match split(path) {
            Ok(_) => self.within(path, work),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }

    /// Runs `work` with `path`'s real place, which no symbolic link may lead out of the root.
    fn within<'a, T: Send + 'static>(
        &'a self,
        path: &'a str,
        work: impl FnOnce(PathBuf) -> io::Result<T> + Send + 'static,
    ) -> BoxFuture<'a, io::Result<T>> {
        Box::pin(async move {
            let files = self.clone();
            let owned = path.to_owned();
            run(&self.runtime, move || work(files.inside(&owned)?))
                .await
                .map_err(|error| io::Error::new(error.kind(), format!("`{path}`: {error}")))
        })
    }

    fn inside(&self, path: &str) -> io::Result<PathBuf> {
        let root = self.root()?;
        fs::create_dir_all(root)?;
        let root = root.canonicalize()?;
        if parts(path)?.is_empty() {
            return Ok(root);
        }
        let (directory, name) = split(path)?;
        let directory = directory
            .iter()
            .fold(root.clone(), |place, part| place.join(part))
            .canonicalize()?;
        let place = directory.join(name);
        let link = place.symlink_metadata().is_ok_and(|found| found.is_symlink());
        if link || !directory.starts_with(&root) {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "it leads out of the node's disk by a symbolic link; put the file itself there",
            ));
        }
        Ok(place)
    }
}

impl Disk for Files {
    fn open<'a>(&'a self, path: &'a str) -> BoxFuture<'a, io::Result<Arc<dyn File>>> {
        let runtime = self.runtime.clone();
        self.with(path, move |place| {
            if place.is_dir() {
                return Err(io::Error::new(
                    io::ErrorKind::IsADirectory,
                    "is a directory; open a file in it",
                ));
            }
            Ok(Open::shared(
                fs::OpenOptions::new().read(true).write(true).open(place)?,
                runtime,
            ))
        })
    }

    fn create<'a>(&'a self, path: &'a str) -> BoxFuture<'a, io::Result<Arc<dyn File>>> {
        let runtime = self.runtime.clone();
        self.with(path, move |place| {
            let mut options = fs::OpenOptions::new();
            options.read(true).write(true).create_new(true);
            // It may be a key, or hold what a component knows.
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            Ok(Open::shared(options.open(place)?, runtime))
        })
    }

    fn rename<'a>(&'a self, from: &'a str, to: &'a str) -> BoxFuture<'a, io::Result<()>> {
        let (files, owned) = (self.clone(), to.to_owned());
        self.with(from, move |place| {
            split(&owned)?;
            fs::rename(place, files.inside(&owned)?)
        })
    }

    fn remove<'a>(&'a self, path: &'a str) -> BoxFuture<'a, io::Result<()>> {
        self.with(path, |place| match place.symlink_metadata()?.is_dir() {
            true => fs::remove_dir(place),
            false => fs::remove_file(place),
        })
    }

    fn list<'a>(&'a self, path: &'a str) -> BoxFuture<'a, io::Result<Vec<String>>> {
        self.within(path, |place| {
            let mut names = Vec::new();
            for entry in fs::read_dir(place)? {
                // A name that is not text was not made through this door, and cannot be asked for through it.
                names.extend(entry?.file_name().into_string().ok());
            }
            names.sort_unstable();
            Ok(names)
        })
    }

    fn create_dir<'a>(&'a self, path: &'a str) -> BoxFuture<'a, io::Result<()>> {
        let files = self.clone();
        let owned = path.to_owned();
        self.within("", move |_| {
            let parts = parts(&owned)?;
            for depth in 1..=parts.len() {
                let place = files.inside(&parts[..depth].join("/"))?;
                match fs::create_dir(&place) {
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists && place.is_dir() => {}
                    done => done?,
                }
            }
            Ok(())
        })
    }

    fn sync_dir<'a>(&'a self, path: &'a str) -> BoxFuture<'a, io::Result<()>> {
        self.within(path, |place| fs::File::open(place)?.sync_all())
    }
}

struct Open {
    // The lock makes a seek and what follows it one step, on every operating system.
    file: Arc<Mutex<fs::File>>,
    runtime: Runtime,
}

impl Open {
    fn shared(file: fs::File, runtime: Runtime) -> Arc<dyn File> {
        Arc::new(Open {
            file: Arc::new(Mutex::new(file)),
            runtime,
        })
    }

    fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut fs::File) -> io::Result<T> + Send + 'static,
    ) -> BoxFuture<'_, io::Result<T>> {
        let file = self.file.clone();
        Box::pin(run(&self.runtime, move || {
            work(&mut file.lock().unwrap_or_else(PoisonError::into_inner))
        }))
    }
}

impl File for Open {
    fn read_at(&self, offset: u64, bytes_max: usize) -> BoxFuture<'_, io::Result<Bytes>> {
        self.with(move |file| {
            let left = file.metadata()?.len().saturating_sub(offset);
            let mut bytes = vec![0; usize::try_from(left).map_or(bytes_max, |left| left.min(bytes_max))];
            if !bytes.is_empty() {
                file.seek(SeekFrom::Start(offset))?;
                file.read_exact(&mut bytes)?;
            }
            Ok(Bytes::from(bytes))
        })
    }

    fn write_at(&self, offset: u64, bytes: Bytes) -> BoxFuture<'_, io::Result<()>> {
        self.with(move |file| {
            file.seek(SeekFrom::Start(offset))?;
            file.write_all(&bytes)
        })
    }

    fn append(&self, bytes: Bytes) -> BoxFuture<'_, io::Result<u64>> {
        self.with(move |file| {
            let offset = file.seek(SeekFrom::End(0))?;
            file.write_all(&bytes)?;
            Ok(offset)
        })
    }

    fn sync(&self) -> BoxFuture<'_, io::Result<()>> {
        self.with(|file| file.sync_all())
    }

    fn len(&self) -> BoxFuture<'_, io::Result<u64>> {
        self.with(|file| Ok(file.metadata()?.len()))
    }

    fn truncate(&self, bytes: u64) -> BoxFuture<'_, io::Result<()>> {
        self.with(move |file| file.set_len(bytes))
    }
}

async fn run<T: Send + 'static>(
    runtime: &Runtime,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    match runtime.handle().spawn_blocking(work).await {
        Ok(done) => done,
        Err(lost) => Err(io::Error::other(format!("the work on the disk was lost: {lost}"))),
    }
}
