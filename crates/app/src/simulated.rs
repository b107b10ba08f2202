//! An application's modules on a simulated node, for scenarios.

use std::path::Path;
use std::sync::Arc;

use host::{Config, Modules, Opened};
#[cfg(feature = "front")]
use world::Address;
use world::Env;

/// Opens `modules` on the node of `env`, as `config` says in the form of `terrace.toml`, and runs their jobs and what runs
/// in the background. Serve them by [`sim::serve`]; keep what is answered for as long as the node is to live.
pub async fn open(env: &Env, modules: Modules, config: &str) -> Result<Opened, String> {
    let config = Config::parse(config, Path::new("terrace.toml")).map_err(|error| error.to_string())?;
    let opened = modules.open(env, Arc::new(config)).await;
    let mut opened = opened.map_err(|error| error.to_string())?;
    #[cfg(feature = "database")]
    opened.start_jobs().await.map_err(|error| error.to_string())?;
    opened.start();
    Ok(opened)
}

/// Serves what the fronts of `opened` are at `at`, on the node of `env`, as a program does.
#[cfg(feature = "front")]
pub fn serve_fronts(
    env: &Env,
    opened: &Opened,
    at: &Address,
) -> impl Future<Output = std::io::Result<front::Handle>> + Send + use<> {
    let fronts = crate::pages::fronts(opened);
    let (env, at) = (env.clone(), at.clone());
    async move {
        let web = Arc::new(front::Web::new(fronts.map_err(std::io::Error::other)?));
        let listener = env.network().listen(&at).await?;
        Ok(front::serve(&env, listener, web, None).await)
    }
}
