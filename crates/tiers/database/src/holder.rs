//! Who has a component's file, for commands on data that a running process holds.

use world::Env;
use world::production::FileLock;

use crate::config::Owner;
use crate::error::Error;

/// The process that has a component's file.
#[derive(Clone)]
pub struct Holder {
    /// Its number.
    pub pid: u32,
    /// Where it can be asked, if it takes commands.
    pub owner: Option<Owner>,
}

/// Who has the file of `component` on this node's disk; nobody where it is free or not there.
pub fn holder(env: &Env, component: &str) -> Result<Option<Holder>, Error> {
    let failed = |error: std::io::Error| Error::Open {
        message: format!("who has the database of `{component}` cannot be found out: {error}"),
    };
    let lock = env.sqlite(&format!("{component}.lock")).map_err(failed)?;
    let Some(said) = FileLock::held_by(&lock.path).map_err(failed)? else {
        return Ok(None);
    };
    let said: serde_json::Value = serde_json::from_str(&said).unwrap_or_default();
    let text = |key: &str| said[key].as_str().map(str::to_owned);
    let pid = said["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok());
    let owner = text("address").zip(text("token"));
    Ok(Some(Holder {
        pid: pid.unwrap_or_default(),
        owner: owner.map(|(address, token)| Owner { address, token }),
    }))
}
