//! The front of an application, and the operator's pages beside it: where they listen, and how they are served.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use front::{Handle, Tls, Web};
use host::{Config, Opened};
use wire::face::is_loopback;
use world::{Address, Env, Listener};

use crate::admin::{self, Guard, Looked};
use crate::command_line::Pages as Asked;
use crate::failure::CommandError;
use crate::up::bound;

/// Where pages are unless something says otherwise.
pub(crate) const LISTEN: &str = "127.0.0.1:8080";

/// Where the operator's pages are unless something says otherwise.
const ADMIN: &str = "127.0.0.1:0";

/// The port of HTTPS that no address names.
const HTTPS_PORT: u16 = 443;

/// Listeners that are bound, before anything is served on them.
pub(crate) struct Bound {
    http: Box<dyn Listener>,
    https: Option<(Box<dyn Listener>, Tls)>,
    /// The port of HTTPS as people reach it, where that is configured: behind something that hands it on it is another than
    /// the one that is bound.
    reached: Option<u16>,
    admin: Box<dyn Listener>,
    guard: Arc<Guard>,
    /// Whether pages load themselves anew after each start.
    reload: bool,
    /// Proxies before it.
    proxies: usize,
}

/// What is served.
pub(crate) struct Served {
    handles: Vec<Handle>,
    /// What a person opens first.
    pub(crate) url: String,
    /// The operator's pages.
    pub(crate) admin: String,
}

/// What the fronts of `opened` are, as one, or why they cannot be. They are taken out.
pub(crate) fn fronts(opened: &Opened) -> Result<Router, String> {
    let mut all = Router::new();
    for (name, router) in opened.take_fronts::<Router>() {
        let before = std::mem::take(&mut all);
        // Axum has no other way to tell that two routers have the same path.
        let merged = catch_unwind(AssertUnwindSafe(|| before.merge(router)));
        all = merged.map_err(|panic| {
            let why = world::panic_message(&*panic);
            format!("front `{name}` cannot stand beside the ones before it: {why}; give each its own paths")
        })?;
    }
    Ok(all)
}

/// Binds what is asked for.
pub(crate) async fn bind(env: &Env, asked: &Asked, config: &Config) -> Result<Bound, CommandError> {
    let front = &config.front;
    let http = asked.listen.clone().or_else(|| front.listen.clone());
    let http = bound(env, &http.unwrap_or_else(|| LISTEN.into()), "--listen").await?;
    let admin = asked.admin.clone().or_else(|| front.admin.clone());
    let admin = admin.unwrap_or_else(|| ADMIN.into());
    if !is_loopback(&admin) {
        return Err(format!(
            "the operator's pages are served on loopback only, and {admin} is not; choose a port of 127.0.0.1"
        )
        .into());
    }
    let admin = bound(env, &admin, "--admin").await?;
    let https = match asked.listen_tls.clone().or_else(|| front.listen_tls.clone()) {
        None => None,
        Some(address) => {
            let tls = tls(env, config).await?;
            Some((bound(env, &address, "--listen-tls").await?, tls))
        }
    };
    let guard = Arc::new(Guard::new(env, admin.address()));
    Ok(Bound {
        http,
        https,
        reached: https_port(config),
        admin,
        guard,
        reload: front.reload,
        proxies: front.proxies,
    })
}

async fn tls(env: &Env, config: &Config) -> Result<Tls, CommandError> {
    match &config.front.certificate {
        Some((certificate, key)) => Ok(Tls::load(env, certificate, key).await?),
        None => {
            let hosts = hosts(config);
            let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
            Ok(Tls::development(env, &hosts).await?)
        }
    }
}

/// The host and the port of where people reach the application, if `[front] url` says so.
fn public(config: &Config) -> Option<(&str, Option<u16>)> {
    let (scheme, rest) = config.front.url.as_deref()?.split_once("://")?;
    let host = rest.split('/').next()?;
    // An address of IPv6 has colons of its own, in brackets.
    let after = host.rfind(']').map_or(0, |at| at + 1);
    let known = if scheme == "https" { Some(HTTPS_PORT) } else { None };
    match host.get(after..)?.find(':') {
        Some(at) => Some((&host[..after + at], host[after + at + 1..].parse().ok())),
        None => Some((host, known)),
    }
}

/// The port of HTTPS as people reach it, if that is configured.
fn https_port(config: &Config) -> Option<u16> {
    let url = config.front.url.as_deref()?;
    let (_, port) = public(config).filter(|_| url.starts_with("https://"))?;
    port
}

