//! What an operator hands to a process: its configuration and its secrets. They are not on the node's own disk, which
//! holds what the node writes.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// All of the file at `path`. One of more than `bytes_max` is refused after reading that much.
pub fn read_file(path: &Path, bytes_max: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let bytes_asked = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    std::fs::File::open(path)?.take(bytes_asked).read_to_end(&mut bytes)?;
    if bytes.len() > bytes_max {
        let message = format!("the file has more than {bytes_max} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

/// The file at `path`, to be read from its beginning, such as a backup.
pub fn open_file(path: &Path) -> io::Result<Box<dyn Read + Send>> {
    Ok(Box::new(io::BufReader::with_capacity(
        BUFFER_BYTES,
        std::fs::File::open(path)?,
    )))
}

/// Whether there is a file at `path`.
pub fn exists(path: &Path) -> io::Result<bool> {
    path.try_exists()
}

/// Which file a path names: another one that gets the same name is told from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileId {
    device: u64,
    number: u64,
}

/// Which file is at `path`, if there is one. Where files have no numbers, all are one.
pub fn file_id(path: &Path) -> io::Result<Option<FileId>> {
    match std::fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
        #[cfg(unix)]
        Ok(file) => {
            use std::os::unix::fs::MetadataExt;
            Ok(Some(FileId {
                device: file.dev(),
                number: file.ino(),
            }))
        }
        #[cfg(not(unix))]
        Ok(_) => Ok(Some(FileId { device: 0, number: 0 })),
    }
}

/// Removes the file at `path`; it is no error if there is none.
pub fn remove_file(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// A file that is being written under another name, and gets its own once it is whole.
pub struct NewFile {
    /// `None` once it was finished.
    file: Option<io::BufWriter<std::fs::File>>,
    partial: PathBuf,
    path: PathBuf,
}

/// What is read or written at once.
const BUFFER_BYTES: usize = 1 << 18;

impl NewFile {
    /// Begins the file at `path`, whose folder is created; `AlreadyExists` if there is something.
    pub fn create(path: &Path) -> io::Result<NewFile> {
        if path.try_exists()? {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut partial = path.as_os_str().to_owned();
        // Another process may write to the same path; whoever is first has it.
        partial.push(format!(".partial-{}", std::process::id()));
        let partial = PathBuf::from(partial);
        let file = owners_only().open(&partial)?;
        Ok(NewFile {
            file: Some(io::BufWriter::with_capacity(BUFFER_BYTES, file)),
            partial,
            path: path.to_owned(),
        })
    }

    /// Makes it durable under its own name.
    pub fn finish(mut self) -> io::Result<()> {
        if let Some(file) = self.file.take() {
            file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
            std::fs::rename(&self.partial, &self.path)?;
            if let Some(folder) = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                std::fs::File::open(folder)?.sync_all()?;
            }
        }
        Ok(())
    }
}

/// A new file that only its owner may read: it may hold all that a component knows.
fn owners_only() -> std::fs::OpenOptions {
    let mut options = std::fs::File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.as_mut().map_or(Ok(0), |file| file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if self.file.is_some() {
            // What is not whole is of no use to anybody.
            let _ = std::fs::remove_file(&self.partial);
        }
    }
}
