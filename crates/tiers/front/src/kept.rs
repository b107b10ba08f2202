//! Small files that the web tier keeps on the node's disk.

use std::io::{self, ErrorKind};

use bytes::Bytes;
use world::Env;

/// Makes `bytes` the file `name` of `folder`, which is made if it is missing. They are under the name once they are durable, so
/// that a crash leaves what was there before or all of them.
pub(crate) async fn keep(env: &Env, folder: &str, name: &str, bytes: Bytes) -> io::Result<()> {
    let disk = env.disk();
    let path = if folder.is_empty() {
        name.to_owned()
    } else {
        disk.create_dir(folder).await?;
        disk.sync_dir("").await?;
        format!("{folder}/{name}")
    };
    let new = format!("{path}.new");
    match disk.remove(&new).await {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = disk.create(&new).await?;
    file.append(bytes).await?;
    file.sync().await?;
    disk.rename(&new, &path).await?;
    disk.sync_dir(folder).await
}