/// The names for which a development certificate is made.
fn hosts(config: &Config) -> Vec<String> {
    let host = public(config).map(|(host, _)| host.trim_matches(['[', ']']).to_owned());
    ["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()]
        .into_iter()
        .chain(host)
        .collect()
}

impl Bound {
    /// What a person opens first.
    pub(crate) fn url(&self) -> String {
        match &self.https {
            Some((listener, _)) => format!("https://{}", reached(&listener.address())),
            None => format!("http://{}", reached(&self.http.address())),
        }
    }

    /// Makes addresses of the operator's pages.
    pub(crate) fn guard(&self) -> Arc<Guard> {
        self.guard.clone()
    }

    /// Serves what the fronts of `opened` are.
    pub(crate) async fn serve(
        self,
        env: &Env,
        application: (&'static str, &'static str),
        opened: &Opened,
    ) -> Result<Served, CommandError> {
        let url = self.url();
        let router = match self.reload {
            true => front::reloading(fronts(opened)?, env),
            false => fronts(opened)?,
        };
        let mut handles = Vec::new();
        let mut web = Web::new(router);
        web.config.proxies = self.proxies;
        let web = Arc::new(web);
        match self.https {
            None => handles.push(front::serve(env, self.http, web, None).await),
            Some((listener, tls)) => {
                let port = listener
                    .address()
                    .as_str()
                    .rsplit_once(':')
                    .and_then(|(_, port)| port.parse().ok());
                let port = self.reached.or(port).unwrap_or(HTTPS_PORT);
                let redirect = Web::new(front::redirect_to_https(port));
                let address = self.http.address();
                tracing::info!(target: "terrace::app", address = address.as_str(), "redirects to HTTPS");
                handles.push(front::serve(env, self.http, Arc::new(redirect), None).await);
                handles.push(front::serve(env, listener, web, Some(tls)).await);
            }
        }
        let (name, version) = application;
        let looked = Looked::at(name, version, opened);
        let admin = admin::router(self.guard.clone(), looked);
        handles.push(front::serve(env, self.admin, Arc::new(Web::new(admin)), None).await);
        Ok(Served {
            handles,
            url,
            admin: self.guard.invite(),
        })
    }
}

impl Served {
    /// Lets requests that have begun end, all listeners at once.
    pub(crate) async fn drain(self, env: &Env, within: Duration) {
        let draining: Vec<_> = self
            .handles
            .into_iter()
            .map(|handle| env.spawn("drain", async move { handle.drain().await }))
            .collect();
        let drained = async {
            for task in draining {
                // Whoever was lost serves nobody.
                let _ = task.await;
            }
        };
        let _ = env.timeout(within, drained).await;
    }
}

/// An address that a person can open: not every one that can be listened on can be connected to.
fn reached(address: &Address) -> String {
    let (host, port) = address.as_str().rsplit_once(':').unwrap_or((address.as_str(), "80"));
    match host {
        "0.0.0.0" => format!("127.0.0.1:{port}"),
        "[::]" => format!("[::1]:{port}"),
        host => format!("{host}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use host::Config;

    use super::{hosts, https_port};

    fn config(url: &str) -> Config {
        let text = format!("[front]\nurl = \"{url}\"\n");
        Config::parse(&text, Path::new("terrace.toml")).expect("a configuration")
    }

    #[test]
    fn plain_http_leads_to_the_port_that_people_reach() {
        for (url, port) in [
            ("https://todo.example", Some(443)),
            ("https://todo.example/", Some(443)),
            ("https://todo.example:8443", Some(8443)),
            ("https://[::1]", Some(443)),
            ("https://[2001:db8::1]:8443/", Some(8443)),
            // The one that is bound is all that is known.
            ("http://todo.example", None),
            ("http://todo.example:8080", None),
        ] {
            assert_eq!(https_port(&config(url)), port, "{url}");
        }
    }

    #[test]
    fn a_development_certificate_names_the_host_of_the_url_without_brackets_or_port() {
        for (url, host) in [
            ("https://todo.example", "todo.example"),
            ("https://todo.example:8443/", "todo.example"),
            ("https://[2001:db8::1]", "2001:db8::1"),
            ("http://[2001:db8::1]:80", "2001:db8::1"),
        ] {
            let hosts = hosts(&config(url));
            assert_eq!(hosts.last().map(String::as_str), Some(host), "{url}");
        }
    }
}
