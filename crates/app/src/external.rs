//! Programs that are components, as far as this process runs them.

use deploy::{Child, StartError, Supervisor};
use host::Config;
use host::config::ExternalProgram;
use world::Env;

/// Starts those that the configuration has by their commands, and waits until they answer.
pub(crate) async fn start(env: &Env, config: &Config) -> Result<Supervisor, StartError> {
    let children = config.external.iter().filter_map(|(component, external)| {
        let ExternalProgram::Command(command) = &external.program else {
            return None;
        };
        let folder = config.folder();
        Some(Child {
            component: component.clone(),
            command: command.clone(),
            folder: (!folder.as_os_str().is_empty()).then(|| folder.to_owned()),
            secrets: config.secret_variables(),
        })
    });
    Supervisor::start(env, children.collect()).await
}
