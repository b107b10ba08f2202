//! What an operator hands to a process: its configuration and its secrets. They are not on the node's own disk, which
//! holds what the node writes.

use std::io::{self, Read};
use std::path::Path;

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
