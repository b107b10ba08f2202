//! A file of a folder that an operator names, such as one of a site.

use std::fs;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::UNIX_EPOCH;

use bytes::Bytes;

use crate::time::Wall;

/// An open file of a folder.
#[derive(Debug)]
pub struct FoundFile {
    /// Its length when it was found.
    pub bytes: u64,
    /// When it was last changed, where the file system says so.
    pub modified: Option<Wall>,
    file: fs::File,
}

impl FoundFile {
    /// The file `name` of `folder` or of one below it. `PermissionDenied` where its place, once every symbolic link is
    /// followed, is not in the folder; `IsADirectory` where it is no file.
    pub fn find(folder: &Path, name: &str) -> io::Result<FoundFile> {
        let folder = folder.canonicalize()?;
        let place = folder.join(name).canonicalize()?;
        if !place.starts_with(&folder) {
            let message = "it is outside of the folder; put the file itself there";
            return Err(io::Error::new(ErrorKind::PermissionDenied, message));
        }
        // A pipe or a device would keep whoever opens it waiting.
        if !place.metadata()?.is_file() {
            return Err(io::Error::new(ErrorKind::IsADirectory, "it is no file"));
        }
        let file = fs::File::open(place)?;
        let metadata = file.metadata()?;
        let since_1970 = metadata
            .modified()
            .ok()
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let micros = since_1970.and_then(|time| i64::try_from(time.as_micros()).ok());
        Ok(FoundFile {
            bytes: metadata.len(),
            modified: micros.map(Wall::from_micros),
            file,
        })
    }

    /// Up to `bytes_max` bytes from `offset`; fewer only at the end of the file.
    pub fn read_at(&mut self, offset: u64, bytes_max: usize) -> io::Result<Bytes> {
        let mut bytes = Vec::with_capacity(bytes_max);
        self.file.seek(SeekFrom::Start(offset))?;
        let bytes_asked = u64::try_from(bytes_max).unwrap_or(u64::MAX);
        (&self.file).take(bytes_asked).read_to_end(&mut bytes)?;
        Ok(bytes.into())
    }
}
